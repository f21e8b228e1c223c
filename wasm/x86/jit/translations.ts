/**
 * Compiled code of earlier runs. What is stored is known by the keys of its entries: a block that is decoded at such a
 * place makes the pack be read, checked and compiled (by the host, beside the guest), and from then on its regions are
 * offered to the blocks that may enter them. The tier compares the guest code itself before one runs.
 *
 *     key of an entry → pack, not read yet → (read, compile) → translations with a function each
 *
 * What is compiled anew is kept with the packs of the same program that were in use, in one pack that takes their place.
 */
import { limits } from "../../../src/base/limits.ts";
import type { TranslationPack, TranslationStore } from "../types.ts";
import { regionBodies } from "./link.ts";
import { regionModules } from "./modules.ts";
import { decodePack, encodePack, entryKey, packBytes, type CodePiece, type Translation } from "./pack.ts";
import type { Region } from "./region.ts";

export interface TranslationHost {
  bytes(): Uint8Array;
  readonly imports: Record<string, WebAssembly.ImportValue>;
  /** A block met while its pack was on its way may be entered by a region now. */
  arrived(physical: number): void;
}

/** A translation whose function is there. */
export interface Stored {
  readonly translation: Translation;
  /** Null for one that was compiled in this run. */
  readonly code: (() => unknown) | null;
  /** It has been found to fit. */
  used: boolean;
}

export interface Candidate {
  readonly stored: Stored & { readonly code: () => unknown };
  readonly entry: number;
}

interface Pack extends TranslationPack {
  state: "known" | "coming" | "ready" | "gone";
  /** Physical addresses of blocks that wait for it. */
  readonly waiting: Set<number>;
  stored: readonly Stored[];
  /** In this run: its translations have aged already. */
  readonly written: boolean;
}

/** A region compiled in this run and not yet written. */
interface Fresh {
  readonly bytes: Uint8Array;
  readonly module: WebAssembly.Module;
  readonly index: number;
  readonly entries: Translation["entries"];
  readonly code: readonly CodePiece[];
  readonly instructions: number;
  readonly isLive: () => boolean;
}

export class Translations {
  readonly #host: TranslationHost;
  #store: TranslationStore | null = null;
  readonly #packs = new Set<Pack>();
  readonly #packsAt = new Map<number, Pack[]>();
  readonly #candidates = new Map<number, Candidate[]>();
  #coming = 0;
  /** Packs that are read when the program has run for some time. */
  readonly #wanted = new Set<Pack>();
  #isReleased = false;
  #fresh: Fresh[] = [];
  #freshBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  hits = 0;
  misses = 0;

  constructor(host: TranslationHost) {
    this.#host = host;
  }

  async use(store: TranslationStore): Promise<void> {
    this.#store = store;
    let ahead = 0;
    for (const { key, entries, likely } of await store.list()) {
      const pack: Pack = { key, entries, likely, state: "known", waiting: new Set(), stored: [], written: false };
      this.#packs.add(pack);
      for (const entry of entries) {
        const list = this.#packsAt.get(entry);
        if (list === undefined) this.#packsAt.set(entry, [pack]);
        else list.push(pack);
      }
      if (likely && !regionModules.hasPack(key) && ahead++ < limits.translationPacksAheadMax) this.#wanted.add(pack);
    }
  }

  /** What may be entered at a block, best first. Notes that the block waits for packs which are not here yet. */
  candidates(physical: number): readonly Candidate[] {
    if (this.#packsAt.size === 0) return nothing;
    const key = entryKey(this.#host.bytes(), physical);
    const packs = this.#packsAt.get(key);
    if (packs === undefined) return nothing;
    for (const pack of packs) {
      if (pack.state === "ready" || pack.state === "gone") continue;
      if (pack.state === "known" && this.#takeKept(pack)) continue;
      pack.waiting.add(physical);
      if (pack.state === "known") this.#want(pack);
    }
    return this.#candidates.get(key) ?? nothing;
  }

  /** The program runs for long enough: what the host spends on compiled code will pay. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const pack of this.#wanted) void this.#read(pack);
    this.#wanted.clear();
  }

  #want(pack: Pack): void {
    if (this.#isReleased) void this.#read(pack);
    else this.#wanted.add(pack);
  }

  /** Whether packs are on their way, or will be: what is hot now may be in them. */
  get isComing(): boolean {
    return this.#coming > 0 || this.#wanted.size > 0;
  }

  /** What is in a pack may be here from an earlier container: that costs nothing, however short the program is. */
  #takeKept(pack: Pack): boolean {
    const kept = regionModules.pack(pack.key, this.#host.imports);
    if (kept === null) return false;
    this.#wanted.delete(pack);
    this.#fill(pack, kept.translations, kept.code);
    return true;
  }

  #fill(pack: Pack, translations: readonly Translation[], code: readonly (() => unknown)[]): void {
    pack.stored = translations.map((translation, i) => {
      const stored = { translation, code: code[i]!, used: false };
      this.#offer(stored);
      return stored;
    });
    pack.state = "ready";
  }

  async #read(pack: Pack): Promise<void> {
    const store = this.#store!;
    pack.state = "coming";
    this.#coming++;
    try {
      const bytes = await store.read(pack.key);
      const translations = bytes === null ? null : decodePack(bytes);
      if (translations === null) {
        this.#drop(pack);
        if (bytes !== null) await store.remove(pack.key);
        return;
      }
      const bodies = translations.map(({ body }) => body);
      this.#fill(pack, translations, await regionModules.functions(bodies, this.#host.imports));
      regionModules.keepPack(pack.key, translations);
      for (const physical of pack.waiting) this.#host.arrived(physical);
      pack.waiting.clear();
    } catch {
      // Storage that fails, or a module that does not compile: the guest is compiled anew.
      this.#drop(pack);
    } finally {
      this.#coming--;
    }
  }

  #drop(pack: Pack): void {
    pack.state = "gone";
    pack.waiting.clear();
    this.#packs.delete(pack);
  }

  #offer(stored: Candidate["stored"]): void {
    stored.translation.entries.forEach(({ key }, entry) => {
      let list = this.#candidates.get(key);
      if (list === undefined) this.#candidates.set(key, (list = []));
      // The region that begins here knows more of this place than one that only comes by.
      if (entry === 0) list.unshift({ stored, entry });
      else list.push({ stored, entry });
    });
  }

  /** A candidate has been found to be right. */
  bound(stored: Stored): void {
    if (stored.used) return;
    stored.used = true;
    this.hits++;
  }

  /**
   * A region has been compiled: function `index` of a module, which has these bytes. It is kept if it is still live when
   * that is written.
   */
  compiled(
    { bytes, module, index }: { bytes: Uint8Array; module: WebAssembly.Module; index: number },
    region: Region,
    offsets: readonly number[],
    isLive: () => boolean,
  ): void {
    if (this.#store === null) return;
    this.misses++;
    const code = codeOf(region, this.#host.bytes());
    const entries: { offset: number; key: number }[] = [];
    for (const offset of offsets) {
      const page = Math.floor(offset / 4096) * 4096;
      const frame = region.pages.get(page);
      // The number of an entry is its place in the list: none may be left out.
      if (frame === undefined || code === null) return;
      entries.push({ offset, key: entryKey(this.#host.bytes(), (frame + offset - page) >>> 0) });
    }
    const instructions = region.blocks.reduce((sum, block) => sum + block.operations.length, 0);
    this.#fresh.push({ bytes, module, index, entries, code: code!, instructions, isLive });
    this.#freshBytes += bytes.length;
    if (this.#freshBytes > limits.translationPackBytesMax) void this.keep();
  }

  /** Writes what is new. */
  keep(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write()).catch(() => {});
    return this.#writing;
  }

  async #write(): Promise<void> {
    const store = this.#store;
    const fresh = this.#fresh;
    this.#fresh = [];
    this.#freshBytes = 0;
    if (store === null) return;
    const added: Translation[] = [];
    const bodies = new Map<WebAssembly.Module, Uint8Array[] | null>();
    for (const { bytes, module, index, entries, code, instructions, isLive } of fresh) {
      if (!isLive()) continue;
      let all = bodies.get(module);
      if (all === undefined) {
        bodies.set(module, (all = regionBodies(bytes)));
        if (all !== null) regionModules.add(module, all);
      }
      const body = all?.[index];
      if (body !== undefined) added.push({ entries, code, instructions, age: 0, body });
    }
    if (added.length === 0) return;
    const replaced = [...this.#packs].filter(
      (pack) => pack.likely && pack.state === "ready" && sizeOf(pack) < mergedMax,
    );
    const older = replaced
      .flatMap((pack) => pack.stored.map((stored) => aged(stored, pack.written)))
      .filter(({ age }) => age <= limits.translationAgeMax);
    for (const translations of portions(distinct([...added, ...older]))) {
      const entries = Uint32Array.from(keysOf(translations));
      const key = await store.write(encodePack(translations), entries);
      regionModules.keepPack(key, translations);
      const stored = translations.map((translation) => ({ translation, code: null, used: translation.age === 0 }));
      this.#packs.add({ key, entries, likely: true, state: "ready", waiting: new Set(), stored, written: true });
    }
    for (const pack of replaced) {
      this.#drop(pack);
      regionModules.forgetPack(pack.key);
      await store.remove(pack.key);
    }
  }
}

/** A pack that has grown to this stays as it is. */
const mergedMax = limits.translationPackBytesMax / 2;

function sizeOf(pack: Pack): number {
  return pack.stored.reduce((sum, { translation }) => sum + packBytes(translation), 0);
}

function aged({ translation, used }: Stored, already: boolean): Translation {
  return { ...translation, age: used ? 0 : translation.age + (already ? 0 : 1) };
}

function keysOf(translations: readonly Translation[]): Set<number> {
  return new Set(translations.flatMap(({ entries }) => entries.map(({ key }) => key)));
}

/** Cut into packs that are not too large. */
function portions(translations: readonly Translation[]): Translation[][] {
  const list: Translation[][] = [];
  let [bytes, keys] = [Infinity, 0];
  for (const translation of translations) {
    bytes += packBytes(translation);
    keys += translation.entries.length;
    if (bytes > limits.translationPackBytesMax || keys > limits.translationPackEntriesMax) {
      list.push([]);
      [bytes, keys] = [packBytes(translation), translation.entries.length];
    }
    list.at(-1)!.push(translation);
  }
  return list;
}

const nothing: readonly Candidate[] = [];

/** The guest code of a region's blocks, in pieces that lie in one page each; null if part of it is not there. */
function codeOf(region: Region, bytes: Uint8Array): CodePiece[] | null {
  const pieces: CodePiece[] = [];
  const spans = region.blocks.map(({ offset, end }) => ({ offset, end })).toSorted((a, b) => a.offset - b.offset);
  let done = -Infinity;
  for (const span of spans) {
    for (let at = Math.max(done, span.offset); at < span.end;) {
      const page = Math.floor(at / 4096) * 4096;
      const end = Math.min(span.end, page + 4096);
      const frame = region.pages.get(page);
      if (frame === undefined) return null;
      const last = pieces.at(-1);
      const piece = bytes.slice(frame + at - page, frame + end - page);
      if (last !== undefined && last.offset + last.bytes.length === at && at !== page) {
        const joined = new Uint8Array(last.bytes.length + piece.length);
        joined.set(last.bytes);
        joined.set(piece, last.bytes.length);
        pieces[pieces.length - 1] = { offset: last.offset, bytes: joined };
      } else pieces.push({ offset: at, bytes: piece });
      at = end;
    }
    done = Math.max(done, span.end);
  }
  return pieces;
}

/** Without those that are there twice, and without more than a few that begin at one place: earlier ones are newer. */
function distinct(translations: readonly Translation[]): Translation[] {
  const beginning = new Map<number, Translation[]>();
  return translations.filter((translation) => {
    const { key } = translation.entries[0]!;
    let list = beginning.get(key);
    if (list === undefined) beginning.set(key, (list = []));
    if (list.length >= limits.translationVariantsMax || list.some((other) => isSame(other, translation))) return false;
    list.push(translation);
    return true;
  });
}

function isSame(a: Translation, b: Translation): boolean {
  return (
    a.entries.length === b.entries.length &&
    a.code.length === b.code.length &&
    a.entries.every(({ offset }, i) => offset === b.entries[i]!.offset) &&
    a.code.every((piece, i) => {
      const other = b.code[i]!;
      return piece.offset === other.offset && isEqual(piece.bytes, other.bytes, 0);
    })
  );
}

/** Whether `bytes` stand in `memory` from a place on. */
export function isEqual(bytes: Uint8Array, memory: Uint8Array, at: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== memory[at + i]) return false;
  return true;
}
