/** Acting on pending signals just before a task goes back to user mode, and turning processor exceptions into signals. */
import type { Exit } from "../../wasm/x86/types.ts";
import type { AccessFault } from "./address-space.ts";
import type { Kernel } from "./kernel.ts";
import type { Task } from "./task.ts";

export type DeliveryOutcome = "user" | "stopped" | "gone" | Promise<unknown>;

export class Delivery {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  beforeUserMode(task: Task): DeliveryOutcome {
    throw new Error(`signal delivery of task ${task.tid} of ${this.#kernel.hostname} is being written`);
  }

  memoryFault(task: Task, fault: AccessFault, address: number): void {
    this.#kernel.signals.force(task, { signal: fault.signal, code: fault.code, address });
  }

  exception(task: Task, reason: Exit): void {
    throw new Error(`exception ${reason} of task ${task.tid} is being written`);
  }
}
