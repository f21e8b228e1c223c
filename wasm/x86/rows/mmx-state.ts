/** What MMX rows share: MMX registers are the significands of the x87 registers (Intel SDM vol. 1, 9.5). */
import { i32 } from "../../encode/numeric.ts";
import type { Emitter } from "../row.ts";
import { state } from "../state.ts";
import { exit } from "../types.ts";

const base = i32.const(0);

/** A pending unmasked x87 exception is raised by the next waiting x87 or MMX instruction. First thing in a body. */
export function checkPending(e: Emitter): void {
  e.faultIf(i32.and(i32.load(base, state.x87Status), i32.const(0x80)), exit.x87Error);
}

/** Every MMX instruction but EMMS sets TOP to 0 and all tags to valid. Also checks for pending exceptions. */
export function enterMmx(e: Emitter): void {
  checkPending(e);
  e.f.emit(i32.store(base, i32.const(0), state.x87Top));
  e.f.emit(i32.store(base, i32.const(0xff), state.x87Tag));
}
