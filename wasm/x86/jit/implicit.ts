/**
 * General registers that a row's body writes besides its operands (PUSH moves RSP, MUL writes RDX…): found by emitting
 * the body once, so that no list of them has to be kept.
 */
import { ModuleBuilder } from "../../encode/module.ts";
import type { Form } from "../forms.ts";
import { addressing } from "../instruction.ts";
import { state } from "../state.ts";
import { RegionContext } from "./context.ts";
import { RegionEmitter } from "./emitter.ts";
import { importRegionFunctions, regionSignature } from "./interface.ts";
import { isInterpreted } from "./code.ts";
import type { Operation } from "./operation.ts";

/** Stand for the operands' registers: what is written to them says nothing. */
const [regStand, rmStand, vexStand] = [14, 15, 13] as const;
const known = new Map<number, number>();

export function implicitWrites(operation: Operation): number {
  const { form } = operation;
  let written = known.get(form.id);
  if (written === undefined) {
    written = isInterpreted(operation) ? 0xffff : probe(form);
    known.set(form.id, written);
  }
  return written;
}

/** Bodies are emitted into one module, which nobody needs: its imports are most of the work. */
let waste: { readonly m: ModuleBuilder; readonly imports: ReturnType<typeof importRegionFunctions> } | undefined;

function probe(form: Form): number {
  if (waste === undefined) {
    const m = new ModuleBuilder();
    waste = { m, imports: importRegionFunctions(m) };
  }
  const { m, imports } = waste;
  const f = m.function("probe", regionSignature.params, regionSignature.results);
  const context = new RegionContext(f, imports);
  const place = (kinds: string, number: number): number => {
    const kind = form.parsed.operands.find((operand) => kinds.includes(operand.kind))?.kind;
    if (kind === "V" || kind === "W" || kind === "H") return state.xmm + 16 * number;
    if (kind === "P" || kind === "Q") return state.x87 + 16 * (number & 7);
    return state.gpr + 8 * number;
  };
  const operation: Operation = {
    form,
    offset: 0,
    length: 1,
    r: place("GVP", regStand),
    m: form.memory ? state.gpr + 8 * rmStand : place("EWQZ", rmStand),
    x: state.zero,
    scale: 0,
    displacement: 0,
    addressing: form.memory ? addressing.base : addressing.none,
    segment: state.zero,
    address32: false,
    ripRelative: false,
    immediateLow: 1,
    immediateHigh: 0,
    secondImmediate: place("HB", vexStand) | ((state.xmm + 16 * vexStand) << 16),
    target: 1,
    kills: 0,
    wantsFlags: true,
  };
  const nowhere = { go: (): void => {}, goTo: (): void => {} };
  new RegionEmitter(context, operation, [], { groups: new Map(), flags: null }, nowhere).emit();
  return context.generalWritten() & ~((1 << regStand) | (1 << rmStand) | (1 << vexStand));
}
