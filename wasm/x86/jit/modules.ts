/**
 * The modules of regions that this worker compiled last. What the host has optimised belongs to a module, not to its
 * instances: a container that comes after another one in the same worker, and finds stored regions that this one
 * compiled, has the fast code at once. Regions are known by the bodies of their functions (link.ts).
 */
import { equalBytes } from "../../../src/base/bytes.ts";
import { limits } from "../../../src/base/limits.ts";
import { linkRegions } from "./link.ts";

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

export class RegionModules {
  /** The one used last comes last. */
  readonly #modules = new Set<Known>();
  /** By a hash of the body. */
  readonly #places = new Map<number, Place>();
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
  async functions(
    bodies: readonly Uint8Array[],
    imports: Record<string, WebAssembly.ImportValue>,
  ): Promise<(() => unknown)[]> {
    const places = bodies.map((body) => this.#find(body));
    const missing = bodies.filter((_, i) => places[i] === undefined);
    let compiled: WebAssembly.Module | undefined;
    if (missing.length > 0) {
      compiled = await WebAssembly.compile(linkRegions(missing));
      this.add(compiled, missing);
    }
    const instances = new Map<WebAssembly.Module, WebAssembly.Instance>();
    let next = 0;
    return places.map((place) => {
      const [module, index] = place === undefined ? [compiled!, next++] : [place.known.module, place.index];
      let instance = instances.get(module);
      if (instance === undefined)
        instances.set(module, (instance = new WebAssembly.Instance(module, { region: imports })));
      return instance.exports[`${index}`] as () => unknown;
    });
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
