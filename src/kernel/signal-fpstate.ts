/**
 * Floating-point and vector state in a signal frame (Linux: arch/x86/kernel/fpu/signal.c, uapi/asm/sigcontext.h).
 *
 *        0   FXSAVE image; in what FXSAVE leaves free, from 464 on, struct _fpx_sw_bytes:
 *            magic1 (u32), size with magic2 (u32), components (u64), size (u32)
 *      512   XSAVE header: components that are present (u64), form (u64), zeros
 *      576   upper halves of YMM0…YMM15
 *      832   magic2 (u32)
 *
 * Without XSAVE (x86-64-v2) there is the FXSAVE image only, and nothing in its free bytes.
 */
import { xcr0All, xsaveLayout } from "../../wasm/x86/types.ts";
import type { Cpu } from "../../wasm/x86/types.ts";
import { UserFault } from "./faults.ts";
import type { Task } from "./task.ts";

const fxBytes = 512;
const softwareAt = 464;
const magic1 = 0x46505853;
const magic2 = 0x46505845;
const magic2Bytes = 4;
const extendedBytes = xsaveLayout.bytes + magic2Bytes;
const component = { x87: 1, sse: 2, avx: 4 } as const;

/** Where the parts of an FXSAVE image end: the x87 environment, MXCSR, the x87 registers, the vectors. */
const [environmentEnd, mxcsrEnd, registersEnd, vectorsEnd] = [24, 32, 160, 416] as const;

/** FXSAVE image of a process just started: everything empty, all exceptions masked. */
const initialFx = new Uint8Array(fxBytes);
new DataView(initialFx.buffer).setUint16(0, 0x37f, true);
new DataView(initialFx.buffer).setUint32(24, 0x1f80, true);
const initialUpper = new Uint8Array(xsaveLayout.avxBytes);

function hasXsave(cpu: Cpu): boolean {
  return cpu.level === "x86-64-v3";
}

/** Bytes of the state in a frame; it is aligned to 64. */
export function fpstateBytes(cpu: Cpu): number {
  return hasXsave(cpu) ? extendedBytes : fxBytes;
}

/** The state of the registers, which must be loaded. */
export function saveFpstate(cpu: Cpu): Uint8Array {
  const image = new Uint8Array(fpstateBytes(cpu));
  cpu.saveFx(image);
  if (!hasXsave(cpu)) return image;
  const view = new DataView(image.buffer);
  view.setUint32(softwareAt, magic1, true);
  view.setUint32(softwareAt + 4, extendedBytes, true);
  view.setBigUint64(softwareAt + 8, BigInt(xcr0All), true);
  view.setUint32(softwareAt + 16, xsaveLayout.bytes, true);
  view.setUint32(xsaveLayout.header, xcr0All, true);
  cpu.saveUpper(image.subarray(xsaveLayout.avx));
  view.setUint32(xsaveLayout.bytes, magic2, true);
  return image;
}

/** What a program and a signal handler start with (Linux, fpu__clear_user_states). */
export function resetFpstate(cpu: Cpu): void {
  cpu.loadFx(initialFx);
  cpu.loadUpper(initialUpper);
}

/**
 * Reads a frame's state back and returns what puts it in place, when the registers are loaded. May throw `PageNeeded`
 * and `UserFault`. A frame without an address has the state a program starts with.
 */
export function readFpstate(task: Task, cpu: Cpu, address: number): () => void {
  if (address === 0) return () => resetFpstate(cpu);
  const fx = task.user.read(address, fxBytes);
  const image = hasXsave(cpu) ? extendedImage(task, address, fx) : null;
  if (image === null)
    return () => {
      cpu.loadFx(fx);
      cpu.loadUpper(initialUpper);
    };
  const view = new DataView(image.buffer, image.byteOffset);
  const components = view.getUint32(softwareAt + 8, true);
  const present = view.getUint32(xsaveLayout.header, true);
  // XRSTOR refuses components there are not.
  if ((present & ~xcr0All) !== 0 || view.getUint32(xsaveLayout.header + 4, true) !== 0) throw new UserFault();
  const loads = components & present;
  const merged = initialFx.slice();
  const take = (from: number, to: number): void => merged.set(image.subarray(from, to), from);
  if ((loads & component.x87) !== 0) {
    take(0, environmentEnd);
    take(mxcsrEnd, registersEnd);
  }
  if ((components & (component.sse | component.avx)) !== 0) take(environmentEnd, mxcsrEnd);
  if ((loads & component.sse) !== 0) take(registersEnd, vectorsEnd);
  return () => {
    cpu.loadFx(merged);
    cpu.loadUpper((loads & component.avx) !== 0 ? image.subarray(xsaveLayout.avx, xsaveLayout.bytes) : initialUpper);
  };
}

/** The whole image, or null where the frame has but that of FXSAVE: the magic numbers or the sizes are not ours. */
function extendedImage(task: Task, address: number, fx: Uint8Array): Uint8Array | null {
  const view = new DataView(fx.buffer, fx.byteOffset);
  const size = view.getUint32(softwareAt + 16, true);
  const isExtended =
    view.getUint32(softwareAt, true) === magic1 &&
    size >= xsaveLayout.avx &&
    size <= xsaveLayout.bytes &&
    size <= view.getUint32(softwareAt + 4, true);
  if (!isExtended) return null;
  const tail = task.user.read(address + size, magic2Bytes);
  if (new DataView(tail.buffer, tail.byteOffset).getUint32(0, true) !== magic2) return null;
  return task.user.read(address, xsaveLayout.bytes);
}
