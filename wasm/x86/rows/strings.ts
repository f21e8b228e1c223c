/**
 * String instructions. They work on registers in memory and in pieces: a page's worth at a time by bulk moves where the
 * direction is up and nothing overlaps, else element by element. RSI, RDI and RCX are written back after each piece, so
 * that a fault finds the progress made, and a long one can be interrupted.
 */
import type { Expression } from "../../encode/expression.ts";
import type { FunctionBuilder, Local } from "../../encode/module.ts";
import { i32, i64, memoryCopy, memoryFill, select } from "../../encode/numeric.ts";
import { flagClass, rflags } from "../flags.ts";
import { helper, type HelperContext } from "../helpers.ts";
import { frameBase } from "../layout.ts";
import { row } from "../row.ts";
import { state } from "../state.ts";

const base = i32.const(0);
const [rax, rcx, rsi, rdi] = [0, 1, 6, 7].map((n) => state.gpr + 8 * n) as [number, number, number, number];

const load64 = (at: number): Expression => i64.load(base, at);
/** Pieces done in one go before the instruction lets others in: at most 16 pages. */
const piecesMax = 16;

const operations = ["movs", "cmps", "stos", "lods", "scas"] as const;

interface Parts {
  readonly f: FunctionBuilder;
  readonly context: HelperContext;
  /** Element size in bytes. */
  readonly bytes: Local;
  /** 0 none, 1 REP or REPE, 2 REPNE. */
  readonly repeat: Local;
  readonly pieces: Local;
  readonly step: Local;
  /** With the trap flag there is a trap after each element. */
  readonly stepping: Local;
}

function begin(f: FunctionBuilder, context: HelperContext, bytes = f.param(0), repeat = f.param(1)): Parts {
  const down = i32.and(i32.load(base, state.flagsOther), i32.const(rflags.direction));
  const wide = i64.extendI32U(bytes);
  return {
    f,
    context,
    bytes,
    repeat,
    pieces: f.let(i32.const(0)),
    step: f.let(select(down, i64.sub(i64.const(0), wide), wide)),
    stepping: f.let(i32.and(i32.load(base, state.flagsOther), i32.const(rflags.trap))),
  };
}

/** Elements that can be done at once from the given addresses without leaving a page; at least 1, which may straddle. */
function pieceLength(p: Parts, places: readonly Expression[]): Local {
  const { f, bytes } = p;
  const n = f.let(i32.const(1));
  const alone = i32.or(i32.eqz(p.repeat), p.stepping);
  f.if(i32.and(i32.eqz(alone), i64.gtS(p.step, i64.const(0))), () => {
    const room = f.let(i32.const(4096));
    for (const place of places) {
      const left = f.let(i32.sub(i32.const(4096), i32.and(i32.wrapI64(place), i32.const(4095))));
      f.if(i32.ltU(left, room), () => f.set(room, left));
    }
    f.set(n, i32.divU(room, bytes));
    f.if(i64.ltU(load64(rcx), i64.extendI32U(n)), () => f.set(n, i32.wrapI64(load64(rcx))));
    f.if(i32.eqz(n), () => f.set(n, i32.const(1)));
  });
  return n;
}

function loadElement(f: FunctionBuilder, bytes: Expression, host: Expression): Local {
  const value = f.temporary("i64");
  f.if(
    i32.eq(bytes, i32.const(8)),
    () => f.set(value, i64.load(host)),
    () =>
      f.if(
        i32.eq(bytes, i32.const(4)),
        () => f.set(value, i64.load32U(host)),
        () =>
          f.if(
            i32.eq(bytes, i32.const(2)),
            () => f.set(value, i64.load16U(host)),
            () => f.set(value, i64.load8U(host)),
          ),
      ),
  );
  return value;
}

function storeElement(f: FunctionBuilder, bytes: Expression, host: Expression, value: Expression): void {
  f.if(
    i32.eq(bytes, i32.const(8)),
    () => f.emit(i64.store(host, value)),
    () =>
      f.if(
        i32.eq(bytes, i32.const(4)),
        () => f.emit(i64.store32(host, value)),
        () =>
          f.if(
            i32.eq(bytes, i32.const(2)),
            () => f.emit(i32.store16(host, i32.wrapI64(value))),
            () => f.emit(i32.store8(host, i32.wrapI64(value))),
          ),
      ),
  );
}

function advance(p: Parts, register: number, n: Expression): void {
  p.f.emit(i64.store(base, i64.add(load64(register), i64.mul(p.step, n)), register));
}

function countDown(p: Parts, n: Expression): void {
  p.f.if(p.repeat, () => p.f.emit(i64.store(base, i64.sub(load64(rcx), n), rcx)));
}

/** Runs `piece` until RCX is used up (once without a prefix), letting others in after many pieces. */
function each(p: Parts, piece: (stop: () => void) => void): void {
  const { f } = p;
  f.block((done) => {
    f.loop((again) => {
      f.if(p.repeat, () => f.brIf(done, i64.eqz(load64(rcx))));
      piece(() => f.br(done));
      f.brIf(done, i32.eqz(p.repeat));
      f.set(p.pieces, i32.add(p.pieces, i32.const(1)));
      f.brIf(again, i32.and(i32.ltU(p.pieces, i32.const(piecesMax)), i32.eqz(p.stepping)));
      f.if(i64.ne(load64(rcx), i64.const(0)), () => {
        f.emit(i32.store(base, i32.shl(p.pieces, i32.const(8)), state.extraCost));
        f.return(i32.const(2));
      });
    });
  });
  f.emit(i32.store(base, i32.shl(p.pieces, i32.const(8)), state.extraCost));
  f.result(select(p.pieces, i32.const(3), i32.const(0)));
}

function commit(p: Parts, host: Expression, slot: number): void {
  p.f.if(i32.ltU(host, i32.const(frameBase)), () => p.f.emit(p.context.call("commit", i32.const(slot))));
}

function translated(
  p: Parts,
  kind: "readHost" | "writeHost",
  address: Expression,
  bytes: Expression,
  slot: number,
): Local {
  const host = p.f.let(p.context.call(kind, address, bytes, i32.const(slot)));
  p.f.if(i32.eqz(host), () => p.f.return(i32.const(1)));
  return host;
}

const parameters = ["i32", "i32", "i64", "i64"] as const;

/** What the instructions without prefix 67 do; those with it go another way. */
function instruction(name: (typeof operations)[number], build: (f: FunctionBuilder, p: Parts) => void): void {
  helper(name, parameters, ["i32"], (f, context) => {
    f.if(i64.geS(f.param(3), i64.const(0)), () =>
      f.return(context.call("narrowString", i32.const(operations.indexOf(name)), f.param(0), f.param(1), f.param(2))),
    );
    build(f, begin(f, context));
  });
}

instruction("movs", (f, p) => {
  const source = f.temporary("i64");
  each(p, () => {
    f.set(source, i64.add(load64(rsi), f.param(2)));
    const n = pieceLength(p, [source, load64(rdi)]);
    const size = f.let(i32.mul(n, p.bytes));
    const from = translated(p, "readHost", source, size, 0);
    const to = translated(p, "writeHost", load64(rdi), size, 1);
    // Where the target begins inside the source, each element must see the ones written before it.
    f.if(
      i32.ltU(i32.sub(i32.sub(to, from), i32.const(1)), i32.sub(size, i32.const(1))),
      () => {
        const at = f.let(i32.const(0));
        f.loop((again) => {
          storeElement(f, p.bytes, i32.add(to, at), loadElement(f, p.bytes, i32.add(from, at)));
          f.set(at, i32.add(at, p.bytes));
          f.brIf(again, i32.ltU(at, size));
        });
      },
      () => f.emit(memoryCopy(to, from, size)),
    );
    commit(p, to, 1);
    const wide = f.let(i64.extendI32U(n));
    advance(p, rsi, wide);
    advance(p, rdi, wide);
    countDown(p, wide);
  });
});

instruction("stos", (f, p) => {
  each(p, () => {
    const n = pieceLength(p, [load64(rdi)]);
    const size = f.let(i32.mul(n, p.bytes));
    const to = translated(p, "writeHost", load64(rdi), size, 0);
    const value = f.let(load64(rax));
    // Filling by bytes is right for a value of equal bytes: zero, nearly always.
    f.if(
      i32.or(i32.eq(p.bytes, i32.const(1)), i64.eqz(value)),
      () => f.emit(memoryFill(to, i32.wrapI64(value), size)),
      () => {
        const at = f.let(i32.const(0));
        f.loop((again) => {
          storeElement(f, p.bytes, i32.add(to, at), value);
          f.set(at, i32.add(at, p.bytes));
          f.brIf(again, i32.ltU(at, size));
        });
      },
    );
    commit(p, to, 0);
    const wide = f.let(i64.extendI32U(n));
    advance(p, rdi, wide);
    countDown(p, wide);
  });
});

instruction("lods", (f, p) => {
  const source = f.temporary("i64");
  each(p, () => {
    f.set(source, i64.add(load64(rsi), f.param(2)));
    const from = translated(p, "readHost", source, p.bytes, 0);
    const value = loadElement(f, p.bytes, from);
    f.if(i32.eq(p.bytes, i32.const(4)), () => f.emit(i64.store(base, i64.const(0), rax)));
    storeElement(f, p.bytes, i32.const(rax), value);
    advance(p, rsi, i64.const(1));
    countDown(p, i64.const(1));
  });
});

/** Flags of left - right. */
function setCompared(p: Parts, left: Expression, right: Expression): void {
  p.f.emit(i64.store(base, left, state.flagsA));
  p.f.emit(i64.store(base, right, state.flagsB));
  const kind = i32.sub(i32.const((flagClass.sub << 8) | 64), i32.shl(p.bytes, i32.const(3)));
  p.f.emit(i32.store(base, kind, state.flagsKind));
}

/** Compares elements until one ends it (REPE: a difference; REPNE: a match); sets flags from the last pair. */
function comparing(name: "cmps" | "scas", withSource: boolean): void {
  instruction(name, (f, p) => {
    const left = f.temporary("i64");
    const right = f.temporary("i64");
    const mask = f.let(
      select(
        i32.eq(p.bytes, i32.const(8)),
        i64.const(-1),
        i64.sub(i64.shl(i64.const(1), i64.extendI32U(i32.shl(p.bytes, i32.const(3)))), i64.const(1)),
      ),
    );
    const source = f.temporary("i64");
    f.set(left, i64.and(load64(rax), mask));
    each(p, (stop) => {
      f.set(source, i64.add(load64(rsi), f.param(2)));
      const n = pieceLength(p, withSource ? [source, load64(rdi)] : [load64(rdi)]);
      const size = f.let(i32.mul(n, p.bytes));
      const to = translated(p, "readHost", load64(rdi), size, 1);
      const from = withSource ? translated(p, "readHost", source, size, 0) : f.let(base);
      const at = f.let(i32.const(0));
      const ended = f.let(i32.const(0));
      f.block((out) => {
        f.loop((again) => {
          if (withSource) f.set(left, loadElement(f, p.bytes, i32.add(from, at)));
          f.set(right, loadElement(f, p.bytes, i32.add(to, at)));
          f.set(at, i32.add(at, p.bytes));
          // Without a prefix there is one element and `ended` does not matter.
          f.set(ended, i32.eq(i64.eq(left, right), i32.sub(p.repeat, i32.const(1))));
          f.brIf(out, ended);
          f.brIf(again, i32.ltU(at, size));
        });
      });
      const wide = f.let(i64.extendI32U(i32.divU(at, p.bytes)));
      if (withSource) advance(p, rsi, wide);
      advance(p, rdi, wide);
      countDown(p, wide);
      setCompared(p, left, right);
      f.if(ended, stop);
    });
  });
}
comparing("cmps", true);
comparing("scas", false);

/** Elements done before the slow forms below let others in. */
const elementsMax = 4096;
const low32 = i64.const(0xffff_ffff);

/** All five with prefix 67, element by element: ESI, EDI and ECX count, and what is written back is zero-extended. */
helper("narrowString", ["i32", "i32", "i32", "i64"], ["i32"], (f, context) => {
  const p = begin(f, context, f.param(1), f.param(2));
  const operation = f.param(0);
  const is = (...names: (typeof operations)[number][]): Expression =>
    names.map((name) => i32.eq(operation, i32.const(operations.indexOf(name)))).reduce((a, b) => i32.or(a, b));
  const value = f.temporary("i64");
  const other = f.temporary("i64");
  const step = (register: number): void =>
    f.emit(i64.store(base, i64.and(i64.add(load64(register), p.step), low32), register));
  f.block((done) => {
    f.loop((again) => {
      f.if(p.repeat, () => f.brIf(done, i64.eqz(i64.and(load64(rcx), low32))));
      f.set(value, load64(rax));
      f.if(is("movs", "cmps", "lods"), () => {
        const from = translated(p, "readHost", i64.add(f.param(3), i64.and(load64(rsi), low32)), p.bytes, 0);
        f.set(value, loadElement(f, p.bytes, from));
      });
      f.if(is("cmps", "scas"), () => {
        const to = translated(p, "readHost", i64.and(load64(rdi), low32), p.bytes, 1);
        f.set(other, loadElement(f, p.bytes, to));
      });
      f.if(is("movs", "stos"), () => {
        const to = translated(p, "writeHost", i64.and(load64(rdi), low32), p.bytes, 1);
        storeElement(f, p.bytes, to, value);
        commit(p, to, 1);
      });
      f.if(is("lods"), () => {
        f.if(i32.eq(p.bytes, i32.const(4)), () => f.emit(i64.store(base, i64.const(0), rax)));
        storeElement(f, p.bytes, i32.const(rax), value);
      });
      f.if(is("movs", "cmps", "lods"), () => step(rsi));
      f.if(is("movs", "cmps", "stos", "scas"), () => step(rdi));
      f.if(p.repeat, () => f.emit(i64.store(base, i64.and(i64.sub(load64(rcx), i64.const(1)), low32), rcx)));
      f.if(is("cmps", "scas"), () => {
        setCompared(p, value, other);
        const shift = f.let(i64.extendI32U(i32.sub(i32.const(64), i32.shl(p.bytes, i32.const(3)))));
        const equal = i64.eqz(i64.shl(i64.xor(value, other), shift));
        f.brIf(done, i32.eq(equal, i32.sub(p.repeat, i32.const(1))));
      });
      f.brIf(done, i32.eqz(p.repeat));
      f.set(p.pieces, i32.add(p.pieces, i32.const(1)));
      f.brIf(again, i32.and(i32.ltU(p.pieces, i32.const(elementsMax)), i32.eqz(p.stepping)));
      f.if(i64.ne(load64(rcx), i64.const(0)), () => {
        f.emit(i32.store(base, p.pieces, state.extraCost));
        f.return(i32.const(2));
      });
    });
  });
  f.emit(i32.store(base, p.pieces, state.extraCost));
  f.result(select(p.pieces, i32.const(3), i32.const(0)));
});

const sizes = [16, 32, 64] as const;
for (const [prefix, repeat] of [
  ["NP", 0],
  ["F3", 1],
  ["F2", 2],
] as const) {
  const lead = prefix === "NP" ? "" : `${prefix} `;
  const plain = { writes: "", faults: true, interpreted: true };
  const compares = { writes: "oszapc", conditional: true, faults: true, interpreted: true };
  for (const wide of [false, true]) {
    const options = { ...plain, sizes: wide ? sizes : ([8] as const) };
    const comparison = { ...compares, sizes: options.sizes };
    const opcode = (n: number): string => lead + (n + (wide ? 1 : 0)).toString(16);
    // The source's segment override is an address added: see the decoder. So is prefix 67 a mask.
    for (const [index, name] of operations.entries()) {
      const compares = name === "cmps" || name === "scas";
      row(name.toUpperCase(), opcode(0xa4 + [0, 2, 6, 8, 10][index]!), "", compares ? comparison : options, (e) => {
        e.inState(name, i32.const(e.size / 8), i32.const(repeat), e.segmentBase(), e.addressMask());
      });
    }
  }
}
