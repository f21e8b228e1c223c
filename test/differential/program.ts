/** Machine code put together by hand: bytes with labels, each instruction at its guest address. */

export interface Label {
  at: number;
}

interface Reference {
  readonly at: number;
  readonly bytes: 1 | 4;
  readonly label: Label;
  /** What the distance is counted from. */
  readonly from: number;
}

export class Program {
  readonly #code: number[] = [];
  readonly #references: Reference[] = [];

  get length(): number {
    return this.#code.length;
  }

  add(...bytes: number[]): void {
    for (const byte of bytes) this.#code.push(byte);
  }

  /** A number of 32 bits. */
  add32(value: number): void {
    for (let i = 0; i < 4; i++) this.#code.push((value >>> (8 * i)) & 0xff);
  }

  label(): Label {
    return { at: -1 };
  }

  /** The label is here; its place, for `bytes` that refer to it. */
  place(label: Label): void {
    label.at = this.length;
  }

  /** The distance to a label from what follows, or from `from`. */
  distance(label: Label, bytes: 1 | 4, from = this.length + bytes): void {
    this.#references.push({ at: this.length, bytes, label, from });
    for (let i = 0; i < bytes; i++) this.#code.push(0);
  }

  /** All bytes, with the distances filled in. */
  finish(): Uint8Array {
    const all = Uint8Array.from(this.#code);
    const view = new DataView(all.buffer);
    for (const { at, bytes, label, from } of this.#references) {
      const distance = label.at - from;
      if (label.at < 0 || (bytes === 1 && distance !== (distance << 24) >> 24))
        throw new Error("a label is out of reach");
      if (bytes === 1) view.setInt8(at, distance);
      else view.setInt32(at, distance, true);
    }
    return all;
  }
}
