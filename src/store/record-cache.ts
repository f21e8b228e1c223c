/**
 * The records of packs used last, up to a number of bytes. A container that starts reads many small files which lie
 * side by side in a layer: the first read of a record pays, the others find it here. Reads that come while the record
 * is on its way wait for the same one.
 */
export class RecordCache {
  readonly #bytesMax: number;
  /** In order of last use, oldest first: a Map keeps the order of insertion. */
  readonly #records = new Map<string, Uint8Array>();
  readonly #pending = new Map<string, Promise<Uint8Array>>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(key: string, load: () => Promise<Uint8Array>): Uint8Array | Promise<Uint8Array> {
    const record = this.#records.get(key);
    if (record) {
      this.#records.delete(key);
      this.#records.set(key, record);
      return record;
    }
    let pending = this.#pending.get(key);
    if (!pending) {
      pending = load().then((loaded) => this.#add(key, loaded));
      this.#pending.set(key, pending);
      const forget = () => this.#pending.delete(key);
      pending.then(forget, forget);
    }
    return pending;
  }

  #add(key: string, record: Uint8Array): Uint8Array {
    this.#records.set(key, record);
    this.#bytes += record.length;
    for (const [oldest, bytes] of this.#records) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#records.delete(oldest);
      this.#bytes -= bytes.length;
    }
    return record;
  }
}
