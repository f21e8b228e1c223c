/**
 * From one compiled region to the next without the interpreter in between: a region that is left for an address calls
 * `onward` in its own place, which finds the block there in the jump cache and, if that enters a region, calls it in its
 * own place again. Whatever is not as expected (another block, a region not verified in this address space, no budget
 * left) goes back to the interpreter, which knows what to do.
 */
import { i32, i64 } from "../encode/numeric.ts";
import type { FunctionRef, ModuleBuilder } from "../encode/module.ts";
import { special } from "./forms.ts";
import { regionSignature, regionStatus } from "./jit/interface.ts";
import { blockHeader, jumpCache, record, regionTable } from "./layout.ts";
import { jumpSlot, pageOf } from "./mmu.ts";
import { state } from "./state.ts";

const base = i32.const(0);

/** (address to go on at, instruction budget) → status of the region that was left last. */
export function buildOnward(m: ModuleBuilder): FunctionRef {
  const f = m.function("onward", ["i64", "i32"], ["i32"]);
  const [target, budget] = [f.param(0), f.param(1)];
  f.block((back) => {
    f.brIf(back, i32.ltS(budget, i32.const(0)));
    const slot = f.let(jumpSlot(target));
    f.brIf(back, i64.ne(i64.load(slot, jumpCache.base), target));
    const space = f.let(i32.load(base, state.spaceTag));
    f.brIf(back, i32.ne(i32.load(slot, jumpCache.base + 8), space));
    const first = f.let(i32.load(slot, jumpCache.base + 12));
    f.brIf(back, i32.ne(i32.load16U(first, record.op), i32.const(special.enter)));
    const header = f.let(i32.sub(first, i32.const(blockHeader.bytes)));
    const region = f.let(i32.load(header, blockHeader.region));
    f.brIf(back, i32.ne(i32.load(region, regionTable.space), space));
    const origin = f.let(i64.sub(pageOf(target), i64.load(header, blockHeader.delta)));
    f.brIf(back, i64.ne(i64.load(region, regionTable.origin), origin));
    f.emit(i32.store(base, region, state.region));
    const entries = i64.add(i64.load(base, state.regionEntries), i64.const(1));
    f.emit(i64.store(base, entries, state.regionEntries));
    const { params, results } = regionSignature;
    const entry = i32.load16U(header, blockHeader.entry);
    f.returnCall(m.callImported(params, results, i32.load(region, regionTable.place), entry, origin, budget));
  });
  f.emit(i64.store(base, target, state.rip));
  f.emit(i32.store(base, budget, state.budget));
  f.result(i32.const(regionStatus.jump));
  return f;
}
