/** Random and edge values: whole registers, numbers of every format, FXSAVE images. */

/** A generator of 32-bit numbers with a seed (xorshift128, Marsaglia 2003). */
export class Dice {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    // SplitMix spreads a small seed over the state.
    let z = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e37_79b9) >>> 0;
      let x = z;
      x = Math.imul(x ^ (x >>> 16), 0x21f0_aaad);
      x = Math.imul(x ^ (x >>> 15), 0x735a_2d97);
      this.#state[i] = x ^ (x >>> 15);
    }
  }

  u32(): number {
    const s = this.#state;
    let t = s[3] ?? 0;
    const first = s[0] ?? 0;
    s[3] = s[2] ?? 0;
    s[2] = s[1] ?? 0;
    s[1] = first;
    t ^= t << 11;
    t ^= t >>> 8;
    s[0] = t ^ first ^ (first >>> 19);
    return s[0] ?? 0;
  }

  /** 0 … bound - 1. */
  below(bound: number): number {
    return this.u32() % bound;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }
}

const integerEdges = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ff80n,
  0xffff_ffff_8000_0000n,
  0x0101_0101_0101_0101n,
  0x8080_8080_8080_8080n,
];

/** A register's worth of integer. */
export function integer(dice: Dice): bigint {
  switch (dice.below(4)) {
    case 0:
      return dice.pick(integerEdges);
    case 1:
      return BigInt.asUintN(64, dice.pick(integerEdges) + BigInt(dice.below(5)) - 2n);
    case 2:
      return dice.u64() >> BigInt(dice.below(64));
    default:
      return dice.u64();
  }
}

const f64Edges = [
  0n,
  0x8000_0000_0000_0000n,
  0x3ff0_0000_0000_0000n,
  0xbff0_0000_0000_0000n,
  0x7ff0_0000_0000_0000n,
  0xfff0_0000_0000_0000n,
  0x7ff8_0000_0000_0000n,
  0xfff8_0000_0000_0001n,
  0x7ff0_0000_0000_0001n,
  0xfff4_0000_0000_0000n,
  1n,
  0x800f_ffff_ffff_ffffn,
  0x0010_0000_0000_0000n,
  0x7fef_ffff_ffff_ffffn,
  0xffef_ffff_ffff_ffffn,
  0x41df_ffff_ffc0_0000n,
  0x41e0_0000_0000_0000n,
  0xc1e0_0000_0020_0000n,
  0x43e0_0000_0000_0000n,
  0xc3e0_0000_0000_0000n,
  0x4330_0000_0000_0001n,
  0x3fe0_0000_0000_0000n,
  0x3ff8_0000_0000_0000n,
  0xbfe0_0000_0000_0001n,
];

export function f64(dice: Dice): bigint {
  switch (dice.below(5)) {
    case 0:
      return dice.pick(f64Edges);
    case 1:
      return dice.u64();
    case 2: {
      // Near one another, so that sums cancel and quotients are ordinary.
      const exponent = BigInt(1023 + dice.below(12) - 4);
      return (BigInt(dice.below(2)) << 63n) | (exponent << 52n) | (dice.u64() >> 12n);
    }
    case 3: {
      const exponent = BigInt(1023 + dice.below(68));
      return (BigInt(dice.below(2)) << 63n) | (exponent << 52n) | (dice.u64() >> 12n);
    }
    default: {
      const shift = BigInt(dice.below(52));
      const exponent = BigInt(1023 + dice.below(20) - 10);
      return (BigInt(dice.below(2)) << 63n) | (exponent << 52n) | (((dice.u64() >> 12n) >> shift) << shift);
    }
  }
}

const f32Edges = [
  0, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0001, 0x7f80_0001,
  0xffa0_0000, 1, 0x807f_ffff, 0x0080_0000, 0x7f7f_ffff, 0xff7f_ffff, 0x4f00_0000, 0xcf00_0000, 0x4eff_ffff,
  0x5f00_0000, 0x4b00_0001, 0x3f00_0000, 0x3fc0_0000, 0xbf00_0001,
];

export function f32(dice: Dice): number {
  switch (dice.below(4)) {
    case 0:
      return dice.pick(f32Edges);
    case 1:
      return dice.u32();
    case 2:
      return ((dice.below(2) << 31) | ((127 + dice.below(12) - 4) << 23) | (dice.u32() >>> 9)) >>> 0;
    default:
      return ((dice.below(2) << 31) | ((127 + dice.below(36)) << 23) | (dice.u32() >>> 9)) >>> 0;
  }
}

export interface Extended {
  readonly mantissa: bigint;
  readonly signExponent: number;
}

export function f80(dice: Dice): Extended {
  const sign = dice.below(2) << 15;
  const top = 0x8000_0000_0000_0000n;
  switch (dice.below(9)) {
    case 0:
      return { mantissa: 0n, signExponent: sign };
    case 1:
      return { mantissa: top, signExponent: sign | dice.pick([0x3fff, 0x7fff, 0x4000, 0x3ffe]) };
    case 2:
      // Anything at all: unnormals, denormals, NaNs.
      return {
        mantissa: dice.u64(),
        signExponent: sign | dice.pick([0, 0x7fff, 1, 0x7ffe, 0x3fff, dice.below(0x8000)]),
      };
    case 3:
      return { mantissa: dice.u64() >> BigInt(dice.below(64)), signExponent: sign };
    case 4:
      return { mantissa: top | dice.u64(), signExponent: sign | (0x3fff + dice.below(70) - 3) };
    case 5: {
      // A number of the shorter formats.
      const bits = BigInt(dice.pick([11, 40, 60]));
      return { mantissa: top | ((dice.u64() >> bits) << bits), signExponent: sign | (0x3fff + dice.below(24) - 12) };
    }
    case 6:
      return { mantissa: top | dice.u64(), signExponent: sign | dice.below(0x7fff) };
    default:
      return { mantissa: top | dice.u64(), signExponent: sign | (0x3fff + dice.below(8) - 4) };
  }
}

/** FXSAVE image of a processor just reset for user mode. */
export function startFx(): Uint8Array {
  const fx = new Uint8Array(512);
  const view = new DataView(fx.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint32(24, 0x1f80, true);
  view.setUint32(28, 0xffff, true);
  return fx;
}
