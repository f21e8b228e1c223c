/** From a SYSCALL instruction to its handler and back: argument conversion, missing calls, strace. */
import { errno } from "../abi/errno.ts";
import { syscallNumbers } from "../abi/unistd.ts";
import type { Maybe } from "../base/maybe.ts";
import { reg } from "../../wasm/x86/types.ts";
import type { Kernel } from "./kernel.ts";
import { restart } from "./faults.ts";
import { formatCall, formatResult } from "./strace.ts";
import type { ArgumentKind, SyscallRow, SyscallTable } from "./syscall-row.ts";
import type { Task } from "./task.ts";

const argumentRegisters = [reg.rdi, reg.rsi, reg.rdx, reg.r10, reg.r8, reg.r9] as const;

export class Dispatcher {
  readonly #kernel: Kernel;
  readonly #table: SyscallTable;

  constructor(kernel: Kernel, table: SyscallTable) {
    this.#kernel = kernel;
    this.#table = table;
  }

  /** Makes the call whose number and arguments are in the registers. */
  dispatch(task: Task): Maybe<number> {
    const row = this.#table[task.syscallNumber];
    if (row === undefined || row.handler === null) {
      this.#kernel.countMissing(task, row?.name ?? syscallName(task.syscallNumber));
      if (this.#kernel.strace !== null) task.straceText = `${row?.name ?? syscallName(task.syscallNumber)}(?)`;
      return -errno.ENOSYS;
    }
    const kinds = row.arguments;
    const handler = row.handler;
    if (this.#kernel.strace !== null) this.#trace(task, row);
    switch (kinds.length) {
      case 0:
        return handler(task);
      case 1:
        return handler(task, this.#argument(task, kinds, 0));
      case 2:
        return handler(task, this.#argument(task, kinds, 0), this.#argument(task, kinds, 1));
      case 3:
        return handler(
          task,
          this.#argument(task, kinds, 0),
          this.#argument(task, kinds, 1),
          this.#argument(task, kinds, 2),
        );
      default:
        return handler(task, ...kinds.map((_, index) => this.#argument(task, kinds, index)));
    }
  }

  /** Puts the result where the guest finds it. Restarts are settled by signal delivery. */
  finish(task: Task, result: number): void {
    if (task.straceText !== "") {
      this.#kernel.strace?.(task, `${task.straceText} = ${formatResult(task.syscallNumber, result)}`);
      task.straceText = "";
    }
    if (result <= -restart.ERESTARTSYS && result >= -restart.ERESTART_RESTARTBLOCK) {
      task.restartCode = -result;
      return;
    }
    const resume = task.onResume;
    if (resume !== null) {
      task.onResume = null;
      resume();
      return;
    }
    // ppoll and its kin set a mask for the call alone; if a signal ended it, delivery restores it after the handler.
    if (task.savedMask !== null && result !== -errno.EINTR) {
      task.blocked = task.savedMask;
      task.savedMask = null;
      this.#kernel.signals.update(task);
    }
    const cpu = this.#kernel.cpu;
    if (result >= 0) cpu.setRegisterNumber(reg.rax, result);
    else cpu.setRegister(reg.rax, BigInt.asUintN(64, BigInt(result)));
  }

  #trace(task: Task, row: SyscallRow): void {
    const text = formatCall(task, row, (index) => this.#raw(index));
    // These do not come back to print a result.
    if (row.number === syscallNumbers.exit || row.number === syscallNumbers.exit_group) {
      this.#kernel.strace?.(task, `${text} = ?`);
    } else task.straceText = text;
  }

  #raw(index: number): bigint {
    return this.#kernel.cpu.register(argumentRegisters[index]!);
  }

  #argument(task: Task, kinds: readonly ArgumentKind[], index: number): number | bigint | string {
    const cpu = this.#kernel.cpu;
    const register = argumentRegisters[index]!;
    switch (kinds[index]) {
      case "address":
      case "buffer":
        return cpu.registerNumber(register);
      case "long":
        return Number(BigInt.asIntN(64, cpu.register(register)));
      case "u64":
        return cpu.register(register);
      case "uint":
        return cpu.registerInt(register) >>> 0;
      case "path":
        return task.user.readCString(cpu.registerNumber(register));
      default:
        return cpu.registerInt(register);
    }
  }
}

const names = new Map<number, string>();

export function syscallName(number: number): string {
  if (names.size === 0) for (const [name, value] of Object.entries(syscallNumbers)) names.set(value, name);
  return names.get(number) ?? `syscall_${number}`;
}
