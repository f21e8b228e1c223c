/**
 * Chooses what is compiled, and when: the sampler knows how long each place has been interpreted; what has cost more than
 * compiling it is compiled.
 */
import { limits } from "../../../src/base/limits.ts";
import type { BlockDecoder } from "../decoder.ts";
import { regionMisses, regionTable } from "../layout.ts";
import type { JitMode } from "../types.ts";
import { compileRegions, type CompiledModule } from "./compile.ts";
import { regionImports } from "./interface.ts";
import { isIn, LiveRegions, placeOf, type Live, type RegionHost } from "./live.ts";
import type { Profile } from "./profile.ts";
import { Sampler } from "./sampler.ts";
import { discover, type Guide, type Region } from "./region.ts";

/** In a rehearsal only what is asked for is compiled, and not used. */
export type TierMode = JitMode | "rehearsal";

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
/** A program that has run so many instructions is not short. */
const shortProgram = 100_000_000;
/** So much of what is interpreted must be hot until stored code is read: a short program gains nothing by it. */
const worthStored = 18_000_000;
/** Both come sooner when few instructions are all that runs: they must have cost so much more than compiling them, twice. */
const worthLoop = 4_000_000;
const loopMargin = 2;
/** Of what must be hot, regions that are worth compiling must have so much. */
const leastGain = 0.5;
/** When nothing was worth compiling, so many times as much must be hot until that is tried again. */
const triesApart = 1.5;
/** Places tried as the beginning of a region without gain, at one time. */
const failuresMax = 8;
const loopFailuresMax = 1;
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

export class Tier {
  readonly #mode: TierMode;
  readonly #host: RegionHost;
  readonly #decoder: BlockDecoder;
  readonly #imports: Record<string, WebAssembly.ImportValue>;
  readonly live: LiveRegions;
  readonly #sampler: Sampler<Live>;
  readonly #refused = new Set<number>();
  /** By physical address: how hot it must be until a region there, which would not have paid, is tried again. */
  readonly #failed = new Map<number, number>();
  #reformAfter = reformAfterFirst;
  /** Run in all. */
  #instructions = 0;
  /** What must be hot, in interpreted instructions, until compiling is tried again. */
  #tryAfter = 0;

  regions = 0;
  modules = 0;
  compiledInstructions = 0;
  compileMs = 0;

  constructor(
    mode: TierMode,
    host: RegionHost,
    decoder: BlockDecoder,
    table: WebAssembly.Table,
    functions: (name: string) => WebAssembly.ImportValue,
    memory: WebAssembly.Memory,
  ) {
    this.#mode = mode;
    this.#host = host;
    this.#decoder = decoder;
    this.#imports = { memory };
    for (const name of regionImports()) this.#imports[name] = functions(name);
    const events = {
      arrived: () => this.#sampler.coolAll(),
      changed: () => {
        this.#refused.clear();
        this.#failed.clear();
        this.#sampler.forgetCode();
      },
      gone: (live: Live) => this.#sampler.forgetRegion(live),
    };
    // Where everything is compiled before it runs, blocks begin where control comes to them.
    this.live = new LiveRegions(host, decoder, table, this.#imports, events, mode !== "force");
    const { live } = this;
    this.#sampler = new Sampler<Live>(live.source, {
      physical: (address) => live.physical(address),
      enteredAt: (physical) => live.enteredAt(physical),
      contains: isIn,
    });
  }

  /** Guest instructions the next run may take at most. */
  get sliceMax(): number {
    return this.#sampler.sliceMax;
  }

  /** The guest has run some instructions. */
  ran(instructions: number): void {
    this.#instructions += instructions;
    if (this.#mode === "force" || !this.#sampler.ran(this.#host.memory().view, instructions)) return;
    const profile = this.#sampler.profile(this.#host.memory().view);
    if (this.#mode === "rehearsal") return;
    if (this.live.translations.isComing) {
      // What is stored is better than what could be compiled now.
      const hot = this.#hot(profile);
      if (hot.left >= worthStored || this.#isLoop(hot, profile)) this.live.translations.release();
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
    const places = profile.hottest((address) => this.#isHot(this.live.physical(address)));
    const hot: Hot = { places, lost: new Map(), left: 0 };
    for (const address of places) {
      const instructions = this.#sampler.heat(this.live.physical(address)) * profile.instructions(address);
      hot.lost.set(address, instructions);
      hot.left += instructions;
    }
    return hot;
  }

  /** Whether few instructions have taken most of the time. */
  #isLoop(hot: Hot, profile: Profile): boolean {
    let gain = 0;
    for (const [address, lost] of hot.lost)
      gain += Math.max(0, lost - loopMargin * interpretedPerCompiled * profile.instructions(address));
    return gain >= worthLoop;
  }

  /** Compiles what has been interpreted for so long that it pays. */
  #compileHot(profile: Profile): void {
    const hot = this.#hot(profile);
    const isShort = this.modules === 0 && this.#instructions < shortProgram;
    const isLoop = isShort && hot.left < worthFirstModule && this.#isLoop(hot, profile);
    const worth = !isShort ? worthModule : isLoop ? worthLoop : worthFirstModule;
    const cost = interpretedPerCompiled * (isLoop ? loopMargin : 1);
    const done = (address: number): void => {
      hot.left -= hot.lost.get(address) ?? 0;
      hot.lost.delete(address);
    };
    for (const address of hot.places) if (this.live.offer(this.live.physical(address), address)) done(address);
    if (hot.left < Math.max(worth, this.#tryAfter)) return;
    this.#tryAfter = hot.left * triesApart;
    const least = isLoop ? worthLoop : worth * leastGain;
    const failuresAllowed = isLoop ? loopFailuresMax : failuresMax;
    const started = performance.now();
    const before = profile.predecessors();
    const covered = new Set<number>();
    const guide = this.#guide(profile, covered, (address) => this.#isCompiled(address));
    const regions: Region[] = [];
    for (const known of [this.#refused, this.#failed]) if (known.size >= limits.hotCandidatesMax) known.clear();
    let gain = 0;
    let failures = 0;
    for (const address of hot.places) {
      if (regions.length >= limits.regionsPerModuleMax || failures > failuresAllowed || gain + hot.left < least) break;
      if (!hot.lost.has(address)) continue;
      const physical = this.live.physical(address);
      done(address);
      const region = discover(
        this.live.source,
        guide,
        beginning(address, before, (place) => guide.covered(place)),
      );
      if (region === null) {
        this.#refused.add(physical);
        continue;
      }
      const saved = this.#lostIn(region);
      if (saved < sizeOf(region) * cost) {
        const factor = Math.min(2, (sizeOf(region) * cost) / saved);
        this.#failed.set(physical, factor * this.#sampler.heat(physical));
        failures++;
        continue;
      }
      gain += isLoop ? saved - sizeOf(region) * cost : saved;
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
      this.live.enteredAt(physical) === undefined &&
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
      if (covered.has(address) || this.#refused.has(this.live.physical(address))) continue;
      const region = discover(
        this.live.source,
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
      this.live.source,
      guide,
      beginning(seen[which % seen.length]!, before, () => false),
    );
    if (region === null) return 0;
    this.#connect([region], profile);
    const { bytes } = compileRegions([region], { lean: !whole });
    if (whole) new WebAssembly.Instance(new WebAssembly.Module(bytes), { region: this.#imports });
    return sizeOf(region);
  }

  /** Whether a region has the code at an address, and it is not interpreted all the same. */
  #isCompiled(address: number): boolean {
    const physical = this.live.physical(address);
    if (physical === 0 || this.#sampler.heat(physical) >= interpretedPerCompiled / 2) return false;
    return this.live.has(physical);
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
    for (const live of this.live.settled()) {
      const at = (regionMisses.base >> 2) + live.place;
      const size = live.code.reduce((sum, { length }) => sum + length, 0) / bytesPerInstruction;
      if (words[at]! * interpretedPerMiss < size * interpretedPerCompiled) continue;
      words[at] = 0;
      const start = Number(view.getBigUint64(live.descriptor + regionTable.origin, true)) + live.entries[0]!;
      // The same code again, and not what other regions have too: many may miss at the same page.
      const isOthers = (address: number): boolean => !isIn(live, this.live.physical(address));
      const guide = { ...this.#guide(profile, new Set(), isOthers), repeatedMax: 0 };
      const region = isOthers(start) ? null : discover(this.live.source, guide, start);
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
    let compiled: CompiledModule;
    let module: WebAssembly.Module;
    try {
      compiled = compileRegions(regions, options);
      module = new WebAssembly.Module(compiled.bytes);
    } catch (error) {
      for (const region of regions) for (const { offset } of region.blocks) this.#refused.add(placeOf(region, offset));
      this.#host.failed(error);
      return;
    }
    const instance = new WebAssembly.Instance(module, { region: this.#imports });
    this.modules++;
    compiled.regions.forEach((one, i) => {
      const region = regions[i]!;
      const live = this.live.install(region, one.entries, instance.exports[`${i}`] as () => unknown, reformed);
      this.regions++;
      this.compiledInstructions += sizeOf(region);
      const isLive = (): boolean => this.live.isLive(live);
      // Small regions of what ran once are not worth keeping.
      if (!forced)
        this.live.translations.compiled({ bytes: compiled.bytes, module, index: i }, region, one.entries, isLive);
      for (const block of region.blocks) this.#sampler.cool(placeOf(region, block.offset));
    });
    this.#tryAfter = 0;
    this.#sampler.formed();
  }

  /** A block that control comes to from another region, or from what is not compiled, becomes an entry. */
  #connect(regions: readonly Region[], profile: Profile): void {
    const { owners, leads } = mapOf(regions);
    for (const [from, to] of profile.edges()) {
      const region = owners.get(to);
      if (region !== undefined && !leads(from, to)) region.entries.add(to - region.origin);
    }
  }

  /** With `force`: compiles what has just been decoded, before it first runs. */
  force(rip: number): void {
    if (this.#mode !== "force") return;
    const physical = this.live.physical(rip);
    const header = physical === 0 ? 0 : this.#decoder.find(physical);
    if (header === 0 || this.#decoder.regionAt(header) !== 0 || this.#refused.has(physical)) return;
    const before = performance.now();
    const region = discover(this.live.source, forcedGuide, rip);
    if (region === null) this.#refused.add(physical);
    else this.#compile([region], null, false);
    this.compileMs += performance.now() - before;
  }
}

/** Everything is compiled once more for each place it is entered at: small regions keep that in bounds. */
const forcedGuide: Guide = {
  covered: () => false,
  blocksMax: forcedBlocks,
  instructionsMax: limits.regionInstructionsMax,
  repeatedMax: 0,
  weight: () => 1,
  targets: () => [],
};

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
