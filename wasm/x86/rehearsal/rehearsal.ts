/**
 * A rehearsal: a worker that waits for its container makes a processor that is thrown away, and runs and compiles a
 * program of no use on it (program.c), so that the host's compiler has seen and optimised what the first container needs:
 * the interpreter's code, which all workers of a page share, and the decoder, the sampler and the compiler, which each
 * worker has of its own. Cold, they take five to twenty times as long.
 *
 * In pieces of a few milliseconds, because a container may come any time. The processor is one of its own, so that
 * nothing of it is left in the one the container gets.
 */
import { pte, type Cpu } from "../types.ts";
import { program } from "./program.ts";

/** A processor for a rehearsal: it profiles what runs, and compiles only when told to. */
export interface RehearsalCpu extends Cpu {
  /** Decoding begins anew. `frame` holds the only code there is. */
  forgetCode(frame: number): void;
  /**
   * Translates a region of about so many instructions around one of the places seen, and forgets it. How many it had.
   * `whole`: makes a module of it as well.
   */
  compileSeen(which: number, instructionsMax: number, whole: boolean): number;
}

const codeAddress = 0x400000;
const codePages = 1;
/** As program.c has it: the buffer's place behind the code, and what it uses of it. */
const bufferAddress = codeAddress + 0x10000;
const bufferPages = 4;
const stackPages = 2;
const stackTop = codeAddress + 0x20000;
const rsp = 4;
/** Memory it needs, with four tables of pages. */
export const rehearsalBytes = (4 + codePages + bufferPages + stackPages) * 4096;

/** Instructions that make the host optimise the interpreter, which it then does beside what runs. */
const interpreted = 30_000_000;
const pieceInstructions = 400_000;
const pieceMs = 3;
/** How often the program is decoded. */
const decodings = 60;
/** Instructions translated, in regions of at first a few of them: at most so much time is spent on it. */
const translated = 12_000;
const translatingMsMax = 1000;
const regionLeast = 4;
const regionMost = 600;
const regionsMax = 2000;
/** Of so many regions one is made a module of. */
const modulesShare = 32;

/** Each step is a piece. */
export function* rehearse(make: () => RehearsalCpu): Generator<undefined, void> {
  const cpu = make();
  const codeFrame = load(cpu);
  yield;
  for (let ran = 0; ran < interpreted; ran += pieceInstructions) {
    cpu.run(pieceInstructions, pieceMs);
    yield;
  }
  for (let i = 0; i < decodings; i++) {
    cpu.forgetCode(codeFrame);
    cpu.run(pieceInstructions / 4, pieceMs);
    yield;
  }
  let size = regionLeast;
  let spent = 0;
  let count = 0;
  for (let which = 1; which < regionsMax && count < translated && spent < translatingMsMax; which++) {
    const before = performance.now();
    count += cpu.compileSeen(which, size, which % modulesShare === 0);
    const took = performance.now() - before;
    spent += took;
    if (took > pieceMs) size = Math.max(regionLeast, size >> 1);
    else if (took < pieceMs / 3) size = Math.min(regionMost, size * 2);
    yield;
  }
}

/** Maps and loads the program. Returns the frame its code lies in. */
function load(cpu: RehearsalCpu): number {
  let next = cpu.frameBase;
  const frame = (): number => (next += 4096) - 4096;
  const { words } = cpu;
  const tables = [frame(), frame(), frame(), frame()];
  const page = codeAddress >>> 12;
  words[tables[0]! >> 2] = tables[1]!;
  words[tables[1]! >> 2] = tables[2]!;
  words[(tables[2]! >> 2) + (page >>> 10)] = tables[3]!;
  const map = (address: number, pages: number, flags: number): number => {
    const first = next;
    for (let i = 0; i < pages; i++) words[(tables[3]! >> 2) + (((address >>> 12) + i) & 1023)] = frame() | flags;
    return first;
  };
  const codeFrame = map(codeAddress, codePages, pte.read | pte.execute);
  map(bufferAddress, bufferPages, pte.read | pte.write);
  map(stackTop - stackPages * 4096, stackPages, pte.read | pte.write);
  cpu.bytes.set(
    Uint8Array.from(atob(program), (char) => char.charCodeAt(0)),
    codeFrame,
  );
  cpu.setAddressSpace(tables[0]!, 1);
  // As at the entry of a function: behind a return address.
  cpu.setRegisterNumber(rsp, stackTop - 8);
  cpu.rip = codeAddress;
  return codeFrame;
}
