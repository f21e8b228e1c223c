/**
 * The modules of regions that this worker compiled last. What the host has optimised belongs to a module, not to its
 * instances: a container that comes after another one in the same worker, and finds stored regions that this one
 * compiled, has the fast code at once. Regions are known by the bodies of their functions (link.ts), packs of them by the
 * key they are stored under: what is in them never changes.
 */
import { equalBytes } from "../../../src/base/bytes.ts";
import { limits } from "../../../src/base/limits.ts";
import { linkRegions } from "./link.ts";
import type { Translation } from "./pack.ts";

interface Known {
  readonly module: WebAssembly.Module;
  readonly bodies: readonly Uint8Array[];
  readonly bytes: number;
}

interface Place {
  readonly known: Known;
  /** Which function of the module. */
  readonly index: number;
}

type RegionCode = () => unknown;
type Imports = Record<string, WebAssembly.ImportValue>;

export class RegionModules {
  /** The one used last comes last. */
  readonly #modules = new Set<Known>();
  /** By a hash of the body. */
  readonly #places = new Map<number, Place>();
  /** Packs by key, the oldest first; not all functions of each are here any more. */
  readonly #packs = new Map<string, readonly Translation[]>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = limits.regionModulesBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** `bodies`: of all its functions, in order; they do not change any more. */
  add(module: WebAssembly.Module, bodies: readonly Uint8Array[]): void {
    const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
    const known: Known = { module, bodies, bytes };
    this.#modules.add(known);
    bodies.forEach((body, index) => this.#places.set(hashOf(body), { known, index }));
    this.#bytes += bytes;
    for (const oldest of this.#modules) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#remove(oldest);
    }
  }

  #remove(known: Known): void {
    this.#modules.delete(known);
    this.#bytes -= known.bytes;
    for (const body of known.bodies) {
      const hash = hashOf(body);
      if (this.#places.get(hash)?.known === known) this.#places.delete(hash);
    }
  }

  #find(body: Uint8Array): Place | undefined {
    const place = this.#places.get(hashOf(body));
    if (place === undefined) return undefined;
    const { known, index } = place;
    const found = known.bodies[index]!;
    if (!equalBytes(body, found)) return undefined;
    // Used last.
    this.#modules.delete(known);
    this.#modules.add(known);
    return place;
  }

  /** A function for each body: those of modules that are known, the others compiled now, beside the guest. */
  async functions(bodies: readonly Uint8Array[], imports: Imports): Promise<readonly RegionCode[]> {
    const missing = bodies.filter((body) => this.#find(body) === undefined);
    // Were one of those known evicted meanwhile, its function would be missing.
    const known = missing.length < bodies.length ? this.#instantiate(bodies, imports) : [];
    if (missing.length === 0) return known as RegionCode[];
    const module = await WebAssembly.compile(linkRegions(missing));
    this.add(module, missing);
    const { exports } = new WebAssembly.Instance(module, { region: imports });
    let next = 0;
    return bodies.map((_, i) => known[i] ?? (exports[`${next++}`] as RegionCode));
  }

  /** A function for each body that is known. */
  #instantiate(bodies: readonly Uint8Array[], imports: Imports): (RegionCode | undefined)[] {
    const instances = new Map<WebAssembly.Module, WebAssembly.Instance>();
    return bodies.map((body) => {
      const place = this.#find(body);
      if (place === undefined) return undefined;
      const { module } = place.known;
      let instance = instances.get(module);
      if (instance === undefined)
        instances.set(module, (instance = new WebAssembly.Instance(module, { region: imports })));
      return instance.exports[`${place.index}`] as RegionCode;
    });
  }

  /** Notes what is stored under a key. */
  keepPack(key: string, translations: readonly Translation[]): void {
    this.#packs.set(key, translations);
    const [oldest] = this.#packs.keys();
    if (this.#packs.size > limits.regionPacksMax) this.#packs.delete(oldest!);
  }

  forgetPack(key: string): void {
    this.#packs.delete(key);
  }

  /** What is stored under a key, if it is here with its functions. */
  pack(key: string, imports: Imports): { translations: readonly Translation[]; code: readonly RegionCode[] } | null {
    if (!this.hasPack(key)) return null;
    const translations = this.#packs.get(key)!;
    const bodies = translations.map(({ body }) => body);
    return { translations, code: this.#instantiate(bodies, imports) as RegionCode[] };
  }

  hasPack(key: string): boolean {
    return this.#packs.get(key)?.every(({ body }) => this.#find(body) !== undefined) === true;
  }
}

/** All processors of a worker share them. */
export const regionModules = new RegionModules();

/** FNV-1a (Fowler, Noll, Vo). */
function hashOf(body: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < body.length; i++) hash = Math.imul(hash ^ body[i]!, 0x01000193);
  return hash;
}
