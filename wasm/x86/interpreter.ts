/**
 * Generates the interpreter's WebAssembly module from the rows. Pure: the same bytes each time, made at build time or
 * in a test.
 *
 *     run()  loop { switch (record.op) { arm… ; cold arms: call_indirect } }
 *
 * `run` returns an exit code (types.ts) with all state in memory. A cold arm is a function of the record that returns
 * what to do next (`status`).
 */
import type { Expression } from "../encode/expression.ts";
import { call, ModuleBuilder, type FunctionRef, type Label } from "../encode/module.ts";
import { i32, i64 } from "../encode/numeric.ts";
import { RecordEmitter, type Frame, type Services } from "./emitter.ts";
import { buildFlagFunctions } from "./flags.ts";
import { armTable, special } from "./forms.ts";
import { helpers, hostHelpers } from "./helpers.ts";
import { regionImports, regionSignature, regionStatus } from "./jit/interface.ts";
import {
  blockHeader,
  frameBase,
  jumpCache,
  record,
  regionMisses,
  regionTable,
  trace,
  traceDirect,
  traceMask,
} from "./layout.ts";
import { buildMmu, jumpSlot, pageOf } from "./mmu.ts";
import { buildOnward } from "./onward.ts";
import "./rows/all.ts";
import { state } from "./state.ts";
import { exit } from "./types.ts";

const status = { next: 0, fault: 1, jump: 2, taken: 3, leave: 4 } as const;
const base = i32.const(0);

export interface InterpreterOptions {
  /** Adds a name section, for profilers. */
  readonly names?: boolean;
}

export function buildInterpreter(options: InterpreterOptions = {}): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder();
  m.importMemory("cpu", "memory", frameBase >> 16);
  m.importTable("cpu", "regions");
  const decode = m.importFunction("cpu", "decode", ["i32", "i32", "i32"], ["i32"]);
  const invalidate = m.importFunction("cpu", "invalidate", ["i32", "i32"], []);
  const verify = m.importFunction("cpu", "verify", ["i32", "i64"], ["i32"]);
  const named = new Map<string, FunctionRef>();
  for (const h of hostHelpers.values()) named.set(h.name, m.importFunction("host", h.name, h.params, h.results));
  const mmu = buildMmu(m, { decode, invalidate });
  const flags = buildFlagFunctions(m);
  for (const [name, reference] of Object.entries(mmu)) named.set(name, reference as FunctionRef);
  const isScratch = m.function("isScratch", ["i32"], ["i32"]);
  isScratch.result(i32.ltU(isScratch.param(0), i32.const(frameBase)));
  named.set("isScratch", isScratch);
  const flagsOf = buildFlagFunctions(m, "parameters");
  for (const f of [flagsOf.carry, flagsOf.all, ...flagsOf.conditions]) named.set(f.name, f);
  named.set("carry", flags.carry);
  named.set("arithmeticFlags", flags.all);
  named.set("onward", buildOnward(m));
  const helper = (name: string): FunctionRef => {
    const found = named.get(name);
    if (found === undefined) throw new Error(`no helper is named ${name}`);
    return found;
  };
  const builders = [...helpers.values()].map((h) => {
    const f = m.function(h.name, h.params, h.results);
    named.set(h.name, f);
    return { h, f };
  });
  for (const { h, f } of builders) h.build(f, { call: (name, ...args) => call(helper(name), ...args) });
  const services: Services = { mmu, flags, helper };
  m.export(buildRun(m, services, verify));
  m.export(mmu.walk);
  m.export(mmu.resolve);
  m.export(flags.all, "arithmeticFlags");
  // For compiled regions, which call the same functions.
  for (const name of regionImports()) if (!hostHelpers.has(name)) m.export(helper(name), `region.${name}`);
  return m.bytes(options);
}

function buildRun(m: ModuleBuilder, services: Services, verify: FunctionRef): FunctionRef {
  const table = armTable();
  const run = m.function("run", [], ["i32"]);
  for (const arm of table.cold) {
    const { parsed, memory, size } = arm.form;
    const f = m.function(`${parsed.row.name} ${parsed.row.operands} ${size}${memory ? " m" : ""}`, ["i32"], ["i32"]);
    const pc = f.param(0);
    const frame: Frame = {
      f,
      pc,
      fault: () => f.return(i32.const(status.fault)),
      jump: (target) => {
        f.emit(i64.store(base, target, state.jumpTarget));
        f.return(i32.const(status.jump));
      },
      // A cold function does not have the budget: the switch takes what is owed when the function ends the block.
      worked: (cost) => f.emit(i32.store(base, i32.add(i32.load(base, state.owed), cost), state.owed)),
      taken: () => f.return(i32.const(status.taken)),
      leave: () => f.return(i32.const(status.leave)),
      next: () => f.return(i32.const(status.next)),
    };
    new RecordEmitter(arm.form, frame, services, arm).arm();
    f.unreachable();
    m.tableEntry(f);
  }

  const f = run;
  const pc = f.local("i32");
  const budget = f.local("i32");
  const target = f.local("i64");
  const result = f.local("i32");
  /** 1: the next compiled region is passed by once, because it could not do its first instruction. */
  const skip = f.local("i32");
  const traceNext = f.local("i32");
  const ripOfRecord = (): Expression => i64.add(i64.load(base, state.pageBase), i64.load32S(pc, record.off));
  f.set(budget, i32.load(base, state.budget));
  f.set(traceNext, i32.load(base, state.traceNext));
  f.set(pc, i32.const(state.startRecord));
  f.emit(i64.store(base, i64.load(base, state.rip), state.pageBase));
  f.loop((again) => {
    const leave = f.open();
    const budgetOut = f.open();
    const fault = f.open();
    const look = f.open();
    const count = (): void => f.set(budget, i32.sub(budget, i32.load16U(pc, record.count)));
    const next = (): void => {
      f.set(pc, i32.add(pc, i32.const(record.bytes)));
      f.br(again);
    };
    const payOwed = (): void => {
      f.set(budget, i32.sub(budget, i32.load(base, state.owed)));
      f.emit(i32.store(base, i32.const(0), state.owed));
    };
    const log = (address: Expression): void => {
      f.emit(i64.store(traceNext, address, trace.base));
      f.set(traceNext, i32.and(i32.add(traceNext, i32.const(8)), i32.const(traceMask)));
    };
    const follow = (): void => {
      f.set(pc, i32.load(pc, record.link));
      f.brIf(budgetOut, i32.ltS(budget, i32.const(0)));
      f.br(again);
    };
    const taken = (): void => {
      count();
      log(i64.or(ripOfRecord(), i64.const(traceDirect)));
      follow();
    };
    const jump = (value: Expression): void => {
      f.set(target, value);
      count();
      log(target);
      f.br(look);
    };
    const frame: Frame = {
      f,
      pc,
      fault: () => f.br(fault),
      jump,
      worked: (cost) => f.set(budget, i32.sub(budget, cost)),
      taken,
      leave: () => {
        count();
        f.br(leave);
      },
      next,
    };

    const cold = f.open();
    const labels: Label[] = [];
    const arms = special.count + table.hot.length;
    for (let i = arms - 1; i >= 0; i--) labels[i] = f.open();
    f.brTable(i32.load16U(pc, record.op), labels, cold);

    const specials: Record<number, () => void> = {
      [special.redispatch]: () => {
        // Not by the jump cache, which may lead right back here.
        f.set(target, ripOfRecord());
        f.set(pc, call(services.mmu.resolve, target));
        // Decoding again what the guest has overwritten is work too.
        payOwed();
        f.if(i32.eqz(pc), () => {
          f.emit(i64.store(base, target, state.rip));
          f.br(leave);
        });
        f.emit(i64.store(base, pageOf(target), state.pageBase));
        f.brIf(budgetOut, i32.ltS(budget, i32.const(0)));
        f.br(again);
      },
      [special.crossPage]: () => {
        f.set(target, ripOfRecord());
        f.br(look);
      },
      [special.link]: () => {
        // The stub's immediate is the record to patch; its offset is the target, in the same page.
        const mark = f.mark();
        const generation = f.let(i32.load(base, state.generation));
        const source = f.let(i32.load(pc, record.imm));
        f.set(target, ripOfRecord());
        const found = f.let(call(services.mmu.resolve, target));
        f.brIf(fault, i32.eqz(found));
        // A block that crosses pages depends on the mapping of the second page: it is looked up each time.
        f.if(
          i32.and(
            i32.eq(generation, i32.load(base, state.generation)),
            i32.eqz(i32.load(i32.sub(found, i32.const(blockHeader.bytes)), blockHeader.secondFrame)),
          ),
          () => f.emit(i32.store(source, found, record.link)),
        );
        f.set(pc, found);
        f.br(again);
        f.release(mark);
      },
      // Straight on: not a jump.
      [special.continue]: () => {
        count();
        follow();
      },
      [special.illegal]: () => {
        f.emit(i32.store(base, i32.const(exit.invalidOpcode), state.exitCode));
        f.br(fault);
      },
      [special.enter]: () => {
        const header = f.let(i32.sub(pc, i32.const(blockHeader.bytes)));
        const interpreted = i32.load(header, blockHeader.interpreted);
        f.if(i32.or(skip, i32.load(base, state.bypass)), () => {
          f.set(skip, i32.const(0));
          f.set(pc, interpreted);
          f.br(again);
        });
        const region = f.let(i32.load(header, blockHeader.region));
        const origin = f.let(i64.sub(i64.load(base, state.pageBase), i64.load(header, blockHeader.delta)));
        const known = i32.and(
          i32.eq(i32.load(region, regionTable.space), i32.load(base, state.spaceTag)),
          i64.eq(i64.load(region, regionTable.origin), origin),
        );
        f.if(i32.eqz(known), () =>
          f.if(i32.eqz(call(verify, region, origin)), () => {
            f.set(pc, interpreted);
            f.br(again);
          }),
        );
        f.emit(i32.store(base, region, state.region));
        f.set(
          result,
          m.callImported(
            regionSignature.params,
            regionSignature.results,
            i32.load(region, regionTable.place),
            i32.load16U(header, blockHeader.entry),
            origin,
            budget,
          ),
        );
        const done = i64.extendI32S(i32.sub(budget, i32.load(base, state.budget)));
        f.emit(i64.store(base, i64.add(i64.load(base, state.compiledInstructions), done), state.compiledInstructions));
        const entries = i64.add(i64.load(base, state.regionEntries), i64.const(1));
        f.emit(i64.store(base, entries, state.regionEntries));
        f.set(budget, i32.load(base, state.budget));
        f.brIf(leave, i32.eq(result, i32.const(regionStatus.leave)));
        f.set(skip, i32.geU(result, i32.const(regionStatus.interpret)));
        f.if(i32.eq(result, i32.const(regionStatus.missed)), () => {
          // Not the one that was entered here, if it went on to others.
          const place = i32.load(i32.load(base, state.region), regionTable.place);
          f.set(result, i32.shl(place, i32.const(2)));
          f.emit(i32.store(result, i32.add(i32.load(result, regionMisses.base), i32.const(1)), regionMisses.base));
        });
        f.set(target, i64.load(base, state.rip));
        f.br(look);
      },
      [special.effectiveIndexed]: () => {
        f.emit(i64.store(base, indexedAddress(pc), state.effective));
        next();
      },
      [special.effectiveGeneral]: () => {
        const segment = i64.load(i32.load16U(pc, record.r));
        const offset = i64.and(indexedAddress(pc), i64.load(pc, record.imm));
        f.emit(i64.store(base, i64.add(segment, offset), state.effective));
        next();
      },
      [special.effectiveAbsolute]: () => {
        const segment = i64.load(i32.load16U(pc, record.r));
        f.emit(i64.store(base, i64.add(segment, i64.load(pc, record.imm)), state.effective));
        next();
      },
    };
    for (let i = 0; i < arms; i++) {
      f.end();
      const emitSpecial = specials[i];
      if (emitSpecial !== undefined) emitSpecial();
      else {
        const arm = table.hot[i - special.count]!;
        new RecordEmitter(arm.form, frame, services, arm).arm();
      }
    }
    f.end();
    // Cold arms.
    f.set(result, m.callIndirect(["i32"], ["i32"], i32.sub(i32.load16U(pc, record.op), i32.const(arms)), pc));
    f.if(i32.eqz(result), next);
    payOwed();
    f.brIf(fault, i32.eq(result, i32.const(status.fault)));
    f.if(i32.eq(result, i32.const(status.taken)), taken);
    f.if(i32.eq(result, i32.const(status.leave)), () => frame.leave());
    jump(i64.load(base, state.jumpTarget));

    f.end();
    // look: find the block at `target`, which may be in another page.
    const slot = result;
    f.set(slot, jumpSlot(target));
    f.block((hit) => {
      f.if(i64.eq(i64.load(slot, jumpCache.base), target), () => {
        f.set(pc, i32.load(slot, jumpCache.base + 12));
        f.brIf(hit, i32.eq(i32.load(slot, jumpCache.base + 8), i32.load(base, state.spaceTag)));
      });
      f.set(pc, call(services.mmu.resolve, target));
      payOwed();
      f.if(i32.eqz(pc), () => {
        f.emit(i64.store(base, target, state.rip));
        f.br(leave);
      });
    });
    f.emit(i64.store(base, pageOf(target), state.pageBase));
    f.brIf(budgetOut, i32.ltS(budget, i32.const(0)));
    f.br(again);

    f.end();
    // fault: the instruction of this record did nothing.
    f.emit(i64.store(base, ripOfRecord(), state.rip));
    f.br(leave);

    f.end();
    // budgetOut: stop before this record.
    f.emit(i64.store(base, ripOfRecord(), state.rip));
    f.emit(i32.store(base, i32.const(exit.budget), state.exitCode));

    f.end();
    f.emit(i32.store(base, budget, state.budget));
    f.emit(i32.store(base, traceNext, state.traceNext));
    f.return(i32.load(base, state.exitCode));
  });
  f.unreachable();
  return run;
}

function indexedAddress(pc: Expression): Expression {
  return i64.add(
    i64.add(i64.load(i32.load16U(pc, record.m)), i64.load32S(pc, record.disp)),
    i64.shl(i64.load(i32.load16U(pc, record.x)), i64.load8U(pc, record.scale)),
  );
}
