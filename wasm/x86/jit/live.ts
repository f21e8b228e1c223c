/**
 * Keeps the regions that are there. A region is bound to the frames its code lies in; `verify` checks, once for each
 * address space and origin, that they are mapped as they were when it was compiled. Stored regions (translations.ts) are
 * offered to the blocks that may enter them, and compared with the guest's code before they first run.
 *
 *     decoder: a block begins → it enters the region that begins there, or one that is offered
 *     interpreter: a block that enters a region, not verified yet → verify
 *     decoder: lines of a frame change → the regions that depend on them are dropped
 */
import { limits } from "../../../src/base/limits.ts";
import type { BlockDecoder } from "../decoder.ts";
import { pageMarks, regionMisses, regionTable } from "../layout.ts";
import { state } from "../state.ts";
import type { CpuLevel } from "../types.ts";
import type { CodeSource } from "./code.ts";
import type { Region } from "./region.ts";
import { isEqual, Translations, type Stored } from "./translations.ts";

export interface RegionHost {
  readonly level: CpuLevel;
  memory(): { readonly bytes: Uint8Array; readonly words: Uint32Array; readonly view: DataView };
  /** Frame that a guest page is mapped to for execution, or 0; no fault is recorded. */
  frameOf(address: number): number;
  /** The same, after the page was mapped if that needs no waiting. */
  bringIn(address: number): number;
  /** The compiler itself failed. */
  failed(error: unknown): void;
}

/** What the choice of what is compiled depends on. */
export interface RegionEvents {
  /** Stored code has come: what has been interpreted until now says nothing of how it will go on. */
  arrived(): void;
  /** Guest code has changed. */
  changed(): void;
  gone(live: Live): void;
}

/** Bytes of guest code, relative to a region's origin. */
interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface Live {
  /** Address of its descriptor, place in the table. */
  readonly descriptor: number;
  readonly place: number;
  /** Frame by page offset from the origin. Of a stored region that has not run yet: only that of its entry. */
  pages: ReadonlyMap<number, number>;
  readonly entries: readonly number[];
  /** Where it comes from, until it has been compared with the guest's code. */
  stored: Stored | null;
  /** The guest's code it was compiled from; by frame, the lines (layout.ts) of the pages above that this lies on. */
  readonly code: readonly Span[];
  lines: ReadonlyMap<number, ReadonlySet<number>>;
  /** How often it could not run, because its pages are not mapped as they were. */
  misfits: number;
  /** By physical address: whether it was compiled from the code there, as far as that was asked. */
  readonly inside: Map<number, boolean>;
}

/** A region that could not run where it was entered so often is given up. */
const misfitsMax = 64;

export class LiveRegions {
  readonly #host: RegionHost;
  readonly #decoder: BlockDecoder;
  readonly #table: WebAssembly.Table;
  readonly #events: RegionEvents;
  /** Whether blocks are made to begin at all entries. */
  readonly #begins: boolean;
  #live: (Live | undefined)[] = [];
  #free: number[] = [];
  /** Regions by frame they depend on; entries by physical address. */
  readonly #byFrame = new Map<number, Set<Live>>();
  readonly #entryAt = new Map<number, { live: Live; entry: number; delta: number }>();
  /** How often code of a frame has been dropped: what writes itself all the time stays interpreted. */
  readonly #changes = new Map<number, number>();
  /** Guest code that may be compiled. */
  readonly source: CodeSource;
  /**
   * Compiled code of earlier runs. By physical address: what does not fit there, or not yet, and how often any was offered.
   * By page: blocks whose region needs that page, which was not there.
   */
  readonly translations: Translations;
  readonly #unfit = new Map<number, Set<Stored>>();
  readonly #offered = new Map<number, number>();
  readonly #awaited = new Map<number, { readonly physical: number; readonly stored: Stored }[]>();

  invalidated = 0;

  constructor(
    host: RegionHost,
    decoder: BlockDecoder,
    table: WebAssembly.Table,
    imports: Record<string, WebAssembly.ImportValue>,
    events: RegionEvents,
    begins: boolean,
  ) {
    this.#host = host;
    this.#decoder = decoder;
    this.#table = table;
    this.#events = events;
    this.#begins = begins;
    this.translations = new Translations({
      bytes: () => host.memory().bytes,
      imports,
      arrived: (physical) => {
        events.arrived();
        this.offer(physical);
      },
    });
    this.source = {
      level: host.level,
      bytes: () => host.memory().bytes,
      frameOf: (page) => this.#usable(host.frameOf(page)),
    };
    decoder.listener = {
      decoded: (physical, rip) => this.#decoded(physical, rip),
      invalidated: (frame, first, last, stored) => this.#invalidated(frame, first, last, stored),
      lines: (frame) => this.#byFrame.get(frame)?.forEach((live) => this.#markLines(live, frame)),
      flushed: () => {
        for (const [frame, all] of this.#byFrame) for (const live of all) this.#markLines(live, frame);
        // Pages are no longer marked as ones whose mapping matters.
        this.forgetMappings();
      },
    };
  }

  /** Where a guest address lies in memory; 0: nowhere. */
  physical(rip: number): number {
    const frame = this.#host.frameOf(rip - (rip % 4096));
    return frame === 0 ? 0 : (frame + (rip % 4096)) >>> 0;
  }

  /** The region that begins at a physical address. */
  enteredAt(physical: number): Live | undefined {
    return this.#entryAt.get(physical)?.live;
  }

  /** Whether any region has the code at a physical address. */
  has(physical: number): boolean {
    for (const live of this.#byFrame.get((physical & -4096) >>> 0) ?? []) if (isIn(live, physical)) return true;
    return false;
  }

  isLive(live: Live): boolean {
    return this.#live[live.place] === live;
  }

  /** Those that have been compared with the guest's code. */
  *settled(): Generator<Live> {
    for (const live of this.#live) if (live !== undefined && live.stored === null) yield live;
  }

  #usable(frame: number): number {
    return (this.#changes.get(frame) ?? 0) >= limits.codeChangesMax ? 0 : frame;
  }

  /** Begins to use a region that has just been compiled. `reformed`: in place of the others that begin there. */
  install(region: Region, entries: readonly number[], code: () => unknown, reformed: boolean): Live {
    const live = this.#add(
      region.pages,
      entries,
      code,
      null,
      region.blocks.map(({ offset, end }) => ({ offset, length: end - offset })),
    );
    this.#enterAll(live, region.origin, reformed);
    return live;
  }

  #add(
    pages: ReadonlyMap<number, number>,
    entries: readonly number[],
    code: () => unknown,
    stored: Stored | null,
    spans: readonly Span[],
  ): Live {
    if (this.#free.length === 0 && this.#live.length >= limits.regionsMax) this.#evict();
    const place = this.#free.pop() ?? this.#live.length;
    if (place >= this.#table.length) this.#table.grow(Math.max(64, this.#table.length));
    this.#table.set(place, code);
    this.#host.memory().words[(regionMisses.base >> 2) + place] = 0;
    const descriptor = regionTable.base + place * regionTable.entryBytes;
    const live: Live = {
      descriptor,
      place,
      pages,
      entries,
      stored,
      code: spans,
      lines: new Map(),
      misfits: 0,
      inside: new Map(),
    };
    this.#live[place] = live;
    const { words } = this.#host.memory();
    words[(descriptor + regionTable.place) >> 2] = place;
    words[(descriptor + regionTable.space) >> 2] = noSpace;
    this.#depend(live);
    return live;
  }

  /** Notes the frames a region depends on. */
  #depend(live: Live): void {
    live.lines = linesOf(live.code, live.pages);
    for (const frame of live.pages.values()) {
      let set = this.#byFrame.get(frame);
      if (set === undefined) this.#byFrame.set(frame, (set = new Set()));
      set.add(live);
      this.#markLines(live, frame);
    }
  }

  /**
   * Makes the blocks at all its entries enter a region, which is at an origin now, also where the same one has only been
   * offered.
   */
  #enterAll(live: Live, origin: number, reformed: boolean, same?: Stored): void {
    const { descriptor, entries, pages } = live;
    const replaced = new Set<Live>();
    entries.forEach((offset, entry) => {
      const delta = pageOf(offset);
      const frame = pages.get(delta);
      if (frame === undefined) return;
      const physical = (frame + (offset - delta)) >>> 0;
      // The region that begins here knows more of this place than one that only comes by.
      const before = this.#entryAt.get(physical)?.live;
      if (entry !== 0 && !reformed && before !== undefined && before.stored !== same) return;
      if (before !== undefined && before !== live) replaced.add(before);
      this.#entryAt.set(physical, { live, entry, delta });
      // Who goes straight on comes to compiled code too.
      if (this.#begins) this.#decoder.begin(physical, origin + offset);
      const header = this.#decoder.find(physical);
      if (header !== 0) this.#decoder.enter(header, descriptor, entry, delta);
    });
    for (const one of replaced) if (!this.#isEntered(one)) this.#drop(one);
  }

  #isEntered(live: Live): boolean {
    return live.entries.some((offset) => {
      const frame = live.pages.get(pageOf(offset));
      return frame !== undefined && this.#entryAt.get((frame + (offset & 4095)) >>> 0)?.live === live;
    });
  }

  #decoded(physical: number, rip: number): void {
    if (this.#awaited.size > 0) this.#pageCame(pageOf(rip));
    const known = this.#entryAt.get(physical);
    if (known !== undefined)
      this.#decoder.enter(this.#decoder.find(physical), known.live.descriptor, known.entry, known.delta);
    else this.offer(physical);
  }

  /** Code of a page runs: what had to wait for it is tried again. */
  #pageCame(page: number): void {
    const waiting = this.#awaited.get(page);
    if (waiting === undefined) return;
    this.#awaited.delete(page);
    for (const { physical, stored } of waiting) {
      this.#unfit.get(physical)?.delete(stored);
      this.offer(physical);
    }
  }

  /**
   * Lets a block enter a stored region, which `verify` compares with the guest's code before it first runs. With a guest
   * address, a block is made to begin there.
   */
  offer(physical: number, rip?: number): boolean {
    const candidates = this.translations.candidates(physical);
    if (candidates.length === 0) return false;
    if (rip !== undefined) this.#decoder.begin(physical, rip);
    const header = this.#decoder.find(physical);
    if (header === 0 || this.#decoder.regionAt(header) !== 0) return false;
    const times = this.#offered.get(physical) ?? 0;
    if (times >= limits.translationOffersMax) return false;
    const frame = (physical & -4096) >>> 0;
    const { bytes } = this.#host.memory();
    for (const { stored, entry } of candidates) {
      const { code, entries } = stored.translation;
      const delta = pageOf(entries[entry]!.offset);
      const fits = (piece: (typeof code)[number]): boolean =>
        pageOf(piece.offset) !== delta || isEqual(piece.bytes, bytes, frame + piece.offset - delta);
      if (this.#unfit.get(physical)?.has(stored) === true || !code.every(fits)) continue;
      const offsets = entries.map(({ offset }) => offset);
      const spans = code.map(({ offset, bytes: piece }) => ({ offset, length: piece.length }));
      const live = this.#add(new Map([[delta, frame]]), offsets, stored.code, stored, spans);
      this.#offered.set(physical, times + 1);
      this.#entryAt.set(physical, { live, entry, delta });
      this.#decoder.enter(header, live.descriptor, entry, delta);
      return true;
    }
    return false;
  }

  /** Compares a stored region with the guest's code, at its first use in an address space that has all its pages. */
  #settle(live: Live, stored: Stored, origin: number): boolean {
    const { bytes } = this.#host.memory();
    const pages = new Map<number, number>();
    for (const piece of stored.translation.code) {
      const page = pageOf(piece.offset);
      let frame = pages.get(page);
      if (frame === undefined) {
        frame = this.#usable(this.#host.bringIn(origin + page));
        if (frame === 0) {
          // Not here yet. Asking at each turn of a loop would cost more than it may save.
          this.#putBack(live, stored, origin + page);
          return false;
        }
        pages.set(page, frame);
      }
      if (isEqual(piece.bytes, bytes, frame + piece.offset - page)) continue;
      this.#putBack(live, stored, null);
      return false;
    }
    live.stored = null;
    live.pages = pages;
    live.inside.clear();
    this.#depend(live);
    this.#enterAll(live, origin, false, stored);
    this.translations.bound(stored);
    return true;
  }

  /** Whether a region may run at an origin in the current address space: its pages are mapped as they were. */
  verify(descriptor: number, origin: number): boolean {
    const live = this.#live[(descriptor - regionTable.base) / regionTable.entryBytes];
    if (live === undefined) return false;
    if (live.stored !== null && !this.#settle(live, live.stored, origin)) return false;
    const { bytes, view } = this.#host.memory();
    for (const [delta, frame] of live.pages) {
      const address = origin + delta;
      if (this.#host.bringIn(address) !== frame) {
        // Asking at each turn of a loop costs more than it may save, and a region that fits can take its place.
        if (++live.misfits >= misfitsMax) this.#drop(live);
        return false;
      }
      // A change of this mapping must be noticed.
      bytes[pageMarks.base + (Math.floor(address / 4096) & (pageMarks.entries - 1))] = 1;
    }
    view.setUint32(descriptor + regionTable.space, Number(view.getBigUint64(state.spaceTag, true)), true);
    view.setBigUint64(descriptor + regionTable.origin, BigInt(origin), true);
    return true;
  }

  /** Mappings have changed: every region is verified again. */
  forgetMappings(): void {
    const { words } = this.#host.memory();
    for (const live of this.#live) if (live !== undefined) words[(live.descriptor + regionTable.space) >> 2] = noSpace;
  }

  #markLines(live: Live, frame: number): void {
    for (const line of live.lines.get(frame)!) this.#decoder.markLines(frame, line, line);
  }

  #invalidated(frame: number, firstLine: number, lastLine: number, stored: boolean): void {
    this.#unfit.clear();
    this.#offered.clear();
    this.#awaited.clear();
    this.#events.changed();
    // The kernel gives the frame to somebody else: what it held before says nothing of what it will hold.
    if (!stored) this.#changes.delete(frame);
    let dropped = false;
    for (const live of this.#byFrame.get(frame) ?? []) {
      const lines = live.lines.get(frame)!;
      let depends = false;
      for (let line = firstLine; line <= lastLine && !depends; line++) depends = lines.has(line);
      if (!depends) continue;
      this.#drop(live);
      this.invalidated++;
      dropped = true;
    }
    if (dropped && stored) this.#changes.set(frame, (this.#changes.get(frame) ?? 0) + 1);
  }

  /** A stored region does not fit where it was offered, or not before code of another page runs. */
  #putBack(live: Live, stored: Stored, page: number | null): void {
    const [[delta, frame]] = [...live.pages] as [[number, number]];
    const places = live.entries
      .map((offset) => (frame + offset - delta) >>> 0)
      .filter((physical) => this.#entryAt.get(physical)?.live === live);
    this.#drop(live);
    for (const physical of places) {
      let set = this.#unfit.get(physical);
      if (set === undefined) this.#unfit.set(physical, (set = new Set()));
      set.add(stored);
      if (page !== null) {
        const waiting = this.#awaited.get(page);
        if (waiting === undefined) this.#awaited.set(page, [{ physical, stored }]);
        else waiting.push({ physical, stored });
      }
      this.offer(physical);
    }
  }

  #drop(live: Live): void {
    const { words } = this.#host.memory();
    for (const frame of live.pages.values()) {
      const set = this.#byFrame.get(frame);
      set?.delete(live);
      if (set?.size === 0) this.#byFrame.delete(frame);
    }
    for (const offset of live.entries) {
      const delta = pageOf(offset);
      const frame = live.pages.get(delta);
      if (frame === undefined) continue;
      const physical = (frame + (offset - delta)) >>> 0;
      if (this.#entryAt.get(physical)?.live !== live) continue;
      this.#entryAt.delete(physical);
      const header = this.#decoder.find(physical);
      if (header !== 0) this.#decoder.leave(header, live.descriptor);
    }
    words[(live.descriptor + regionTable.space) >> 2] = noSpace;
    this.#table.set(live.place, null);
    this.#live[live.place] = undefined;
    this.#free.push(live.place);
    this.#events.gone(live);
  }

  /** A quarter goes: those in the lowest places of the table, which are mostly old. */
  #evict(): void {
    const live = this.#live.filter((one) => one !== undefined);
    for (const one of live.slice(0, live.length >> 2)) this.#drop(one);
  }
}

/** Of an offset from an origin, which may be negative. */
function pageOf(offset: number): number {
  return Math.floor(offset / 4096) * 4096;
}

/** The lines, of each frame of some pages, that code lies on. */
function linesOf(code: readonly Span[], pages: ReadonlyMap<number, number>): Map<number, Set<number>> {
  const lines = new Map<number, Set<number>>([...pages.values()].map((frame) => [frame, new Set()]));
  for (const { offset, length } of code)
    for (let at = offset - (offset & 63); at < offset + length; at += 64) {
      const frame = pages.get(pageOf(at));
      if (frame !== undefined) lines.get(frame)!.add((at & 4095) >> 6);
    }
  return lines;
}

/** No address space has this tag. */
const noSpace = 0xffffffff;

/** Physical address of a place in a region. */
export function placeOf(region: Region, offset: number): number {
  return (region.pages.get(pageOf(offset))! + (offset & 4095)) >>> 0;
}

/** Whether a region was compiled from the code at a physical address. */
export function isIn(live: Live, physical: number): boolean {
  const known = live.inside.get(physical);
  if (known !== undefined) return known;
  const frame = (physical & -4096) >>> 0;
  let inside = false;
  for (const [delta, one] of live.pages) {
    if (one !== frame) continue;
    const offset = delta + (physical & 4095);
    inside ||= live.code.some((span) => offset >= span.offset && offset < span.offset + span.length);
  }
  live.inside.set(physical, inside);
  return inside;
}
