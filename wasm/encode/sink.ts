/** A growing array of bytes. */
export class ByteSink {
  #bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  push(byte: number): void {
    if (this.length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.length++] = byte;
  }

  append(bytes: ArrayLike<number>): void {
    const count = bytes.length;
    this.#reserve(count);
    const target = this.#bytes;
    let at = this.length;
    for (let i = 0; i < count; i++) target[at++] = bytes[i]!;
    this.length = at;
  }

  /** Part of what has been written; valid until more is. */
  view(start = 0, end = this.length): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, end);
  }
}
