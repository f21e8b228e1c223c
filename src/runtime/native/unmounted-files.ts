/**
 * Reads files of a container that is not mounted where we stand: in its writable layer, then in the layers from the
 * top, with symbolic links followed inside. What lies on a mount of the container is not seen.
 */
import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, readSync } from "node:fs";
import type { Stats } from "node:fs";
import { join } from "node:path";
import { join as joinInside } from "node:path/posix";
import { limits } from "../../base/limits.ts";
import type { ContainerSpec } from "../types.ts";
import { layerChains } from "./layout.ts";
import type { NativeLayout } from "./layout.ts";

export class UnmountedFiles {
  readonly #folders: readonly string[];
  readonly #mounts: readonly string[];

  constructor(layout: NativeLayout, spec: ContainerSpec) {
    const layers = layerChains(spec.layers).map((chain) => layout.layer(chain));
    this.#folders = [join(layout.container(spec.id), "upper"), ...layers.toReversed()];
    this.#mounts = ["/dev", "/proc", "/sys", ...spec.mounts.map(({ target }) => target)];
  }

  /** A small text; "" when there is no such file, or none we may read. */
  readText(path: string): string {
    const found = this.find(path);
    try {
      return found !== null && found.stat.isFile() ? readFileSync(found.place, "utf8") : "";
    } catch {
      return "";
    }
  }

  /** The first bytes of a file; null when there is none, or none we may read. */
  readStart(path: string, length: number): Uint8Array | null {
    const found = this.find(path);
    if (found === null || !found.stat.isFile()) return null;
    try {
      const descriptor = openSync(found.place, "r");
      try {
        const bytes = new Uint8Array(length);
        return bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0));
      } finally {
        closeSync(descriptor);
      }
    } catch {
      return null;
    }
  }

  /** The file a path leads to; null also when it lies on a mount. */
  find(path: string): { readonly place: string; readonly stat: Stats } | null {
    const open = path.split("/").filter((part) => part !== "" && part !== ".");
    const done: string[] = [];
    let followed = 0;
    let found: { place: string; stat: Stats } | null = null;
    while (open.length > 0) {
      const part = open.shift()!;
      if (part === "..") {
        done.pop();
        continue;
      }
      const inside = joinInside("/", ...done, part);
      if (this.#mounts.includes(inside)) return null;
      found = this.#look(inside);
      if (found === null) return null;
      if (found.stat.isSymbolicLink()) {
        if (++followed > limits.symlinksFollowedMax) return null;
        const target = readlinkSync(found.place);
        if (target.startsWith("/")) done.length = 0;
        open.unshift(...target.split("/").filter((piece) => piece !== "" && piece !== "."));
        continue;
      }
      done.push(part);
    }
    return found;
  }

  #look(inside: string): { place: string; stat: Stats } | null {
    for (const folder of this.#folders) {
      const place = join(folder, inside);
      let stat: Stats | undefined;
      try {
        stat = lstatSync(place, { throwIfNoEntry: false });
      } catch {
        return null;
      }
      if (stat === undefined) continue;
      // A whiteout: the layers below do not count.
      return stat.isCharacterDevice() && stat.rdev === 0 ? null : { place, stat };
    }
    return null;
  }
}
