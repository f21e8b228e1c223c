/**
 * Decides what is compiled and when, and keeps track of compiled regions.
 *
 * What is hot is found by sampling: whenever the interpreter's budget runs out, the block it stands at gets a point.
 * That costs nothing while code runs, and compiled code gets no points. A region is bound to the frames its code lies
 * in; `verify` checks, once for each address space and origin, that they are mapped as they were when it was compiled.
 */
import { limits } from "../../../src/base/limits.ts";
import type { BlockDecoder } from "../decoder.ts";
import { pageMarks, regionTable, trace, traceMask } from "../layout.ts";
import { state } from "../state.ts";
import type { CpuLevel, JitMode } from "../types.ts";
import { compileRegions } from "./compile.ts";
import { regionImports } from "./interface.ts";
import type { CodeSource } from "./code.ts";
import { Profile } from "./profile.ts";
import { discover, type Guide, type Region } from "./region.ts";
import { isEqual, Translations, type Stored } from "./translations.ts";

export interface TierHost {
  readonly level: CpuLevel;
  memory(): { readonly bytes: Uint8Array; readonly words: Uint32Array; readonly view: DataView };
  /** Frame that a guest page is mapped to for execution, or 0; no fault is recorded. */
  frameOf(address: number): number;
  /** The same, after the page was mapped if that needs no waiting. */
  bringIn(address: number): number;
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
  /** How often it could not run, because its pages are not mapped as they were. */
  misfits: number;
}

/** Samples of a block before it is compiled. */
const hotSamples = 2;
const forcedBlocks = 6;
/** Guest instructions between two samples. */
const samplePeriod = 100_000;
/** A profile: enough for the trace to be full of it. */
const profiledInstructions = 50_000;
/** Compiled instructions before it is asked whether regions fit what is hot; then twice as many each time. */
const reformAfterFirst = 40_000_000;
/** Fewer instructions than this from one entry of a region to the next are too few. */
const longStay = 400;
/** Compiling an instruction takes as long as interpreting so many. */
const interpretedPerCompiled = 8000;
/** Regions tried along with one that is compiled. */
const hotTriedMax = 32;
/** A region that could not run where it was entered so often is given up. */
const misfitsMax = 64;
/** Times a place must have been seen in the traces read to be compiled along with others. */
const hotCount = 8;

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
  readonly #source: CodeSource;
  readonly #profile: Profile;
  #sinceSample = 0;
  /** Instructions still to be interpreted for a profile; 0: none is being made. */
  #profilingLeft = 0;
  /** Compiled instructions and entries of regions at the last look, and how many make the next one due. */
  #reformedAt = 0;
  #entriesThen = 0;
  #reformAfter = reformAfterFirst;
  /**
   * Compiled code of earlier runs. By physical address: what does not fit there, or not yet, and how often any was offered.
   * By page: blocks whose region needs that page, which was not there.
   */
  readonly translations: Translations;
  readonly #unfit = new Map<number, Set<Stored>>();
  readonly #offered = new Map<number, number>();
  readonly #awaited = new Map<number, { readonly physical: number; readonly stored: Stored }[]>();

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
    this.#source = {
      level: host.level,
      bytes: () => host.memory().bytes,
      frameOf: (page) => this.#usable(host.frameOf(page)),
    };
    this.#profile = new Profile(this.#source);
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

  /** Guest instructions the next run may take at most. */
  get sliceMax(): number {
    return this.#profilingLeft > 0 ? this.#profilingLeft : Infinity;
  }

  /** The guest has run some instructions. */
  ran(instructions: number): void {
    if (this.#mode === "force") return;
    if (this.#profilingLeft > 0) {
      this.#profilingLeft -= instructions;
      if (this.#profilingLeft <= 0) this.#reform();
      return;
    }
    this.#sinceSample += instructions;
    if (this.#sinceSample < samplePeriod) return;
    this.#sinceSample = 0;
    this.#sample();
    this.#considerReform();
  }

  #sample(): void {
    const { view } = this.#host.memory();
    const rip = lastTraced(view);
    const physical = rip === 0 ? 0 : this.#physical(rip);
    const header = physical === 0 ? 0 : this.#decoder.find(physical);
    if (header === 0 || this.#decoder.regionAt(header) !== 0) return;
    if (this.#offer(physical) || this.translations.isComing) return;
    const heat = (this.#heat.get(physical) ?? 0) + 1;
    if (this.#heat.size >= limits.hotCandidatesMax) this.#heat.clear();
    this.#heat.set(physical, heat);
    // A region may turn out too large for what is known: it is tried again when that has doubled.
    if (heat < hotSamples || (heat & (heat - 1)) !== 0 || this.#refused.has(physical)) return;
    this.#profile.read(view);
    this.#compile(rip);
  }

  /**
   * Regions are formed by what was hot when they were. Where control goes from one to the next all the time, the
   * interpreter runs for a moment, its trace shows what is hot now, and regions are formed anew around that.
   */
  #considerReform(): void {
    const { view } = this.#host.memory();
    const entries = Number(view.getBigUint64(state.regionEntries, true));
    const compiled = Number(view.getBigUint64(state.compiledInstructions, true));
    const run = compiled - this.#reformedAt;
    if (run < this.#reformAfter) return;
    const often = run < (entries - this.#entriesThen) * longStay;
    this.#reformedAt = compiled;
    this.#entriesThen = entries;
    if (!often) return;
    this.#reformAfter *= 2;
    this.#profilingLeft = profiledInstructions;
    view.setUint32(state.bypass, 1, true);
    this.#profile.start(view);
  }

  #reform(): void {
    const { view } = this.#host.memory();
    view.setUint32(state.bypass, 0, true);
    this.#profile.read(view);
    const [hottest] = this.#profile.hottest();
    if (hottest !== undefined) this.#compile(hottest, true);
  }

  #physical(rip: number): number {
    const frame = this.#host.frameOf(rip - (rip % 4096));
    return frame === 0 ? 0 : (frame + (rip % 4096)) >>> 0;
  }

  /** Compiles a region that begins at a guest address, and what else is hot. */
  #compile(start: number, reformed = false): void {
    const before = performance.now();
    const forced = this.#mode === "force";
    const covered = new Set<number>();
    const guide = {
      // The region asked for gets all it can use.
      covered: (address: number) => covered.size > 0 && (covered.has(address) || (!reformed && this.#isEntry(address))),
      // Everything is compiled once more for each place it is entered at: small regions keep that in bounds.
      blocksMax: forced ? forcedBlocks : limits.regionBlocksMax,
      instructionsMax: limits.regionInstructionsMax,
      weight: (from: number, to: number) => (forced ? 1 : this.#profile.weight(from, to)),
      targets: (from: number) => this.#profile.targets(from),
    };
    const first = discover(this.#source, guide, start);
    if (first === null) {
      this.#refused.add(this.#physical(start));
      return;
    }
    if (!forced && !reformed && !this.#pays(first)) {
      this.compileMs += performance.now() - before;
      return;
    }
    const regions = [first];
    if (!forced) this.#addHot(regions, covered, guide, reformed);
    this.#connect(regions);
    const compiled = compileRegions(regions, forced);
    const module = new WebAssembly.Module(compiled.bytes);
    const instance = new WebAssembly.Instance(module, { region: this.#imports });
    this.modules++;
    compiled.regions.forEach((one, i) => {
      const region = regions[i]!;
      const live = this.#install(region, one.entries, instance.exports[`${i}`] as () => unknown, reformed);
      const isLive = (): boolean => this.#live[live.place] === live;
      // Small regions of what ran once are not worth keeping.
      if (!forced) this.translations.compiled(compiled.bytes, i, region, one.entries, isLive);
    });
    this.compileMs += performance.now() - before;
  }

  /**
   * Whether the interpreter has spent as much on a region as compiling it costs. Whatever comes next, no program then
   * takes more than twice what the better choice would have taken.
   */
  #pays(region: Region): boolean {
    const places = region.blocks.map(({ offset }) => (region.pages.get(pageOf(offset))! + (offset & 4095)) >>> 0);
    const samples = places.reduce((sum, physical) => sum + (this.#heat.get(physical) ?? 0), 0);
    if (samples * samplePeriod < sizeOf(region) * interpretedPerCompiled) return false;
    // What has been spent justifies one region, not each that shares blocks with it.
    for (const physical of places) this.#heat.delete(physical);
    return true;
  }

  #isEntry(address: number): boolean {
    const physical = this.#physical(address);
    return physical !== 0 && this.#entryAt.has(physical);
  }

  /** Adds regions for the other hot places that none has yet: one module for many is much cheaper than one each. */
  #addHot(regions: Region[], covered: Set<number>, guide: Guide, reformed: boolean): void {
    const cover = (region: Region): void => {
      for (const block of region.blocks) covered.add(region.origin + block.offset);
    };
    cover(regions[0]!);
    let tried = 0;
    for (const address of this.#profile.hottest()) {
      if (regions.length >= limits.regionsPerModuleMax) break;
      if (this.#profile.count(address) < hotCount) break;
      if (covered.has(address)) continue;
      const physical = this.#physical(address);
      const known = this.#entryAt.has(physical) && !reformed;
      if (physical === 0 || known || this.#refused.has(physical)) continue;
      if (!reformed && !this.#heat.has(physical)) continue;
      if (++tried > hotTriedMax) break;
      const region = discover(this.#source, guide, address);
      if (region === null) {
        this.#refused.add(physical);
        continue;
      }
      cover(region);
      if (reformed || this.#pays(region)) regions.push(region);
    }
  }

  /** Where one region of a module leads to a block of another, that block becomes an entry. */
  #connect(regions: readonly Region[]): void {
    const owner = new Map<number, Region>();
    for (const region of regions)
      for (const block of region.blocks) {
        const address = region.origin + block.offset;
        if (!owner.has(address)) owner.set(address, region);
      }
    for (const region of regions) {
      for (const block of region.blocks) {
        for (const [target] of this.#profile.targets(region.origin + block.operations.at(-1)!.offset)) {
          const other = owner.get(target);
          if (other === undefined || other === region || block.successors.includes(target - region.origin)) continue;
          other.entries.add(target - other.origin);
        }
      }
    }
  }

  #usable(frame: number): number {
    return (this.#changes.get(frame) ?? 0) >= limits.codeChangesMax ? 0 : frame;
  }

  #install(region: Region, entries: readonly number[], code: () => unknown, reformed: boolean): Live {
    const live = this.#add(
      region.pages,
      entries,
      code,
      null,
      region.blocks.map(({ offset, end }) => ({ offset, length: end - offset })),
    );
    this.regions++;
    this.compiledInstructions += sizeOf(region);
    this.#enterAll(live, reformed);
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
    const live: Live = { descriptor, place, pages, entries, stored, code: spans, lines: new Map(), misfits: 0 };
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
  #enterAll(live: Live, reformed: boolean): void {
    const { descriptor, entries, pages } = live;
    entries.forEach((offset, entry) => {
      const delta = pageOf(offset);
      const frame = pages.get(delta);
      if (frame === undefined) return;
      const physical = (frame + (offset - delta)) >>> 0;
      // The region that begins here knows more of this place than one that only comes by.
      if (entry !== 0 && !reformed && this.#entryAt.has(physical)) return;
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
    this.#depend(live);
    this.#enterAll(live, false);
    this.translations.bound(stored);
    return true;
  }

  /** With `force`: compiles what has just been decoded, before it first runs. */
  force(rip: number): void {
    if (this.#mode !== "force") return;
    const physical = this.#physical(rip);
    const header = physical === 0 ? 0 : this.#decoder.find(physical);
    if (header === 0 || this.#decoder.regionAt(header) !== 0 || this.#refused.has(physical)) return;
    this.#compile(rip);
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
    this.#heat.clear();
    this.#refused.clear();
    this.#unfit.clear();
    this.#offered.clear();
    this.#awaited.clear();
    this.#profile.forgetCode();
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

  /** A quarter goes: those in the lowest places of the table, which are mostly old. */
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

/** The place of the trace written last, or 0. */
function lastTraced(view: DataView): number {
  const at = (view.getUint32(state.traceNext, true) - 8) & traceMask;
  const high = view.getUint32(trace.base + at + 4, true);
  return high >= 0x80000000 ? 0 : high * 2 ** 32 + view.getUint32(trace.base + at, true);
}

function sizeOf(region: Region): number {
  return region.blocks.reduce((sum, block) => sum + block.operations.length, 0);
}
