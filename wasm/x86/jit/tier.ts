/**
 * Decides what is compiled and when, and keeps track of compiled regions.
 *
 * What is hot is found by sampling: whenever the interpreter's budget runs out, the block it stands at gets a point.
 * That costs nothing while code runs, and compiled code gets no points. A region is bound to the frames its code lies
 * in; `verify` checks, once for each address space and origin, that they are mapped as they were when it was compiled.
 */
import { limits } from "../../../src/base/limits.ts";
import type { BlockDecoder } from "../decoder.ts";
import { edgeRing, pageMarks, regionTable } from "../layout.ts";
import { state } from "../state.ts";
import type { CpuLevel, JitMode } from "../types.ts";
import { compileRegions } from "./compile.ts";
import { regionImports } from "./interface.ts";
import { discover, type Region } from "./region.ts";
import { isEqual, Translations, type Stored } from "./translations.ts";

export interface TierHost {
  readonly level: CpuLevel;
  memory(): { readonly bytes: Uint8Array; readonly words: Uint32Array; readonly view: DataView };
  /** Frame that a guest page is mapped to for execution, or 0; no fault is recorded. */
  frameOf(address: number): number;
}

/** Bytes of guest code, relative to a region's origin. */
interface Span {
  readonly offset: number;
  readonly length: number;
}

interface Live {
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
}

/** Samples of a block before it is compiled. */
const hotSamples = 2;
const forcedBlocks = 6;
/** Compiling may take this part of the time guests have run, after a first allowance in ms. */
const compileShare = 0.3;
const compileAllowanceMs = 20;
/** Newest indirect jumps looked at with each sample: reading all of them would cost more than the sample. */
const edgesPerSample = 32;

export class Tier {
  readonly table: WebAssembly.Table;
  readonly #mode: JitMode;
  readonly #host: TierHost;
  readonly #decoder: BlockDecoder;
  readonly #imports: Record<string, WebAssembly.ImportValue>;
  #live: (Live | undefined)[] = [];
  #free: number[] = [];
  /** Regions by frame they depend on; entries by physical address. */
  readonly #byFrame = new Map<number, Set<Live>>();
  readonly #entryAt = new Map<number, { live: Live; entry: number; delta: number }>();
  readonly #heat = new Map<number, number>();
  readonly #refused = new Set<number>();
  /** How often code of a frame has been dropped: what writes itself all the time stays interpreted. */
  readonly #changes = new Map<number, number>();
  /** Targets of indirect jumps by guest address. */
  readonly #edges = new Map<number, Map<number, number>>();
  #edgeAt = 0;
  /**
   * Compiled code of earlier runs. By physical address: what does not fit there, or not yet, and how often any was offered.
   * By page: blocks whose region needs that page, which was not there.
   */
  readonly translations: Translations;
  readonly #unfit = new Map<number, Set<Stored>>();
  readonly #offered = new Map<number, number>();
  readonly #awaited = new Map<number, { readonly physical: number; readonly stored: Stored }[]>();
  #started = performance.now();

  regions = 0;
  modules = 0;
  compiledInstructions = 0;
  compileMs = 0;
  invalidated = 0;

  constructor(
    mode: JitMode,
    host: TierHost,
    decoder: BlockDecoder,
    table: WebAssembly.Table,
    functions: (name: string) => WebAssembly.ImportValue,
    memory: WebAssembly.Memory,
  ) {
    this.#mode = mode;
    this.#host = host;
    this.#decoder = decoder;
    this.table = table;
    this.#imports = { memory };
    for (const name of regionImports()) this.#imports[name] = functions(name);
    this.translations = new Translations({
      bytes: () => host.memory().bytes,
      imports: this.#imports,
      arrived: (physical) => this.#offer(physical),
    });
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

  /** The guest's budget ran out at an address. */
  sample(rip: number): void {
    this.#readEdges();
    const physical = this.#physical(rip);
    const header = physical === 0 ? 0 : this.#decoder.find(physical);
    if (header === 0 || this.#decoder.regionAt(header) !== 0) return;
    if (this.#offer(physical) || this.translations.isComing) return;
    const heat = (this.#heat.get(physical) ?? 0) + 1;
    if (this.#heat.size >= limits.hotCandidatesMax) this.#heat.clear();
    this.#heat.set(physical, heat);
    if (heat < hotSamples || this.#refused.has(physical)) return;
    const elapsed = performance.now() - this.#started;
    if (this.compileMs > compileAllowanceMs + elapsed * compileShare) return;
    if (!this.#compile(rip)) this.#refused.add(physical);
  }

  #physical(rip: number): number {
    const frame = this.#host.frameOf(rip - (rip % 4096));
    return frame === 0 ? 0 : (frame + (rip % 4096)) >>> 0;
  }

  #readEdges(): void {
    const { view } = this.#host.memory();
    const mask = edgeRing.entries * edgeRing.entryBytes - 1;
    const end = view.getUint32(state.edgeNext, true);
    for (let i = 0; i < edgesPerSample; i++) {
      const at = (end - (i + 1) * edgeRing.entryBytes) & mask;
      if (at === this.#edgeAt) break;
      this.#edge(
        Number(view.getBigUint64(edgeRing.base + at, true)),
        Number(view.getBigUint64(edgeRing.base + at + 8, true)),
      );
    }
    this.#edgeAt = end;
  }

  #edge(from: number, to: number): void {
    let targets = this.#edges.get(from);
    if (targets === undefined) {
      if (this.#edges.size >= limits.hotCandidatesMax) this.#edges.clear();
      this.#edges.set(from, (targets = new Map()));
    }
    if (targets.size < limits.regionTargetsMax || targets.has(to)) targets.set(to, (targets.get(to) ?? 0) + 1);
  }

  #targetsSeen(address: number): number[] {
    const targets = this.#edges.get(address);
    if (targets === undefined) return [];
    return [...targets].toSorted((a, b) => b[1] - a[1]).map(([target]) => target);
  }

  /** Compiles a region that begins at a guest address. False if there is nothing to compile. */
  #compile(start: number): boolean {
    const before = performance.now();
    const region = discover(
      {
        level: this.#host.level,
        bytes: () => this.#host.memory().bytes,
        frameOf: (address) => this.#usable(this.#host.frameOf(address)),
        // Everything is compiled once more for each place it is entered at: small regions keep that in bounds.
        blocksMax: this.#mode === "force" ? forcedBlocks : limits.regionBlocksMax,
        executed: (physical) => this.#mode === "force" || this.#decoder.find(physical) !== 0,
        targetsSeen: (address) => this.#targetsSeen(address),
      },
      start,
    );
    if (region === null) return false;
    const compiled = compileRegions([region]);
    const module = new WebAssembly.Module(compiled.bytes);
    const instance = new WebAssembly.Instance(module, { region: this.#imports });
    this.modules++;
    compiled.regions.forEach((one, i) => {
      const live = this.#install(region, one.entries, instance.exports[`${i}`] as () => unknown);
      const isLive = (): boolean => this.#live[live.place] === live;
      this.translations.compiled(compiled.bytes, i, region, one.entries, isLive);
    });
    this.compileMs += performance.now() - before;
    return true;
  }

  #usable(frame: number): number {
    return (this.#changes.get(frame) ?? 0) >= limits.codeChangesMax ? 0 : frame;
  }

  #install(region: Region, entries: readonly number[], code: () => unknown): Live {
    const live = this.#add(
      region.pages,
      entries,
      code,
      null,
      region.blocks.map(({ offset, end }) => ({ offset, length: end - offset })),
    );
    this.regions++;
    for (const block of region.blocks) this.compiledInstructions += block.operations.length;
    this.#enterAll(live);
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
    if (place >= this.table.length) this.table.grow(Math.max(64, this.table.length));
    this.table.set(place, code);
    const descriptor = regionTable.base + place * regionTable.entryBytes;
    const live: Live = { descriptor, place, pages, entries, stored, code: spans, lines: new Map() };
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

  /** Makes the blocks at all its entries enter a region. */
  #enterAll(live: Live): void {
    const { descriptor, entries, pages } = live;
    entries.forEach((offset, entry) => {
      const delta = pageOf(offset);
      const frame = pages.get(delta);
      if (frame === undefined) return;
      const physical = (frame + (offset - delta)) >>> 0;
      // The region that begins here knows more of this place than one that only comes by.
      const other = this.#entryAt.get(physical);
      if (other !== undefined && entry !== 0) return;
      this.#entryAt.set(physical, { live, entry, delta });
      const header = this.#decoder.find(physical);
      if (header !== 0) this.#decoder.enter(header, descriptor, entry, delta);
    });
  }

  #decoded(physical: number, rip: number): void {
    if (this.#awaited.size > 0) this.#pageCame(pageOf(rip));
    const known = this.#entryAt.get(physical);
    if (known !== undefined)
      this.#decoder.enter(this.#decoder.find(physical), known.live.descriptor, known.entry, known.delta);
    else this.#offer(physical);
  }

  /** Code of a page runs: what had to wait for it is tried again. */
  #pageCame(page: number): void {
    const waiting = this.#awaited.get(page);
    if (waiting === undefined) return;
    this.#awaited.delete(page);
    for (const { physical, stored } of waiting) {
      this.#unfit.get(physical)?.delete(stored);
      this.#offer(physical);
    }
  }

  /** Lets a block enter a stored region, which `verify` compares with the guest's code before it first runs. */
  #offer(physical: number): boolean {
    const candidates = this.translations.candidates(physical);
    if (candidates.length === 0) return false;
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
        frame = this.#usable(this.#host.frameOf(origin + page));
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
    this.#depend(live);
    this.#enterAll(live);
    this.translations.bound(stored);
    return true;
  }

  /** With `force`: compiles what has just been decoded, before it first runs. */
  force(rip: number): void {
    if (this.#mode !== "force") return;
    const physical = this.#physical(rip);
    const header = physical === 0 ? 0 : this.#decoder.find(physical);
    if (header === 0 || this.#decoder.regionAt(header) !== 0 || this.#refused.has(physical)) return;
    if (!this.#compile(rip)) this.#refused.add(physical);
  }

  /** Whether a region may run at an origin in the current address space: its pages are mapped as they were. */
  verify(descriptor: number, origin: number): boolean {
    const live = this.#live[(descriptor - regionTable.base) / regionTable.entryBytes];
    if (live === undefined) return false;
    if (live.stored !== null && !this.#settle(live, live.stored, origin)) return false;
    const { bytes, view } = this.#host.memory();
    for (const [delta, frame] of live.pages) {
      const address = origin + delta;
      if (this.#host.frameOf(address) !== frame) return false;
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
    this.#heat.clear();
    this.#refused.clear();
    this.#unfit.clear();
    this.#offered.clear();
    this.#awaited.clear();
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
      this.#offer(physical);
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
    this.table.set(live.place, null);
    this.#live[live.place] = undefined;
    this.#free.push(live.place);
  }

  /** The oldest quarter goes. */
  #evict(): void {
    const live = this.#live.filter((one) => one !== undefined);
    for (const one of live.slice(0, live.length >> 2)) this.#drop(one);
  }
}

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
