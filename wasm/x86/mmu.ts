/**
 * Translation: the page-table walk, the slow paths behind the TLB, and the way from a guest address to a decoded block.
 *
 * The TLB check in an arm is one compare: the page of the access's *last* byte must equal the tag found under its
 * *first*, so an access that straddles pages misses like any other. A tag is the page's address with the address space
 * in its low twelve bits; the upper bits are compared too, so non-canonical addresses miss and are refused by the walk.
 *
 * A write that straddles, or goes to bytes code was decoded from (by lines, layout.ts), is done in a scratch area and
 * committed after the body: nothing is half-written at a fault, and code is dropped before its bytes change.
 */
import type { Expression } from "../encode/expression.ts";
import { call, type FunctionBuilder, type FunctionRef, type Local, type ModuleBuilder } from "../encode/module.ts";
import { i32, i64, memoryCopy, select } from "../encode/numeric.ts";
import { blockHash, blockHeader, codeLines, frameBase, jumpCache, pageMarks, tlb } from "./layout.ts";
import { state } from "./state.ts";
import { access, exit, pte } from "./types.ts";

const base = i32.const(0);

export interface MmuImports {
  /** (physical, rip low, rip high): decodes a block and returns its first record, or 0 with a fault recorded. */
  readonly decode: FunctionRef;
  /** (physical, bytes): drops what was decoded or compiled from these bytes of a frame. */
  readonly invalidate: FunctionRef;
}

export interface MmuFunctions {
  /** (address i64, access): host address, or 0 with the fault recorded. */
  readonly walk: FunctionRef;
  /** (address, bytes, slot): host address, or 0. */
  readonly readSlow: FunctionRef;
  readonly writeSlow: FunctionRef;
  /** (address, bytes, slot): as an arm does it, TLB first. */
  readonly readHost: FunctionRef;
  readonly writeHost: FunctionRef;
  /** (address, bytes): the slow path of a compiled write: 0 for a fault, 1 if it must be interpreted (scratch). */
  readonly writeDirect: FunctionRef;
  /** (slot): finishes a write through the scratch area. */
  readonly commit: FunctionRef;
  /** (rip): record, or 0 with the fault recorded. */
  readonly resolve: FunctionRef;
}

/** Offset of the TLB entry of an address: page bits, with higher ones mixed in. */
export function tlbSlot(address: Expression): Expression {
  const shift = 12 - Math.log2(tlb.entryBytes);
  const spread = Math.log2(tlb.entries);
  return i32.and(
    i32.wrapI64(i64.xor(i64.shrU(address, i64.const(shift)), i64.shrU(address, i64.const(shift + spread)))),
    i32.const((tlb.entries - 1) * tlb.entryBytes),
  );
}

/** The same in JavaScript, where shifts would drop what is above 32 bits. */
export function tlbSlotOf(address: number): number {
  const page = Math.floor(address / 4096);
  return ((page ^ Math.floor(page / tlb.entries)) & (tlb.entries - 1)) * tlb.entryBytes;
}

/** The tag that must be found for an access. */
export function tlbTag(address: Expression, bytes: number): Expression {
  const last = bytes > 1 ? i64.add(address, i64.const(bytes - 1)) : address;
  return i64.or(i64.and(last, i64.const(-4096)), i64.load(base, state.spaceTag));
}

export function pageOf(address: Expression): Expression {
  return i64.and(address, i64.const(-4096));
}

/** Offset of the jump cache entry of an address. */
export function jumpSlot(rip: Expression): Expression {
  return i32.shl(
    i32.and(i32.xor(i32.wrapI64(rip), i32.wrapI64(i64.shrU(rip, i64.const(13)))), i32.const(jumpCache.entries - 1)),
    i32.const(4),
  );
}

function walk(m: ModuleBuilder): FunctionRef {
  const f = m.function("walk", ["i64", "i32"], ["i32"]);
  const address = f.param(0);
  const kind = f.param(1);
  const fault = f.open();
  f.if(i64.ne(i64.shrU(address, i64.const(47)), i64.const(0)), () => {
    f.emit(i32.store(base, i32.const(exit.generalProtection), state.exitCode));
    f.return(i32.const(0));
  });
  const index = (shift: number, mask: number): Expression =>
    i32.shl(i32.and(i32.wrapI64(i64.shrU(address, i64.const(shift))), i32.const(mask)), i32.const(2));
  const entry = f.let(i32.load(i32.add(i32.load(base, state.root), index(42, 31))));
  f.brIf(fault, i32.eqz(entry));
  f.set(entry, i32.load(i32.add(entry, index(32, 1023))));
  f.brIf(fault, i32.eqz(entry));
  f.set(entry, i32.load(i32.add(entry, index(22, 1023))));
  f.brIf(fault, i32.eqz(entry));
  const place = f.let(i32.add(entry, index(12, 1023)));
  const leaf = entry;
  f.set(leaf, i32.load(place));
  const need = select(
    kind,
    select(i32.eq(kind, i32.const(access.write)), i32.const(pte.write), i32.const(pte.execute)),
    i32.const(pte.read | pte.write | pte.execute),
  );
  f.brIf(fault, i32.eqz(i32.and(leaf, need)));
  f.if(i32.eq(kind, i32.const(access.write)), () => {
    f.set(leaf, i32.or(leaf, i32.const(pte.dirty)));
    f.emit(i32.store(place, leaf));
  });
  f.emit(i32.store(base, leaf, state.leaf));
  f.return(i32.or(i32.and(leaf, i32.const(pte.frameMask)), i32.and(i32.wrapI64(address), i32.const(0xfff))));
  f.end();
  f.emit(i32.store(base, i32.const(exit.pageFault), state.exitCode));
  f.emit(i64.store(base, address, state.faultAddress));
  f.emit(i32.store(base, kind, state.faultAccess));
  f.result(i32.const(0));
  return f;
}

/** The lines of a frame that hold code; the argument is any address in it. */
function linesOf(host: Expression): Expression {
  return i64.load(i32.shl(i32.shrU(host, i32.const(12)), i32.const(3)), codeLines.base);
}

/** Whether bytes of a frame (one at least, none beyond its end) lie on lines that hold code. */
function meetsCode(f: FunctionBuilder, host: Local, bytes: Expression): Expression {
  const line = (address: Expression): Expression =>
    i64.extendI32U(i32.and(i32.shrU(address, i32.const(6)), i32.const(codeLines.linesPerFrame - 1)));
  const first = f.let(line(host));
  const count = i64.sub(line(i32.add(host, i32.sub(bytes, i32.const(1)))), first);
  const mask = i64.shl(i64.shrU(i64.const(-1), i64.sub(i64.const(63), count)), first);
  return i64.ne(i64.and(linesOf(host), mask), i64.const(0));
}

function scratchOf(slot: Expression): Expression {
  return i32.add(i32.mul(slot, i32.const(state.scratchBytes)), i32.const(state.scratch));
}

/** What both slow paths need: hosts of the two pages, and the offset in the first. */
function straddle(f: FunctionBuilder, address: Local): { first: Local; second: Local; offset: Local } {
  const offset = f.let(i32.and(i32.wrapI64(address), i32.const(0xfff)));
  return { first: f.temporary("i32"), second: f.temporary("i32"), offset };
}

function nextPage(address: Expression): Expression {
  return i64.add(i64.or(address, i64.const(0xfff)), i64.const(1));
}

/**
 * Two pages that follow each other have different TLB slots, except around multiples of the square of their number, where the spread of
 * `tlbSlot` may undo the step. Those few pages never enter the TLB, so that the one compare of an access is enough.
 */
function fill(f: FunctionBuilder, address: Local, host: Local, write: boolean): void {
  const page = i32.wrapI64(i64.shrU(address, i64.const(12)));
  f.if(i32.gtU(i32.and(i32.add(page, i32.const(1)), i32.const(tlb.entries * tlb.entries - 1)), i32.const(1)), () =>
    enter(f, address, host, write),
  );
}

function enter(f: FunctionBuilder, address: Local, host: Local, write: boolean): void {
  const slot = f.let(tlbSlot(address));
  const tag = f.let(tlbTag(address, 1));
  f.emit(i64.store(slot, tag, tlb.base + tlb.readTag));
  if (write) f.emit(i64.store(slot, tag, tlb.base + tlb.writeTag));
  else {
    // The addend is shared: a write tag of another page must go; ours may come if the page is writable already.
    const writable = i32.and(
      i32.eq(i32.and(i32.load(base, state.leaf), i32.const(pte.write | pte.dirty)), i32.const(pte.write | pte.dirty)),
      i64.eqz(linesOf(host)),
    );
    f.emit(i64.store(slot, select(writable, tag, i64.const(-1)), tlb.base + tlb.writeTag));
  }
  f.emit(i32.store(slot, i32.sub(host, i32.wrapI64(address)), tlb.base + tlb.addend));
}

function countMiss(f: FunctionBuilder): void {
  f.emit(i32.store(base, i32.add(i32.load(base, state.counterTlbMisses), i32.const(1)), state.counterTlbMisses));
}

function readSlow(m: ModuleBuilder, walkRef: FunctionRef): FunctionRef {
  const f = m.function("readSlow", ["i64", "i32", "i32"], ["i32"]);
  const [address, bytes] = [f.param(0), f.param(1)];
  countMiss(f);
  const { first, second, offset } = straddle(f, address);
  f.set(first, call(walkRef, address, i32.const(access.read)));
  f.if(i32.eqz(first), () => f.return(i32.const(0)));
  f.if(i32.leU(i32.add(offset, bytes), i32.const(4096)), () => {
    fill(f, address, first, false);
    f.return(first);
  });
  f.set(second, call(walkRef, nextPage(address), i32.const(access.read)));
  f.if(i32.eqz(second), () => f.return(i32.const(0)));
  const scratch = f.let(scratchOf(f.param(2)));
  const head = f.let(i32.sub(i32.const(4096), offset));
  f.emit(memoryCopy(scratch, first, head));
  f.emit(memoryCopy(i32.add(scratch, head), second, i32.sub(bytes, head)));
  f.result(scratch);
  return f;
}

function writeSlow(m: ModuleBuilder, walkRef: FunctionRef): FunctionRef {
  const f = m.function("writeSlow", ["i64", "i32", "i32"], ["i32"]);
  const [address, bytes] = [f.param(0), f.param(1)];
  countMiss(f);
  const { first, second, offset } = straddle(f, address);
  const pending = f.let(i32.shl(f.param(2), i32.const(4)));
  f.set(first, call(walkRef, address, i32.const(access.write)));
  f.if(i32.eqz(first), () => f.return(i32.const(0)));
  const scratch = f.let(scratchOf(f.param(2)));
  f.if(
    i32.leU(i32.add(offset, bytes), i32.const(4096)),
    () => {
      f.if(i64.eqz(linesOf(first)), () => {
        fill(f, address, first, true);
        f.return(first);
      });
      f.if(i32.eqz(meetsCode(f, first, bytes)), () => f.return(first));
      f.emit(i32.store(pending, bytes, state.pending + 4));
      f.emit(i32.store(pending, i32.const(0), state.pending + 8));
      f.emit(memoryCopy(scratch, first, bytes));
    },
    () => {
      f.set(second, call(walkRef, nextPage(address), i32.const(access.write)));
      f.if(i32.eqz(second), () => f.return(i32.const(0)));
      const head = f.let(i32.sub(i32.const(4096), offset));
      f.emit(i32.store(pending, head, state.pending + 4));
      f.emit(i32.store(pending, second, state.pending + 8));
      f.emit(memoryCopy(scratch, first, head));
      f.emit(memoryCopy(i32.add(scratch, head), second, i32.sub(bytes, head)));
    },
  );
  f.emit(i32.store(pending, first, state.pending));
  f.emit(i32.store(pending, bytes, state.pending + 12));
  f.result(scratch);
  return f;
}

/** For compiled code, which leaves what needs the scratch area (straddling pages, writing to code) to the interpreter. */
function writeDirect(m: ModuleBuilder, slow: FunctionRef): FunctionRef {
  const f = m.function("writeDirect", ["i64", "i32"], ["i32"]);
  const [address, bytes] = [f.param(0), f.param(1)];
  const entry = f.let(tlbSlot(address));
  const last = i64.add(address, i64.extendI32U(i32.sub(bytes, i32.const(1))));
  const wanted = i64.or(i64.and(last, i64.const(-4096)), i64.load(base, state.spaceTag));
  f.if(i64.eq(wanted, i64.load(entry, tlb.base + tlb.writeTag)), () =>
    f.return(i32.add(i32.wrapI64(address), i32.load(entry, tlb.base + tlb.addend))),
  );
  const host = f.let(call(slow, address, bytes, i32.const(0)));
  f.result(select(i32.ltU(i32.sub(host, i32.const(1)), i32.const(frameBase - 1)), i32.const(1), host));
  return f;
}

function commit(m: ModuleBuilder, imports: MmuImports): FunctionRef {
  const f = m.function("commit", ["i32"], []);
  const slot = f.param(0);
  const pending = f.let(i32.shl(slot, i32.const(4)));
  const scratch = f.let(scratchOf(slot));
  const first = f.let(i32.load(pending, state.pending));
  const head = f.let(i32.load(pending, state.pending + 4));
  const second = f.let(i32.load(pending, state.pending + 8));
  const drop = (host: Local, bytes: Expression): void =>
    f.if(meetsCode(f, host, bytes), () => f.emit(call(imports.invalidate, host, bytes)));
  drop(first, head);
  f.emit(memoryCopy(first, scratch, head));
  f.if(second, () => {
    const rest = f.let(i32.sub(i32.load(pending, state.pending + 12), head));
    drop(second, rest);
    f.emit(memoryCopy(second, i32.add(scratch, head), rest));
  });
  return f;
}

function resolve(m: ModuleBuilder, imports: MmuImports, walkRef: FunctionRef): FunctionRef {
  const f = m.function("resolve", ["i64"], ["i32"]);
  const rip = f.param(0);
  const physical = f.let(call(walkRef, rip, i32.const(access.execute)));
  f.if(i32.eqz(physical), () => f.return(i32.const(0)));
  const block = f.let(i32.load(i32.shl(hashOf(physical), i32.const(2)), blockHash.base));
  const second = f.temporary("i32");
  f.block((found) => {
    f.loop((next) => {
      f.block((missing) => {
        f.brIf(missing, i32.eqz(block));
        f.if(i32.eq(i32.load(block, blockHeader.physical), physical), () => {
          f.set(second, i32.load(block, blockHeader.secondFrame));
          f.brIf(found, i32.eqz(second));
          const host = f.let(call(walkRef, nextPage(rip), i32.const(access.execute)));
          f.if(i32.eqz(host), () => f.return(i32.const(0)));
          f.brIf(found, i32.eq(i32.and(host, i32.const(-4096)), second));
        });
        f.set(block, i32.load(block, blockHeader.hashNext));
        f.br(next);
      });
    });
    f.set(block, call(imports.decode, physical, i32.wrapI64(rip), i32.wrapI64(i64.shrU(rip, i64.const(32)))));
    f.if(i32.eqz(block), () => f.return(i32.const(0)));
    f.set(block, i32.sub(block, i32.const(blockHeader.bytes)));
  });
  const page = f.let(i32.wrapI64(i64.shrU(rip, i64.const(12))));
  const mark = (number: Expression): Expression =>
    i32.store8(i32.and(number, i32.const(pageMarks.entries - 1)), i32.const(1), pageMarks.base);
  f.emit(mark(page));
  f.if(i32.load(block, blockHeader.secondFrame), () => f.emit(mark(i32.add(page, i32.const(1)))));
  const slot = f.let(jumpSlot(rip));
  f.emit(i64.store(slot, rip, jumpCache.base));
  f.emit(i32.store(slot, i32.load(base, state.spaceTag), jumpCache.base + 8));
  f.set(block, i32.add(block, i32.const(blockHeader.bytes)));
  f.emit(i32.store(slot, block, jumpCache.base + 12));
  f.result(block);
  return f;
}

function translateFunction(m: ModuleBuilder, name: string, tag: number, slow: FunctionRef): FunctionRef {
  const f = m.function(name, ["i64", "i32", "i32"], ["i32"]);
  const [address, bytes] = [f.param(0), f.param(1)];
  const entry = f.let(tlbSlot(address));
  const last = i64.add(address, i64.extendI32U(i32.sub(bytes, i32.const(1))));
  const wanted = i64.or(i64.and(last, i64.const(-4096)), i64.load(base, state.spaceTag));
  f.if(i64.eq(wanted, i64.load(entry, tlb.base + tag)), () =>
    f.return(i32.add(i32.wrapI64(address), i32.load(entry, tlb.base + tlb.addend))),
  );
  f.result(call(slow, address, bytes, f.param(2)));
  return f;
}

/** Bucket of a physical address; `bucketOf` is the same for the decoder. */
function hashOf(physical: Expression): Expression {
  return i32.and(i32.xor(physical, i32.shrU(physical, i32.const(14))), i32.const(blockHash.buckets - 1));
}

export function bucketOf(physical: number): number {
  return (physical ^ (physical >>> 14)) & (blockHash.buckets - 1);
}

export function buildMmu(m: ModuleBuilder, imports: MmuImports): MmuFunctions {
  const walkRef = walk(m);
  const read = readSlow(m, walkRef);
  const write = writeSlow(m, walkRef);
  return {
    walk: walkRef,
    readSlow: read,
    writeSlow: write,
    readHost: translateFunction(m, "readHost", tlb.readTag, read),
    writeHost: translateFunction(m, "writeHost", tlb.writeTag, write),
    writeDirect: writeDirect(m, write),
    commit: commit(m, imports),
    resolve: resolve(m, imports, walkRef),
  };
}
