/**
 * One case of the differential tests, and where its memory is. native.c has the same numbers.
 *
 * The data are two pages with nothing mapped on either side; the window, the only bytes set and compared, lies across
 * their boundary, so that operands may straddle it and faults are near.
 */
export const codeBase = 0x2000_0000;
export const codeBytes = 0x2000;
export const dataBase = 0x1000_0000;
export const dataBytes = 0x2000;
export const readOnlyBase = 0x3000_0000;
export const windowBase = dataBase + 0xe00;
export const windowBytes = 1024;
/** Base of GS: small, so that every address can be reached from it. */
/** The upper halves of 16 YMM registers. */
export const highBytes = 256;
export const gsBase = 0x700;

export interface Case {
  /** What is tested, for the report. */
  readonly name: string;
  readonly code: Uint8Array;
  /** Where in the code pages it lies. */
  readonly codeOffset: number;
  readonly registers: BigUint64Array;
  readonly flags: number;
  readonly fx: Uint8Array;
  /** Bits of `exactness` (wasm/x86/state.ts) the program begins with while modes are the default ones; `counted` if absent. */
  readonly exactness?: number;
  /** Upper halves of the YMM registers; zero where absent. */
  readonly high?: Uint8Array;
  readonly window: Uint8Array;
}

export interface Result {
  readonly registers: BigUint64Array;
  /** After int3 for a case that ran to its end. */
  readonly rip: number;
  readonly flags: number;
  /** Of a page fault. */
  readonly address: number;
  /** x86 exception vector: 3 for a case that ran to its end. */
  readonly vector: number;
  readonly fx: Uint8Array;
  readonly high: Uint8Array;
  readonly window: Uint8Array;
}
