/**
 * Restartable sequences (linux/rseq.h): a stretch of code that must run without interruption, or start over. When its
 * thread lost the processor or takes a signal within it, the thread goes on at the sequence's abort handler instead.
 *
 *     struct rseq:     cpu_id_start 0, cpu_id 4, rseq_cs 8, flags 16, node_id 20, mm_cid 24
 *     struct rseq_cs:  version 0, flags 4, start_ip 8, post_commit_offset 16, abort_ip 24
 */
import { siCode, signals } from "../abi/signal.ts";
import { PageNeeded, UserFault } from "./faults.ts";
import type { Task } from "./task.ts";

export interface RestartableSequences {
  readonly address: number;
  readonly length: number;
  /** Must stand before every abort handler. */
  readonly signature: number;
}

/** Before the task goes on after an interruption; its registers are loaded. */
export function restartSequence(task: Task): void {
  const { rseq } = task;
  if (rseq === null) return;
  const { cpu } = task.kernel;
  try {
    const current = task.user.readNumber(rseq.address + 8);
    if (current === 0) return;
    const start = task.user.readNumber(current + 8);
    const length = task.user.readNumber(current + 16);
    const abort = task.user.readNumber(current + 24);
    task.user.writeNumber(rseq.address + 8, 0);
    if (cpu.rip < start || cpu.rip >= start + length) return;
    if (task.user.readU32(abort - 4) !== rseq.signature) throw new UserFault();
    cpu.rip = abort;
  } catch (error) {
    // The structures are in memory the program uses all the time: if they are not there, that is its own doing.
    if (!(error instanceof UserFault || error instanceof PageNeeded)) throw error;
    task.kernel.signals.force(task, { signal: signals.SIGSEGV, code: siCode.SI_KERNEL, address: 0 });
  }
}
