/**
 * A container's output, kept for `logs`: journal "log/<id>". One journal record holds the pieces of output that came
 * while the last one was being written, so that a talkative container costs few writes:
 *
 *     { stream: u8  time: u64 nanoseconds  length: u32  bytes }*      little-endian
 *
 * Past `logBytesMax` the older half is dropped.
 */
import { concat } from "../base/bytes.ts";
import { limits } from "../base/limits.ts";
import type { Store } from "../store/types.ts";
import type { LogChunk } from "./types.ts";

export const logName = (id: string): string => `log/${id}`;

const headerBytes = 13;

export function encodeLog(chunks: readonly LogChunk[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const chunk of chunks) {
    const header = new Uint8Array(headerBytes);
    const view = new DataView(header.buffer);
    view.setUint8(0, chunk.stream === "stdout" ? 1 : 2);
    view.setBigUint64(1, chunk.timeNs, true);
    view.setUint32(9, chunk.bytes.length, true);
    parts.push(header, chunk.bytes);
  }
  return concat(parts);
}

export function decodeLog(record: Uint8Array): LogChunk[] {
  const chunks: LogChunk[] = [];
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  for (let at = 0; at + headerBytes <= record.length;) {
    const length = view.getUint32(at + 9, true);
    const start = at + headerBytes;
    chunks.push({
      stream: view.getUint8(at) === 1 ? "stdout" : "stderr",
      timeNs: view.getBigUint64(at + 1, true),
      bytes: record.subarray(start, start + length),
    });
    at = start + length;
  }
  return chunks;
}

export async function readLog(store: Store, id: string): Promise<LogChunk[]> {
  const chunks: LogChunk[] = [];
  for await (const record of store.readJournal(logName(id))) chunks.push(...decodeLog(record));
  return chunks;
}

/** How long output may wait for company before it is written: short-lived containers then write once. */
const gatherMs = 50;

export class LogWriter {
  readonly #store: Store;
  readonly #id: string;
  #waiting: LogChunk[] = [];
  #waitingBytes = 0;
  #writtenBytes = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> = Promise.resolve();
  #failed: unknown = null;
  #dropped = false;

  constructor(store: Store, id: string) {
    this.#store = store;
    this.#id = id;
  }

  /** Never waits unless storage is far behind: then it does, so that memory stays bounded. */
  async append(chunk: LogChunk): Promise<void> {
    if (this.#dropped || this.#failed !== null) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.bytes.length;
    this.#timer ??= setTimeout(() => void this.flush(), gatherMs);
    if (this.#waitingBytes > limits.logBytesMax / 16) await this.flush();
  }

  /** Resolves when all that was appended is in the store. A full store costs the log, never the container. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing = this.#writing.then(async () => {
      if (this.#waiting.length === 0 || this.#dropped || this.#failed !== null) return;
      const record = encodeLog(this.#waiting);
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        await this.#store.appendJournal(logName(this.#id), record);
        this.#writtenBytes += record.length;
        if (this.#writtenBytes > limits.logBytesMax) await this.#shorten();
      } catch (error) {
        this.#failed = error;
      }
    });
    return this.#writing;
  }

  /** The container goes with its log: nothing more is written. */
  drop(): void {
    this.#dropped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = [];
  }

  async #shorten(): Promise<void> {
    const records: Uint8Array[] = [];
    for await (const record of this.#store.readJournal(logName(this.#id))) records.push(record);
    let keptBytes = 0;
    let first = records.length;
    while (first > 0 && keptBytes + records[first - 1]!.length <= limits.logBytesMax / 2)
      keptBytes += records[--first]!.length;
    await this.#store.replaceJournal(logName(this.#id), records.slice(first));
    this.#writtenBytes = keptBytes;
  }
}

/** The pieces that make up the last `tail` lines; a line may span pieces of one stream. */
export function tailLog(chunks: readonly LogChunk[], tail: number | undefined): readonly LogChunk[] {
  if (tail === undefined) return chunks;
  if (tail <= 0) return [];
  let lines = 0;
  for (let i = chunks.length - 1; i >= 0; i--) {
    const { bytes } = chunks[i]!;
    for (let at = bytes.length - 1; at >= 0; at--) {
      // The newline that ends the whole log starts no line.
      if (bytes[at] !== 10 || (i === chunks.length - 1 && at === bytes.length - 1)) continue;
      if (++lines === tail) {
        const rest = bytes.subarray(at + 1);
        const later = chunks.slice(i + 1);
        return rest.length === 0 ? later : [{ ...chunks[i]!, bytes: rest }, ...later];
      }
    }
  }
  return chunks;
}
