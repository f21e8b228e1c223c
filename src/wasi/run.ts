/**
 * Runs one WASI program to its end. A call that would wait (input that has not come, a timer, file content still in
 * storage) suspends the program where the engine can (JSPI). Where it cannot, such a call ends the program with a
 * message: nothing may hang.
 */
import { WherryError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import type { Maybe } from "../base/maybe.ts";
import { isPromise } from "../base/maybe.ts";
import type { Caller, OpenFile } from "../vfs/types.ts";
import { Preview1, ProgramExit } from "./preview1.ts";
import type { WasiFunction } from "./preview1.ts";

export interface WasiProgram {
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  readonly caller: Caller;
  readonly clock: Clock;
  /** stdin, stdout, stderr; one reference each is taken over. */
  readonly standard: readonly OpenFile[];
  /** The container's root directory, opened. */
  readonly root: OpenFile;
}

/** JavaScript Promise Integration, where there is (WebAssembly JSPI proposal, phase 4). */
interface PromiseIntegration {
  Suspending: new (f: WasiFunction) => WebAssembly.ImportValue;
  promising(f: unknown): () => Promise<unknown>;
}

const integration = "Suspending" in WebAssembly ? (WebAssembly as unknown as PromiseIntegration) : null;

/** Whether a program may wait here: otherwise stdin must be complete before it starts. */
export const wasiCanWait = integration !== null;

/** Any of these may wait. */
const waiting = new Set(
  "fd_read fd_pread fd_write fd_pwrite fd_sync fd_datasync fd_allocate fd_seek fd_tell fd_readdir fd_filestat_set_size fd_filestat_set_times path_open path_filestat_set_times poll_oneoff".split(
    " ",
  ),
);

/** A module that validates and has what WASI asks of a command; otherwise invalid-executable (126). */
export async function compileWasi(name: string, code: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  let module: WebAssembly.Module;
  try {
    module = await WebAssembly.compile(code);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^WebAssembly\.\w+\(\):\s*/, "") : String(error);
    throw new WherryError("invalid-executable", `${name}: not a valid WebAssembly module: ${reason}`, {
      exitCode: 126,
    });
  }
  const start = WebAssembly.Module.exports(module).some(
    (entry) => entry.name === "_start" && entry.kind === "function",
  );
  if (!start) {
    throw new WherryError("invalid-executable", `${name}: not a WASI command: it exports no function _start`, {
      exitCode: 126,
    });
  }
  return module;
}

/** Resolves with the exit code. A trap is told on stderr and counts as 134, as an abort does. */
export async function runWasi(program: WasiProgram, module: WebAssembly.Module): Promise<number> {
  const files = new Preview1(program.caller, program.clock, program.standard, program.root);
  try {
    // Half a megabyte that only WASI programs need.
    const { wasmerImports } = await import("./wasmer.ts");
    const wasmer = await wasmerImports(module, program.arguments, program.environment);
    const imports: WebAssembly.Imports = {};
    const ours = files.imports();
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      const f = ours[name] ?? wasmer.imports[from]?.[name];
      if (f === undefined || !from.startsWith("wasi_")) {
        throw new WherryError(
          "invalid-executable",
          `${program.arguments[0]}: imports ${from}.${name}, which is not part of WASI preview 1`,
          { exitCode: 126 },
        );
      }
      imports[from] ??= {};
      imports[from][name] = waiting.has(name) ? wait(name, f) : f;
    }
    const instance = await WebAssembly.instantiate(module, imports);
    const memory = instance.exports["memory"];
    if (!(memory instanceof WebAssembly.Memory)) {
      throw new WherryError("invalid-executable", `${program.arguments[0]}: exports no memory`, { exitCode: 126 });
    }
    files.attach(memory);
    wasmer.attach(instance);
    const start = instance.exports["_start"] as () => void;
    if (integration === null) start();
    else await integration.promising(start)();
    return 0;
  } catch (error) {
    if (error instanceof ProgramExit) return error.code & 0xff;
    if (error instanceof WherryError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = new TextEncoder().encode(`wherry: ${program.arguments[0]}: ${reason}\n`);
    await program.standard[2]?.write(message, null);
    return 134;
  } finally {
    files.close();
  }
}

function wait(name: string, f: WasiFunction): WebAssembly.ImportValue {
  if (integration !== null) return new integration.Suspending(f);
  return (...args: unknown[]) => {
    const result: Maybe<number> = f(...args);
    if (!isPromise(result)) return result;
    throw new Error(`the program waits in ${name}, which WASI programs cannot do here: this engine has no JSPI`);
  };
}
