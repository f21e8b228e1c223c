/** Integer arithmetic and logic: the eight classic operations in all their forms, and their relatives. */
import type { Expression } from "../../encode/expression.ts";
import { row, type Emitter, type FlagsKind } from "../row.ts";

type Operation = (e: Emitter, a: Expression, b: Expression) => Expression;

/** The forms the eight operations share. Intel SDM vol. 2, ADD: 00–05, 80 /n, 81 /n, 83 /n. */
function classic(name: string, digit: number, kind: FlagsKind, result: Operation | null): void {
  const access = result === null ? "" : "!";
  const body = (e: Emitter): void => {
    const a = e.let(e.get(0));
    const b = e.let(e.get(1));
    if (result === null) e.flags(kind, a, b);
    else if (kind === "logic") {
      const value = e.let(result(e, a, b));
      e.put(0, value);
      e.flags("logic", value);
    } else {
      e.put(0, result(e, a, b));
      e.flags(kind, a, b);
    }
  };
  const options = { writes: "oszapc", ...(kind === "logic" ? { undefined: "a" } : {}) };
  const locked = result === null ? options : { ...options, lock: true };
  const opcode = (low: number): string => (digit * 8 + low).toString(16).padStart(2, "0");
  row(name, `${opcode(0)} /r`, `Eb${access} Gb`, locked, body);
  row(name, `${opcode(1)} /r`, `Ev${access} Gv`, locked, body);
  row(name, `${opcode(2)} /r`, `Gb${access} Eb`, options, body);
  row(name, `${opcode(3)} /r`, `Gv${access} Ev`, options, body);
  row(name, `${opcode(4)}`, `AL${access} Ib`, options, body);
  row(name, `${opcode(5)}`, `rAX${access} Iz`, options, body);
  row(name, `80 /${digit}`, `Eb${access} Ib`, locked, body);
  row(name, `81 /${digit}`, `Ev${access} Iz`, locked, body);
  row(name, `83 /${digit}`, `Ev${access} Ibs`, locked, body);
}

classic("ADD", 0, "add", (e, a, b) => e.w.add(a, b));
classic("OR", 1, "logic", (e, a, b) => e.w.or(a, b));
classic("AND", 4, "logic", (e, a, b) => e.w.and(a, b));
classic("SUB", 5, "sub", (e, a, b) => e.w.sub(a, b));
classic("XOR", 6, "logic", (e, a, b) => e.w.xor(a, b));
classic("CMP", 7, "sub", null);
