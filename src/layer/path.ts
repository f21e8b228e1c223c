/**
 * Names in a layer's tar become paths inside the root, or are refused: absolute ones (stricter than docker, which drops
 * the slash; "/" alone is the layer's root) and those that `..` leads out. Hard link targets may begin with a slash.
 *
 * A name may also go through a symlink of the same layer. One that stays inside is resolved here, so that later readers
 * of the index see only real folders. One that is absolute or climbs out is refused: no tool makes such a layer, since
 * a walk over a file system never enters a symlink. Symlinks of lower layers are the business of whoever puts the
 * layers together; they resolve them inside the root.
 */
import { encodeName } from "../base/bytes.ts";
import { WherryError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";

/** "./a/../b//c/" is "b/c"; the root is "". */
export function cleanPath(name: string, of: string = name): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.length === 0) throw unsafePath(of);
      parts.pop();
    } else parts.push(part);
  }
  return parts.join("/");
}

export function checkNameLengths(path: string): void {
  // Most names are short and ASCII, and need no encoding to be measured.
  if (path.length * 3 > limits.nameBytesMax && path.split("/").some(isNameTooLong)) throw tooLong(path);
  if (path.length * 3 >= limits.pathBytesMax && encodeName(path).length >= limits.pathBytesMax) throw tooLong(path);
}

function isNameTooLong(name: string): boolean {
  return name.length * 3 > limits.nameBytesMax && encodeName(name).length > limits.nameBytesMax;
}

/** What a layer has at each path so far, as far as it is not a folder: where names may not simply lead through. */
export class LayerTree {
  /** Symlinks with their targets; null for anything else that is no folder. */
  readonly #notFolders = new Map<string, string | null>();
  /** The parent resolved last: entries of one folder follow each other. */
  #lastParent = "";
  #lastResolved = "";

  /** Notes an entry; a folder takes the place of what was there. */
  add(path: string, isFolder: boolean, symlinkTarget: string | null): void {
    if (isFolder) this.#notFolders.delete(path);
    else this.#notFolders.set(path, symlinkTarget);
    this.#lastParent = this.#lastResolved = "";
  }

  /** The path with the symlinks among its parents resolved; its last name is left as it is. */
  resolve(path: string, of: string): string {
    const slash = path.lastIndexOf("/");
    if (slash < 0) return path;
    const parent = path.slice(0, slash);
    if (parent !== this.#lastParent) {
      this.#lastResolved = this.#resolveFolder(parent, of);
      this.#lastParent = parent;
    }
    return this.#lastResolved === "" ? path.slice(slash + 1) : `${this.#lastResolved}${path.slice(slash)}`;
  }

  #resolveFolder(folder: string, of: string): string {
    let resolved = "";
    const pending = folder.split("/").toReversed();
    let followed = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (resolved === "") throw unsafePath(of);
        resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf("/")));
        continue;
      }
      const next = resolved === "" ? name : `${resolved}/${name}`;
      const target = this.#notFolders.get(next);
      if (target === undefined) resolved = next;
      else if (target === null)
        throw new WherryError("invalid-archive", `the layer puts ${of} into ${next}, which is not a folder`);
      else {
        if (target.startsWith("/")) throw unsafePath(of);
        if (++followed > limits.symlinksFollowedMax)
          throw new WherryError("invalid-archive", `the layer's path ${of} goes through too many symbolic links`);
        pending.push(...target.split("/").toReversed());
      }
    }
    return resolved;
  }
}

export function unsafePath(name: string): WherryError {
  return new WherryError("unsafe-path", `the layer's path ${JSON.stringify(name)} leads out of the image's root`, {
    data: { path: name },
  });
}

function tooLong(path: string): WherryError {
  return new WherryError("invalid-archive", `the layer has a name that is too long: ${path.slice(0, 80)}…`);
}
