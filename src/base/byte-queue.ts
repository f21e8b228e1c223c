/** A first-in, first-out queue of bytes with a fixed capacity: what terminals, pipes and stream sockets are made of. */
export class ByteQueue {
  #bytes: Uint8Array;
  #capacity: number;
  /** Index of the first byte. */
  #start = 0;
  #length = 0;

  /** Storage is allocated as it fills, up to `capacity`. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#bytes = new Uint8Array(0);
  }

  get length(): number {
    return this.#length;
  }
  get capacity(): number {
    return this.#capacity;
  }
  get room(): number {
    return this.#capacity - this.#length;
  }

  /** Never smaller than what is queued: the caller checks. */
  set capacity(capacity: number) {
    this.#reallocate(Math.min(capacity, Math.max(this.#length, 4096)));
    this.#capacity = capacity;
  }

  /** Appends what fits and returns how much that was. */
  push(source: Uint8Array): number {
    const count = Math.min(source.length, this.#capacity - this.#length);
    if (count === 0) return 0;
    this.#reserve(this.#length + count);
    const size = this.#bytes.length;
    let end = this.#start + this.#length;
    if (end >= size) end -= size;
    const first = Math.min(count, size - end);
    this.#bytes.set(first === source.length ? source : source.subarray(0, first), end);
    if (first < count) this.#bytes.set(source.subarray(first, count), 0);
    this.#length += count;
    return count;
  }

  /** Appends one byte; false when there is no room. */
  pushByte(byte: number): boolean {
    if (this.#length === this.#capacity) return false;
    this.#reserve(this.#length + 1);
    let end = this.#start + this.#length;
    if (end >= this.#bytes.length) end -= this.#bytes.length;
    this.#bytes[end] = byte;
    this.#length++;
    return true;
  }

  /** Moves bytes from the front into `target` and returns how many. */
  pull(target: Uint8Array): number {
    const count = this.peek(target);
    this.drop(count);
    return count;
  }

  /** Copies bytes from the front (after `skip` of them) and leaves them queued. */
  peek(target: Uint8Array, skip = 0): number {
    const count = Math.min(target.length, this.#length - skip);
    if (count <= 0) return 0;
    const size = this.#bytes.length;
    let start = this.#start + skip;
    if (start >= size) start -= size;
    const first = Math.min(count, size - start);
    target.set(this.#bytes.subarray(start, start + first), 0);
    if (first < count) target.set(this.#bytes.subarray(0, count - first), first);
    return count;
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.#length -= count;
    this.#start += count;
    if (this.#start >= this.#bytes.length) this.#start -= this.#bytes.length;
    if (this.#length === 0) this.#start = 0;
  }

  clear(): void {
    this.#start = 0;
    this.#length = 0;
  }

  #reserve(needed: number): void {
    if (needed <= this.#bytes.length) return;
    let size = Math.max(this.#bytes.length * 2, 4096);
    while (size < needed) size *= 2;
    this.#reallocate(Math.min(size, this.#capacity));
  }

  #reallocate(size: number): void {
    const bytes = new Uint8Array(size);
    this.peek(bytes);
    this.#bytes = bytes;
    this.#start = 0;
  }
}
