/**
 * Finds out where compiled code would save time. What is lost without it (instructions interpreted, ways from one region
 * to the next) is counted as it happens. When enough has been lost, the interpreter alone runs for a moment, a burst, and
 * what it traced (layout.ts) is played against the regions there are: how often each place was interpreted, how often
 * control went from one region to another. A burst begins at a random distance, because the guest's own rhythm (a system
 * call at each turn of a loop) must not choose what is seen.
 */
import { limits } from "../../../src/base/limits.ts";
import { state } from "../state.ts";
import type { CodeSource } from "./code.ts";
import { Profile } from "./profile.ts";

/** Who knows what is compiled. */
export interface Compiled<Region> {
  /** Where a guest address lies in memory, 0: nowhere. */
  physical(address: number): number;
  /** The region that begins at a physical address. */
  enteredAt(physical: number): Region | undefined;
  /** Whether a region has the code at a physical address. */
  contains(region: Region, physical: number): boolean;
}

/** A place met in a burst: asking at each visit would take most of its time. */
interface Place<Region> {
  readonly physical: number;
  readonly entered: Region | undefined;
  /** The region last asked for, and whether it has this place. */
  asked: Region | undefined;
  isInside: boolean;
  /** How often it was interpreted. */
  count: number;
}

/** Guest instructions of a burst: what the trace holds of them is about a thousand jumps. */
const burstInstructions = 10_000;
/** The way from one region to the next takes as long as interpreting so many instructions. */
const interpretedPerEntry = 15;
/** Interpreted instructions, or what takes as long, until the next burst: a share of all since regions were formed. */
const burstAfterLeast = 2_000_000;
const burstAfterMost = 64_000_000;
const burstAfterShare = 0.15;
/** What was seen counts half after so many bursts: programs have phases, and regions are for the one that is now. */
const burstsPerHalf = 2;
/** A burst begins within so many instructions. */
const burstDistanceMost = 100_000;

export class Sampler<Region> {
  readonly #source: CodeSource;
  readonly #compiled: Compiled<Region>;
  /** By the root of the page tables, the least recently used first. */
  readonly #profiles = new Map<number, Profile>();
  /** Estimate of how often the code at a physical address was interpreted. */
  readonly #heat = new Map<number, number>();
  #random = 0x2545f491;
  /** Instructions until a burst begins, and those left of it; 0: none. */
  #distance = 0;
  #left = 0;
  /** How far the trace has been read, in bytes. */
  #traced = 0;
  /** What has been lost: in all, when the last burst ended; instructions, interpreted ones and entries then. */
  #lost = 0;
  #lostAtBurst = 0;
  #bursts = 0;
  #lostWhenFormed = 0;
  #compiledThen = 0;
  #entriesThen = 0;
  #interpreted = 0;
  #ran = 0;
  /** Of this burst: places by address; instructions interpreted; the region it would be in. */
  readonly #places = new Map<number, Place<Region>>();
  #seenInstructions = 0;
  #at: Region | undefined;
  /** Since regions were last formed: places visited, ways between regions, and what those took. */
  visits = 0;
  crossings = 0;
  lostToEntries = 0;

  constructor(source: CodeSource, compiled: Compiled<Region>) {
    this.#source = source;
    this.#compiled = compiled;
  }

  /** Guest instructions the next run may take at most. */
  get sliceMax(): number {
    return this.#left > 0 ? this.#left : this.#distance > 0 ? this.#distance : Infinity;
  }

  /** The guest has run some instructions. True at the end of a burst. */
  ran(view: DataView, instructions: number): boolean {
    const compiled = Number(view.getBigUint64(state.compiledInstructions, true));
    const entries = Number(view.getBigUint64(state.regionEntries, true));
    const interpreted = instructions - (compiled - this.#compiledThen);
    const entered = entries - this.#entriesThen;
    this.#compiledThen = compiled;
    this.#entriesThen = entries;
    if (this.#left > 0) {
      this.#read(view);
      this.#left -= instructions;
      if (this.#left > 0) return false;
      this.#endBurst(view);
      return true;
    }
    this.#ran += instructions;
    this.#interpreted += interpreted;
    this.#lost += interpreted + entered * interpretedPerEntry;
    this.lostToEntries += entered * interpretedPerEntry;
    if (this.#distance > 0) {
      this.#distance -= instructions;
      if (this.#distance <= 0) this.#startBurst(view);
      return false;
    }
    const share = (this.#lost - this.#lostWhenFormed) * burstAfterShare;
    const due = Math.min(burstAfterMost, Math.max(burstAfterLeast, share));
    if (this.#lost - this.#lostAtBurst >= due) this.#distance = 1 + (this.#next() % burstDistanceMost);
    return false;
  }

  /** What is known of the address space that runs now. */
  profile(view: DataView): Profile {
    const root = view.getUint32(state.root, true);
    let profile = this.#profiles.get(root);
    if (profile === undefined) {
      profile = new Profile(this.#source);
      const [oldest] = this.#profiles.keys();
      if (this.#profiles.size >= limits.profilesMax) this.#profiles.delete(oldest!);
    } else this.#profiles.delete(root);
    this.#profiles.set(root, profile);
    return profile;
  }

  /** How often the code at a physical address was interpreted, about. */
  heat(physical: number): number {
    return this.#heat.get(physical) ?? 0;
  }

  /** It is compiled now. */
  cool(physical: number): void {
    this.#heat.delete(physical);
  }

  /** What has been interpreted until now says nothing of how it will go on. */
  coolAll(): void {
    this.#heat.clear();
    this.#interpreted = this.#ran = 0;
  }

  /** Regions have been formed: what was seen of the earlier ones is void. */
  formed(): void {
    this.#lostWhenFormed = this.#lost;
    this.visits = this.crossings = this.lostToEntries = 0;
  }

  /** Code has changed. Heat stays: that some of it is of code that is gone does little harm. */
  forgetCode(): void {
    for (const profile of this.#profiles.values()) profile.forgetCode();
  }

  /** A region is gone. */
  forgetRegion(region: Region): void {
    if (this.#at === region) this.#at = undefined;
  }

  #startBurst(view: DataView): void {
    this.#distance = 0;
    this.#left = burstInstructions;
    this.#places.clear();
    this.#seenInstructions = 0;
    this.#at = undefined;
    view.setUint32(state.bypass, 1, true);
    this.#traced = view.getUint32(state.traceNext, true);
  }

  #read(view: DataView): void {
    this.profile(view).read(view, this.#traced, (address, instructions) => this.#visit(address, instructions));
    this.#traced = view.getUint32(state.traceNext, true);
  }

  #visit(address: number, instructions: number): void {
    this.visits++;
    let place = this.#places.get(address);
    if (place === undefined) {
      const physical = this.#compiled.physical(address);
      const entered = this.#compiled.enteredAt(physical);
      place = { physical, entered, asked: undefined, isInside: false, count: 0 };
      this.#places.set(address, place);
    }
    const at = this.#at;
    if (at !== undefined) {
      if (place.asked !== at) {
        place.asked = at;
        place.isInside = this.#compiled.contains(at, place.physical);
      }
      if (place.isInside) return;
    }
    if (place.entered !== undefined) this.crossings++;
    else {
      place.count++;
      this.#seenInstructions += instructions;
    }
    this.#at = place.entered;
  }

  #endBurst(view: DataView): void {
    this.#left = 0;
    view.setUint32(state.bypass, 0, true);
    if (++this.#bursts % burstsPerHalf === 0) this.profile(view).age();
    // What was interpreted since the last burst was so many times this; at most as much as was run at all.
    const share = this.#seenInstructions === 0 ? 0 : this.#interpreted / this.#seenInstructions;
    const times = Math.min(share, (4 * this.#ran) / burstInstructions);
    if (this.#heat.size >= limits.hotCandidatesMax) this.#heat.clear();
    for (const { physical, count } of this.#places.values())
      if (physical !== 0 && count > 0) this.#heat.set(physical, this.heat(physical) + count * times);
    this.#lostAtBurst = this.#lost;
    this.#interpreted = this.#ran = 0;
  }

  /** Xorshift (Marsaglia, 2003). */
  #next(): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return this.#random >>> 0;
  }
}
