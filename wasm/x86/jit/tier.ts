/**
 * Decides what is compiled and when, and keeps track of compiled regions.
 *
 * The sampler knows how long each place has been interpreted; what has cost more than compiling it is compiled. A region
 * is bound to the frames its code lies in; `verify` checks, once for each address space and origin, that they are mapped
 * as they were when it was compiled.
 */
import { limits } from "../../../src/base/limits.ts";
import type { BlockDecoder } from "../decoder.ts";
import { pageMarks, regionMisses, regionTable } from "../layout.ts";
import { state } from "../state.ts";
import type { CpuLevel, JitMode } from "../types.ts";
import { compileRegions } from "./compile.ts";
import { regionImports } from "./interface.ts";
import type { CodeSource } from "./code.ts";
import type { Profile } from "./profile.ts";
import { Sampler } from "./sampler.ts";
import { discover, type Guide, type Region } from "./region.ts";
import { isEqual, Translations, type Stored } from "./translations.ts";

/** In a rehearsal only what is asked for is compiled, and not used. */
export type TierMode = JitMode | "rehearsal";

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
  /** By physical address: whether it was compiled from the code there, as far as that was asked. */
  readonly inside: Map<number, boolean>;
}

/** What is known of places where regions may begin. */
interface Hot {
  readonly places: readonly number[];
  readonly lost: Map<number, number>;
  left: number;
}

const forcedBlocks = 6;
/** Compiling an instruction takes as long as interpreting so many. */
const interpretedPerCompiled = 8000;
/** Leaving a region because an access missed the TLB takes as long as interpreting so many instructions. */
const interpretedPerMiss = 50;
/** Of guest code, on average. */
const bytesPerInstruction = 4;
/** Making a module takes as long as interpreting so many instructions: less than that gains nothing. */
const worthModule = 2_000_000;
/** The first time, the engine has not yet optimised the compiler itself: a short program gains nothing by it. */
const worthFirstModule = 20_000_000;
/** So much of what is interpreted must be hot until stored code is read: a short program gains nothing by it. */
const worthStored = 18_000_000;
/** Of what must be hot, regions that are worth compiling must have so much. */
const leastGain = 0.5;
/** When nothing was worth compiling, so many times as much must be hot until that is tried again. */
const triesApart = 1.5;
/** Places tried as the beginning of a region without gain, at one time. */
const failuresMax = 8;
/** What ways from one region to the next must have cost, in interpreted instructions, until regions are formed anew. */
const reformAfterFirst = 30_000_000;
/** With fewer visits to a place than this for each way to another region, regions are too small. */
const visitsPerCrossing = 40;
/** New regions must save this times the ways from one to the next. */
const reformGain = 1.5;
/** When that was not better, so many times as much must be lost until it is tried again. */
const reformsApart = 4;
const regionsReformedMax = 24;
/** Places that a region's beginning may be before the place it is made for. */
const stepsBackMax = 64;
/** A place visited so many times less often than the hottest is not the beginning of a region. */
const coldestSeed = 100;
/** A region that could not run where it was entered so often is given up. */
const misfitsMax = 64;

export class Tier {
  readonly table: WebAssembly.Table;
  readonly #mode: TierMode;
  readonly #host: TierHost;
  readonly #decoder: BlockDecoder;
  readonly #imports: Record<string, WebAssembly.ImportValue>;
  #live: (Live | undefined)[] = [];
  #free: number[] = [];
  /** Regions by frame they depend on; entries by physical address. */
  readonly #byFrame = new Map<number, Set<Live>>();
  readonly #entryAt = new Map<number, { live: Live; entry: number; delta: number }>();
  readonly #refused = new Set<number>();
  /** By physical address: how hot it must be until a region there, which would not have paid, is tried again. */
  readonly #failed = new Map<number, number>();
  /** How often code of a frame has been dropped: what writes itself all the time stays interpreted. */
  readonly #changes = new Map<number, number>();
  readonly #source: CodeSource;
  readonly #sampler: Sampler<Live>;
  #reformAfter = reformAfterFirst;
  /** What must be hot, in interpreted instructions, until compiling is tried again. */
  #tryAfter = 0;
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
    mode: TierMode,
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
      arrived: (physical) => {
        this.#sampler.coolAll();
        this.#offer(physical);
      },
    });
    this.#source = {
      level: host.level,
      bytes: () => host.memory().bytes,
      frameOf: (page) => this.#usable(host.frameOf(page)),
    };
    this.#sampler = new Sampler<Live>(this.#source, {
      enteredAt: (address) => this.#entryAt.get(this.#physical(address))?.live,
      contains: (live, address) => isIn(live, this.#physical(address)),
      physical: (address) => this.#physical(address),
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

  /** Guest instructions the next run may take at most. */
  get sliceMax(): number {
    return this.#sampler.sliceMax;
  }

  /** The guest has run some instructions. */
  ran(instructions: number): void {
    if (this.#mode === "force" || !this.#sampler.ran(this.#host.memory().view, instructions)) return;
    const profile = this.#sampler.profile(this.#host.memory().view);
    if (this.#mode === "rehearsal") return;
    if (this.translations.isComing) {
      // What is stored is better than what could be compiled now.
      if (this.#hot(profile).left >= worthStored) this.translations.release();
      return;
    }
    this.#resolveMisses(profile);
    if (!this.#reform(profile)) this.#compileHot(profile);
  }

  /**
   * Places where a region may begin, the most frequent first; what was interpreted at each, until a region has it, and
   * the sum of that.
   */
  #hot(profile: Profile): Hot {
    const places = profile.hottest().filter((address) => this.#isHot(this.#physical(address)));
    const hot: Hot = { places, lost: new Map(), left: 0 };
    for (const address of places) {
      const instructions = this.#sampler.heat(this.#physical(address)) * profile.instructions(address);
      hot.lost.set(address, instructions);
      hot.left += instructions;
    }
    return hot;
  }

  /** Compiles what has been interpreted for so long that it pays. */
  #compileHot(profile: Profile): void {
    const worth = this.modules === 0 ? worthFirstModule : worthModule;
    const hot = this.#hot(profile);
    const done = (address: number): void => {
      hot.left -= hot.lost.get(address) ?? 0;
      hot.lost.delete(address);
    };
    for (const address of hot.places) if (this.#offer(this.#physical(address), address)) done(address);
    if (hot.left < Math.max(worth, this.#tryAfter)) return;
    this.#tryAfter = hot.left * triesApart;
    const least = worth * leastGain;
    const started = performance.now();
    const before = profile.predecessors();
    const covered = new Set<number>();
    const guide = this.#guide(profile, covered, (address) => this.#isCompiled(address));
    const regions: Region[] = [];
    let gain = 0;
    let failures = 0;
    for (const address of hot.places) {
      if (regions.length >= limits.regionsPerModuleMax || failures > failuresMax || gain + hot.left < least) break;
      if (!hot.lost.has(address)) continue;
      const physical = this.#physical(address);
      done(address);
      const region = discover(
        this.#source,
        guide,
        beginning(address, before, (place) => guide.covered(place)),
      );
      if (region === null) {
        this.#refused.add(physical);
        continue;
      }
      const saved = this.#lostIn(region);
      if (saved < sizeOf(region) * interpretedPerCompiled) {
        const factor = Math.min(2, (sizeOf(region) * interpretedPerCompiled) / saved);
        this.#failed.set(physical, factor * this.#sampler.heat(physical));
        failures++;
        continue;
      }
      gain += saved;
      regions.push(region);
      for (const block of region.blocks) {
        covered.add(region.origin + block.offset);
        done(region.origin + block.offset);
      }
    }
    if (gain >= least) this.#compile(regions, profile, false);
    this.compileMs += performance.now() - started;
  }

  /** Whether a place has been interpreted so often that a region may begin there. */
  #isHot(physical: number): boolean {
    const heat = this.#sampler.heat(physical);
    return (
      heat >= interpretedPerCompiled / 2 &&
      !this.#entryAt.has(physical) &&
      !this.#refused.has(physical) &&
      heat >= (this.#failed.get(physical) ?? 0)
    );
  }

  /**
   * Regions are formed by what is known when they are. Where control goes from one to the next all the time, all that is
   * hot is divided into regions anew, unless that would not be much better.
   */
  #reform(profile: Profile): boolean {
    const sampler = this.#sampler;
    if (sampler.lostToEntries < this.#reformAfter || sampler.crossings * visitsPerCrossing < sampler.visits)
      return false;
    const started = performance.now();
    const before = profile.predecessors();
    const covered = new Set<number>();
    const guide = this.#guide(profile, covered, () => false);
    const regions: Region[] = [];
    const seen = profile.hottest();
    const least = profile.count(seen[0]!) / coldestSeed;
    for (const address of seen) {
      if (regions.length >= regionsReformedMax || profile.count(address) < least) break;
      if (covered.has(address) || this.#refused.has(this.#physical(address))) continue;
      const region = discover(
        this.#source,
        guide,
        beginning(address, before, (place) => covered.has(place)),
      );
      if (region === null) continue;
      regions.push(region);
      for (const block of region.blocks) covered.add(region.origin + block.offset);
    }
    const { leads } = mapOf(regions);
    let crossings = 0;
    let edges = 0;
    for (const [from, to, count] of profile.edges()) {
      edges += count;
      if (!leads(from, to)) crossings += count;
    }
    const left = (crossings / edges) * (sampler.visits / sampler.crossings);
    const saved = sampler.lostToEntries * (1 - left);
    const size = regions.reduce((sum, region) => sum + sizeOf(region), 0);
    const better = left * reformGain < 1 && saved > size * interpretedPerCompiled;
    this.#reformAfter *= reformsApart;
    if (better) this.#compile(regions, profile, true);
    this.compileMs += performance.now() - started;
    return better;
  }

  /**
   * Translates a region of about so many instructions around one of the places seen, and forgets it. How many it had.
   * `whole`: makes a module of it as well.
   */
  compileSeen(which: number, instructionsMax: number, whole: boolean): number {
    const profile = this.#sampler.profile(this.#host.memory().view);
    const seen = profile.hottest();
    if (seen.length === 0) return 0;
    const before = profile.predecessors();
    const guide = { ...this.#guide(profile, new Set(), () => false), instructionsMax };
    const region = discover(
      this.#source,
      guide,
      beginning(seen[which % seen.length]!, before, () => false),
    );
    if (region === null) return 0;
    this.#connect([region], profile);
    const { bytes } = compileRegions([region], { lean: !whole });
    if (whole) new WebAssembly.Instance(new WebAssembly.Module(bytes), { region: this.#imports });
    return sizeOf(region);
  }

  #physical(rip: number): number {
    const frame = this.#host.frameOf(rip - (rip % 4096));
    return frame === 0 ? 0 : (frame + (rip % 4096)) >>> 0;
  }

  /** Whether a region has the code at an address, and it is not interpreted all the same. */
  #isCompiled(address: number): boolean {
    const physical = this.#physical(address);
    if (physical === 0 || this.#sampler.heat(physical) >= interpretedPerCompiled / 2) return false;
    for (const live of this.#byFrame.get((physical & -4096) >>> 0) ?? []) if (isIn(live, physical)) return true;
    return false;
  }

  #guide(profile: Profile, covered: ReadonlySet<number>, isCompiled: (address: number) => boolean): Guide {
    return {
      covered: (address) => covered.has(address) || isCompiled(address),
      blocksMax: limits.regionBlocksMax,
      instructionsMax: limits.regionInstructionsMax,
      repeatedMax: limits.regionRepeatedMax,
      weight: (from, to) => profile.weight(from, to),
      targets: (from) => profile.targets(from),
    };
  }

  /** Instructions of a region that were interpreted since it could have been compiled, about. */
  #lostIn(region: Region): number {
    return region.blocks.reduce(
      (sum, block) => sum + this.#sampler.heat(placeOf(region, block.offset)) * block.operations.length,
      0,
    );
  }

  /** What accesses that miss the TLB have cost more than compiling it once more is compiled so that they are resolved. */
  #resolveMisses(profile: Profile): void {
    const { words, view } = this.#host.memory();
    for (const live of this.#live) {
      if (live === undefined || live.stored !== null) continue;
      const at = (regionMisses.base >> 2) + live.place;
      const size = live.code.reduce((sum, { length }) => sum + length, 0) / bytesPerInstruction;
      if (words[at]! * interpretedPerMiss < size * interpretedPerCompiled) continue;
      words[at] = 0;
      const start = Number(view.getBigUint64(live.descriptor + regionTable.origin, true)) + live.entries[0]!;
      const region = isIn(live, this.#physical(start))
        ? discover(
            this.#source,
            this.#guide(profile, new Set(), () => false),
            start,
          )
        : null;
      if (region !== null) this.#compile([region], profile, true, true);
    }
  }

  #compile(regions: readonly Region[], profile: Profile | null, reformed: boolean, resolvesMisses = false): void {
    if (profile !== null) this.#connect(regions, profile);
    const forced = this.#mode === "force";
    // All ways to compile are forced in turn; most often the one in which accesses are compiled to their end.
    const options = forced
      ? { lean: true, resolvesMisses: this.modules % 4 !== 3, inMemory: this.modules % 2 === 1 }
      : { resolvesMisses };
    const compiled = compileRegions(regions, options);
    const module = new WebAssembly.Module(compiled.bytes);
    const instance = new WebAssembly.Instance(module, { region: this.#imports });
    this.modules++;
    compiled.regions.forEach((one, i) => {
      const region = regions[i]!;
      const live = this.#install(region, one.entries, instance.exports[`${i}`] as () => unknown, reformed);
      const isLive = (): boolean => this.#live[live.place] === live;
      // Small regions of what ran once are not worth keeping.
      if (!forced) this.translations.compiled(compiled.bytes, i, region, one.entries, isLive);
      for (const block of region.blocks) this.#sampler.cool(placeOf(region, block.offset));
    });
    this.#tryAfter = 0;
    this.#sampler.formed();
    profile?.age();
  }

  /** A block that control comes to from another region, or from what is not compiled, becomes an entry. */
  #connect(regions: readonly Region[], profile: Profile): void {
    const { owners, leads } = mapOf(regions);
    for (const [from, to] of profile.edges()) {
      const region = owners.get(to);
      if (region !== undefined && !leads(from, to)) region.entries.add(to - region.origin);
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
    if (place >= this.table.length) this.table.grow(Math.max(64, this.table.length));
    this.table.set(place, code);
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

  /** Makes the blocks at all its entries enter a region, which is at an origin now. */
  #enterAll(live: Live, origin: number, reformed: boolean): void {
    const { descriptor, entries, pages } = live;
    const replaced = new Set<Live>();
    entries.forEach((offset, entry) => {
      const delta = pageOf(offset);
      const frame = pages.get(delta);
      if (frame === undefined) return;
      const physical = (frame + (offset - delta)) >>> 0;
      // The region that begins here knows more of this place than one that only comes by.
      if (entry !== 0 && !reformed && this.#entryAt.has(physical)) return;
      const before = this.#entryAt.get(physical)?.live;
      if (before !== undefined && before !== live) replaced.add(before);
      this.#entryAt.set(physical, { live, entry, delta });
      // Who goes straight on comes to compiled code too.
      if (this.#mode !== "force") this.#decoder.begin(physical, origin + offset);
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

  /**
   * Lets a block enter a stored region, which `verify` compares with the guest's code before it first runs. With a guest
   * address, a block is made to begin there.
   */
  #offer(physical: number, rip?: number): boolean {
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
    this.#enterAll(live, origin, false);
    this.translations.bound(stored);
    return true;
  }

  /** With `force`: compiles what has just been decoded, before it first runs. */
  force(rip: number): void {
    if (this.#mode !== "force") return;
    const physical = this.#physical(rip);
    const header = physical === 0 ? 0 : this.#decoder.find(physical);
    if (header === 0 || this.#decoder.regionAt(header) !== 0 || this.#refused.has(physical)) return;
    const before = performance.now();
    const region = discover(this.#source, forcedGuide, rip);
    if (region === null) this.#refused.add(physical);
    else this.#compile([region], null, false);
    this.compileMs += performance.now() - before;
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
    this.#refused.clear();
    this.#failed.clear();
    this.#unfit.clear();
    this.#offered.clear();
    this.#awaited.clear();
    this.#sampler.forgetCode();
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
    this.#sampler.forgetRegion(live);
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

/** Everything is compiled once more for each place it is entered at: small regions keep that in bounds. */
const forcedGuide: Guide = {
  covered: () => false,
  blocksMax: forcedBlocks,
  instructionsMax: limits.regionInstructionsMax,
  repeatedMax: 0,
  weight: () => 1,
  targets: () => [],
};

/** Physical address of a place in a region. */
function placeOf(region: Region, offset: number): number {
  return (region.pages.get(pageOf(offset))! + (offset & 4095)) >>> 0;
}

/** Whether a region was compiled from the code at a physical address. */
function isIn(live: Live, physical: number): boolean {
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

/**
 * Where a region around a place begins best: where control comes to it from other regions, going back along the most
 * frequent ways. In a loop, that is the place itself.
 */
function beginning(place: number, before: ReadonlyMap<number, number>, covered: (place: number) => boolean): number {
  const passed = new Set([place]);
  for (let at = place; passed.size < stepsBackMax;) {
    const from = before.get(at);
    if (from === undefined || covered(from)) return at;
    if (passed.has(from)) break;
    passed.add(from);
    at = from;
  }
  return place;
}

interface RegionMap {
  /** By address of a block: the first region that has it. */
  readonly owners: ReadonlyMap<number, Region>;
  /** Whether control stays in a region wherever it goes from an operation, which ends a block, to a block. */
  leads(from: number, to: number): boolean;
}

function mapOf(regions: readonly Region[]): RegionMap {
  const owners = new Map<number, Region>();
  const blocks = new Map<Region, Set<number>>();
  const ends = new Map<number, Region[]>();
  for (const region of regions) {
    const starts = new Set<number>();
    blocks.set(region, starts);
    for (const { offset, operations } of region.blocks) {
      const address = region.origin + offset;
      starts.add(address);
      if (!owners.has(address)) owners.set(address, region);
      const end = region.origin + operations.at(-1)!.offset;
      const others = ends.get(end);
      if (others === undefined) ends.set(end, [region]);
      else others.push(region);
    }
  }
  return {
    owners,
    leads: (from, to) => ends.get(from)?.every((region) => blocks.get(region)!.has(to)) === true,
  };
}

function sizeOf(region: Region): number {
  return region.blocks.reduce((sum, block) => sum + block.operations.length, 0);
}
