/**
 * Reads tar as it comes: chunks of any size go in, entries and their content come out by callback, at once. Nothing but
 * extended headers is ever held.
 *
 * It is our own because a layer index needs what the usual packages do not give: where each content starts, names that
 * are not UTF-8, all four kinds of GNU sparse file (modern-tar gets their sizes wrong), extended attributes as bytes.
 *
 *     const parser = new TarParser({ entry: (e) => …, content: (bytes) => … });
 *     for await (const chunk of stream) parser.push(chunk);
 *     parser.finish();
 */
import { concat, decodeName } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { truncated } from "../stream.ts";
import { blockBytes, paddingOf, type TarEntry, type TarType } from "./entry.ts";
import { badHeader, checksumMatches, isZeroBlock, number, parseHeader, text, type TarHeader } from "./header.ts";
import { parsePax, paxInteger, type PaxRecord, paxTime } from "./pax.ts";
import { checkMap, contentMap, oldExtension, oldHeader, oldPairs, paxMap, type SparseMap } from "./sparse.ts";

export interface TarHandler {
  entry(entry: TarEntry): void;
  /** Content of the last entry, in order. */
  content?(bytes: Uint8Array): void;
  /** The last entry's content is complete. */
  entryEnd?(): void;
}

type State =
  | { readonly kind: "header" }
  /** Extended header or long name: gather `left` more bytes, then padding. */
  | { readonly kind: "extended"; readonly flag: string; left: number; padding: number; readonly parts: Uint8Array[] }
  | { readonly kind: "old-sparse"; readonly header: TarHeader; readonly realSize: number; readonly map: SparseMap }
  | { readonly kind: "sparse-map"; readonly header: TarHeader; readonly stored: number; blocks: Uint8Array }
  | { readonly kind: "content"; left: number; padding: number; readonly isShown: boolean }
  | { readonly kind: "zero-block" }
  | { readonly kind: "end" };

const typeOfFlag: Readonly<Record<string, TarType>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  S: "file",
};

export class TarParser {
  readonly #handler: TarHandler;
  #state: State = { kind: "header" };
  /** Bytes taken so far. */
  #position = 0;
  /** A block that is not complete yet. */
  readonly #block = new Uint8Array(blockBytes);
  #blockFilled = 0;
  #entries = 0;
  #global: ReadonlyMap<string, Uint8Array> = new Map();
  /** What the extended headers before an entry said about it. */
  #records: PaxRecord[] = [];
  #longName: string | null = null;
  #longLink: string | null = null;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const state = this.#state;
      if (state.kind === "end") {
        // Anything may follow the end: tapes and dd pad archives.
        this.#position += chunk.length - at;
        return;
      }
      const taken =
        state.kind === "content"
          ? this.#takeContent(state, chunk.subarray(at))
          : state.kind === "extended"
            ? this.#takeExtended(state, chunk.subarray(at))
            : this.#takeBlock(chunk, at);
      at += taken;
      this.#position += taken;
    }
  }

  /**
   * The archive is complete: it must not stop within an entry. Some writers leave out what follows the last content, its
   * padding included (umoci's `insert` does), which other readers take.
   */
  finish(): void {
    const state = this.#state;
    const isBetween =
      state.kind === "content" ? state.left === 0 : ["header", "zero-block", "end"].includes(state.kind);
    if (this.#blockFilled > 0 || !isBetween) throw truncated();
    if (this.#records.length > 0 || this.#longName !== null || this.#longLink !== null) throw truncated();
    if (this.#position === 0) throw new WherryError("invalid-archive", "not a tar archive: it is empty");
  }

  #takeBlock(chunk: Uint8Array, at: number): number {
    if (this.#blockFilled === 0 && chunk.length - at >= blockBytes) {
      this.#handleBlock(chunk.subarray(at, at + blockBytes), this.#position + blockBytes);
      return blockBytes;
    }
    const part = chunk.subarray(at, at + blockBytes - this.#blockFilled);
    this.#block.set(part, this.#blockFilled);
    this.#blockFilled += part.length;
    if (this.#blockFilled === blockBytes) {
      this.#blockFilled = 0;
      this.#handleBlock(this.#block, this.#position + part.length);
    }
    return part.length;
  }

  /** `end` is the position after the block. */
  #handleBlock(block: Uint8Array, end: number): void {
    const state = this.#state;
    if (state.kind === "old-sparse") {
      state.map.push(...oldPairs(block, oldExtension.pairsAt, oldExtension.pairs));
      if (state.map.length * 24 > limits.tarHeaderBytesMax) throw badHeader("its sparse map is too long");
      if (block[oldExtension.moreAt] === 0) this.#emitSparse(state.header, state.realSize, state.map, end);
    } else if (state.kind === "sparse-map") {
      state.blocks = concat([state.blocks, block]);
      if (state.blocks.length > Math.min(state.stored, limits.tarHeaderBytesMax))
        throw badHeader("its sparse map is too long");
      const map = contentMap(state.blocks);
      if (map) this.#emit(state.header, state.stored - state.blocks.length, end, map);
    } else if (isZeroBlock(block)) {
      this.#state = state.kind === "zero-block" ? { kind: "end" } : { kind: "zero-block" };
    } else if (state.kind === "zero-block") {
      throw badHeader("data follows a single block of zeros");
    } else {
      this.#handleHeader(block, end);
    }
  }

  #handleHeader(block: Uint8Array, end: number): void {
    if (!checksumMatches(block)) {
      throw end === blockBytes
        ? new WherryError("invalid-archive", "not a tar archive")
        : badHeader(`the checksum of the header at byte ${end - blockBytes} is wrong`);
    }
    const header = parseHeader(block);
    if (header.size < 0) throw badHeader("its size is negative");
    switch (header.flag) {
      case "x":
      case "X":
      case "g":
      case "L":
      case "K":
        if (header.size > limits.tarHeaderBytesMax)
          throw new WherryError("limit-exceeded", "an extended header of the tar archive is too large");
        this.#state = {
          kind: "extended",
          flag: header.flag,
          left: header.size,
          padding: paddingOf(header.size),
          parts: [],
        };
        if (header.size === 0) this.#handleExtended(header.flag, new Uint8Array(0));
        return;
      case "V":
        // A volume's label.
        this.#reset();
        this.#skip(header.size);
        return;
      case "S": {
        const realSize = number(block.subarray(oldHeader.realSizeAt, oldHeader.realSizeAt + 12), "size");
        const map = oldPairs(block, oldHeader.pairsAt, oldHeader.pairs);
        if (block[oldHeader.moreAt] === 0) this.#emitSparse(header, realSize, map, end);
        else this.#state = { kind: "old-sparse", header, realSize, map };
        return;
      }
    }
    if (!typeOfFlag[header.flag])
      throw new WherryError(
        "invalid-archive",
        `the tar archive has an entry of unknown type ${JSON.stringify(header.flag)}: ${header.name}`,
      );
    const stored = this.#storedBytes(header);
    const major = this.#pax("GNU.sparse.major");
    if (major && paxInteger(major, "GNU.sparse.major") === 1)
      this.#state = { kind: "sparse-map", header, stored, blocks: new Uint8Array(0) };
    else this.#emit(header, stored, end, paxMap(this.#records));
  }

  #pax(key: string): Uint8Array | undefined {
    // An empty value takes back what an earlier record or a global header said.
    const value = this.#records.findLast((record) => record.key === key)?.value ?? this.#global.get(key);
    return value && value.length > 0 ? value : undefined;
  }

  /** Links, folders, devices and fifos have no content, whatever their size field says: some writers put one there. */
  #storedBytes(header: TarHeader): number {
    if ("123456".includes(header.flag)) return 0;
    const size = this.#pax("size");
    return size ? paxInteger(size, "size") : header.size;
  }

  #emitSparse(header: TarHeader, realSize: number, map: SparseMap, offset: number): void {
    this.#emit(header, this.#storedBytes(header), offset, map, realSize);
  }

  #emit(header: TarHeader, stored: number, offset: number, map: SparseMap | null, oldRealSize?: number): void {
    if (++this.#entries > limits.archiveEntriesMax)
      throw new WherryError("limit-exceeded", `the archive has more than ${limits.archiveEntriesMax} entries`);
    const entry = this.#entry(header, stored, offset, map, oldRealSize);
    this.#reset();
    this.#handler.entry(entry);
    if (stored === 0) {
      this.#state = { kind: "header" };
      this.#handler.entryEnd?.();
    } else this.#state = { kind: "content", left: stored, padding: paddingOf(stored), isShown: true };
  }

  #entry(header: TarHeader, stored: number, offset: number, map: SparseMap | null, oldRealSize?: number): TarEntry {
    const textOf = (key: string) => {
      const value = this.#pax(key);
      return value && decodeName(value);
    };
    const integerOf = (key: string) => {
      const value = this.#pax(key);
      return value && paxInteger(value, key);
    };
    const name = textOf("GNU.sparse.name") ?? textOf("path") ?? this.#longName ?? header.name;
    const link = textOf("linkpath") ?? this.#longLink ?? header.link;
    if (name.includes("\0") || link.includes("\0")) throw badHeader("a name contains a NUL");
    let type = typeOfFlag[header.flag]!;
    // Archives older than the directory flag mark folders by a slash at the end.
    if (type === "file" && map === null && name.endsWith("/")) type = "directory";
    const mtimeValue = this.#pax("mtime");
    const mtime = mtimeValue ? paxTime(mtimeValue, "mtime") : { seconds: header.mtime, nanoseconds: 0 };
    const realSize = oldRealSize ?? integerOf("GNU.sparse.realsize") ?? integerOf("GNU.sparse.size") ?? stored;
    const xattrs = this.#xattrs();
    return {
      name,
      type,
      mode: header.mode & 0o7777,
      uid: integerOf("uid") ?? header.uid,
      gid: integerOf("gid") ?? header.gid,
      size: map ? realSize : stored,
      storedBytes: stored,
      offset,
      mtimeSeconds: mtime.seconds,
      mtimeNanoseconds: mtime.nanoseconds,
      ...((type === "symlink" || type === "hardlink") && { link }),
      ...((type === "character" || type === "block") && {
        deviceMajor: integerOf("SCHILY.devmajor") ?? header.deviceMajor,
        deviceMinor: integerOf("SCHILY.devminor") ?? header.deviceMinor,
      }),
      ...(xattrs && { xattrs }),
      ...(map && { sparse: checkMap(map, realSize, stored) }),
    };
  }

  #xattrs(): Record<string, Uint8Array> | null {
    const prefix = "SCHILY.xattr.";
    const xattrs: Record<string, Uint8Array> = Object.create(null);
    let found = false;
    const add = (key: string, value: Uint8Array) => {
      if (!key.startsWith(prefix)) return;
      xattrs[key.slice(prefix.length)] = value;
      found = true;
    };
    for (const [key, value] of this.#global) add(key, value);
    for (const { key, value } of this.#records) add(key, value);
    return found ? { ...xattrs } : null;
  }

  #reset(): void {
    this.#records = [];
    this.#longName = null;
    this.#longLink = null;
  }

  #skip(bytes: number): void {
    this.#state =
      bytes === 0 ? { kind: "header" } : { kind: "content", left: bytes, padding: paddingOf(bytes), isShown: false };
  }

  #takeContent(state: Extract<State, { kind: "content" }>, bytes: Uint8Array): number {
    if (state.left > 0) {
      const part = bytes.subarray(0, state.left);
      state.left -= part.length;
      if (state.isShown) {
        this.#handler.content?.(part);
        if (state.left === 0) this.#handler.entryEnd?.();
      }
      if (state.left === 0 && state.padding === 0) this.#state = { kind: "header" };
      return part.length;
    }
    const part = Math.min(bytes.length, state.padding);
    state.padding -= part;
    if (state.padding === 0) this.#state = { kind: "header" };
    return part;
  }

  #takeExtended(state: Extract<State, { kind: "extended" }>, bytes: Uint8Array): number {
    if (state.left > 0) {
      const part = bytes.subarray(0, state.left);
      state.parts.push(part.slice());
      state.left -= part.length;
      if (state.left === 0 && state.padding === 0) this.#handleExtended(state.flag, concat(state.parts));
      return part.length;
    }
    const part = Math.min(bytes.length, state.padding);
    state.padding -= part;
    if (state.padding === 0) this.#handleExtended(state.flag, concat(state.parts));
    return part;
  }

  #handleExtended(flag: string, content: Uint8Array): void {
    this.#state = { kind: "header" };
    if (flag === "L") this.#longName = text(content);
    else if (flag === "K") this.#longLink = text(content);
    else if (flag === "g") {
      const merged = new Map(this.#global);
      for (const { key, value } of parsePax(content)) {
        if (value.length === 0) merged.delete(key);
        else merged.set(key, value);
      }
      this.#global = merged;
    } else this.#records.push(...parsePax(content));
  }
}
