/**
 * Image layers merged into one tree that never changes (OCI image specification, "Representing Changes"): a later layer
 * replaces what an earlier one has, whiteouts remove names, an opaque directory hides all that lies below. Built in one
 * pass over the entries, because a container's start waits for it.
 */
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, makeDevice } from "../../abi/stat.ts";
import { encodeName } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import type { LayerEntry, LayerIndex } from "../../oci/layer-index.ts";
import type { LowerContent, LowerNode, LowerTree } from "../memory/lower.ts";

/** Makes a file's content when it is first asked for. */
export type ContentMaker = (layer: number, entry: LayerEntry) => LowerContent;

export class LayerNode implements LowerNode {
  readonly ino: number;
  /** Null for a directory that no layer lists: root's, mode 0755 (as containerd and umoci make it). */
  entry: LayerEntry | null;
  layer: number;
  mode: number;
  nlink = 1;
  merged = false;
  children: Map<string, LayerNode> | null;
  readonly #tree: LayerTree;
  #content: LowerContent | null = null;
  #xattrs: ReadonlyMap<string, Uint8Array> | null = null;

  constructor(tree: LayerTree, ino: number, entry: LayerEntry | null, layer: number, mode: number) {
    this.#tree = tree;
    this.ino = ino;
    this.entry = entry;
    this.layer = layer;
    this.mode = mode;
    this.children = (mode & S_IFMT) === S_IFDIR ? new Map() : null;
  }

  get uid(): number {
    return this.entry === null ? 0 : this.entry.uid;
  }

  get gid(): number {
    return this.entry === null ? 0 : this.entry.gid;
  }

  get size(): number {
    if (this.entry === null || this.children !== null) return 0;
    return this.target === "" ? this.entry.size : encodeName(this.target).length;
  }

  get rdev(): number {
    return this.entry === null ? 0 : makeDevice(this.entry.deviceMajor ?? 0, this.entry.deviceMinor ?? 0);
  }

  get mtimeNs(): bigint {
    if (this.entry === null) return 0n;
    return BigInt(this.entry.mtimeSeconds) * 1_000_000_000n + BigInt(this.entry.mtimeNanoseconds);
  }

  get target(): string {
    return (this.mode & S_IFMT) === S_IFLNK ? (this.entry?.link ?? "") : "";
  }

  get xattrs(): ReadonlyMap<string, Uint8Array> | null {
    const stored = this.entry?.xattrs;
    if (stored === undefined) return null;
    this.#xattrs ??= new Map(Object.entries(stored));
    return this.#xattrs;
  }

  get content(): LowerContent | null {
    if ((this.mode & S_IFMT) !== S_IFREG || this.entry === null) return null;
    this.#content ??= this.#tree.makeContent(this.layer, this.entry);
    return this.#content;
  }
}

const typeBits: Partial<Record<LayerEntry["type"], number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  character: S_IFCHR,
  block: S_IFBLK,
  fifo: S_IFIFO,
};

export class LayerTree implements LowerTree {
  readonly makeContent: ContentMaker;
  readonly #nodes: (LayerNode | undefined)[] = [undefined];
  readonly root: LayerNode;

  /** `layers` lowest first. */
  constructor(layers: readonly LayerIndex[], makeContent: ContentMaker) {
    this.makeContent = makeContent;
    this.root = this.#newNode(null, 0, S_IFDIR | 0o755);
    layers.forEach((layer, number) => this.#apply(layer, number));
  }

  get inoMax(): number {
    return this.#nodes.length - 1;
  }

  node(ino: number): LayerNode | undefined {
    return this.#nodes[ino];
  }

  #newNode(entry: LayerEntry | null, layer: number, mode: number): LayerNode {
    const node = new LayerNode(this, this.#nodes.length, entry, layer, mode);
    this.#nodes.push(node);
    return node;
  }

  #apply(index: LayerIndex, layer: number): void {
    // Whiteouts act on what is below, wherever in the archive they stand.
    for (const entry of index.entries) {
      if (entry.type === "whiteout") this.#whiteOut(entry.path);
      else if (entry.type === "opaque") this.#makeOpaque(entry.path);
    }
    // Archives list a directory's files together: remember the last directory.
    let lastDirectory = "";
    let directory = this.root;
    for (const entry of index.entries) {
      const bits = typeBits[entry.type];
      if (bits === undefined && entry.type !== "hardlink") continue;
      const path = entry.path;
      if (path === "") {
        if (entry.type === "directory") this.#setDirectory(this.root, entry, layer);
        continue;
      }
      const slash = path.lastIndexOf("/");
      const parent = slash < 0 ? "" : path.slice(0, slash);
      if (parent !== lastDirectory) {
        directory = this.#directory(parent, layer);
        lastDirectory = parent;
      }
      const name = slash < 0 ? path : path.slice(slash + 1);
      if (bits === undefined) {
        this.#hardLink(directory, name, entry, index.diffId);
        continue;
      }
      const old = directory.children!.get(name);
      if (bits === S_IFDIR && old !== undefined && old.children !== null) {
        this.#setDirectory(old, entry, layer);
        continue;
      }
      if (old !== undefined) {
        this.#drop(old);
        // What was remembered may have been inside.
        if (old.children !== null) lastDirectory = "\0";
      }
      directory.children!.set(name, this.#newNode(entry, layer, bits | (entry.mode & 0o7777)));
    }
  }

  #setDirectory(node: LayerNode, entry: LayerEntry, layer: number): void {
    if (node.entry !== null && node.layer !== layer) node.merged = true;
    node.entry = entry;
    node.layer = layer;
    node.mode = S_IFDIR | (entry.mode & 0o7777);
  }

  #hardLink(directory: LayerNode, name: string, entry: LayerEntry, diffId: string): void {
    const target = this.#find(entry.link ?? "");
    if (target === null || target.children !== null)
      throw new WherryError("invalid-archive", `layer ${diffId}: "${entry.path}" is a hard link to a missing file`);
    const old = directory.children!.get(name);
    if (old === target) return;
    if (old !== undefined) this.#drop(old);
    directory.children!.set(name, target);
    target.nlink++;
  }

  #whiteOut(path: string): void {
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? this.root : this.#find(path.slice(0, slash));
    const name = path.slice(slash + 1);
    const old = parent?.children?.get(name);
    if (old === undefined) return;
    this.#drop(old);
    parent!.children!.delete(name);
  }

  #makeOpaque(path: string): void {
    const directory = this.#find(path);
    if (directory === null || directory.children === null) return;
    for (const child of directory.children.values()) this.#drop(child);
    directory.children.clear();
    directory.merged = false;
  }

  /** A name of the node went away; a directory takes its content along. */
  #drop(node: LayerNode): void {
    node.nlink--;
    if (node.children !== null) {
      for (const child of node.children.values()) this.#drop(child);
      this.#nodes[node.ino] = undefined;
    } else if (node.nlink === 0) this.#nodes[node.ino] = undefined;
  }

  /** The directory at `path`, made where no layer lists it. Links of lower layers on the way are followed, inside. */
  #directory(path: string, layer: number): LayerNode {
    if (path === "") return this.root;
    const trail: LayerNode[] = [this.root];
    let names = path.split("/");
    let links = 0;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const at = trail[trail.length - 1]!;
      let next = at.children!.get(name);
      if (next !== undefined && (next.mode & S_IFMT) === S_IFLNK && links < limits.symlinksFollowedMax) {
        links++;
        if (next.target.startsWith("/")) trail.length = 1;
        names = [...next.target.split("/"), ...names.slice(i + 1)];
        i = -1;
        continue;
      }
      if (next === undefined || next.children === null) {
        if (next !== undefined) this.#drop(next);
        next = this.#newNode(null, layer, S_IFDIR | 0o755);
        at.children!.set(name, next);
      }
      trail.push(next);
    }
    return trail[trail.length - 1]!;
  }

  /** What stands at `path`, links on the way followed but not a last one; null when there is nothing. */
  #find(path: string): LayerNode | null {
    const slash = path.lastIndexOf("/");
    if (slash < 0) return path === "" ? this.root : (this.root.children!.get(path) ?? null);
    let at = this.root;
    let plain = true;
    const names = path.split("/");
    for (let i = 0; i < names.length - 1; i++) {
      const next = at.children!.get(names[i]!);
      if (next === undefined) return null;
      if (next.children === null) {
        if ((next.mode & S_IFMT) !== S_IFLNK) return null;
        plain = false;
        break;
      }
      at = next;
    }
    if (!plain) {
      const resolved = this.#resolveDirectory(names.slice(0, -1));
      if (resolved === null) return null;
      at = resolved;
    }
    return at.children!.get(names[names.length - 1]!) ?? null;
  }

  #resolveDirectory(path: readonly string[]): LayerNode | null {
    const trail: LayerNode[] = [this.root];
    let names = path;
    let links = 0;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const next = trail[trail.length - 1]!.children!.get(name);
      if (next === undefined) return null;
      if ((next.mode & S_IFMT) === S_IFLNK) {
        if (++links > limits.symlinksFollowedMax) return null;
        if (next.target.startsWith("/")) trail.length = 1;
        names = [...next.target.split("/"), ...names.slice(i + 1)];
        i = -1;
        continue;
      }
      if (next.children === null) return null;
      trail.push(next);
    }
    return trail[trail.length - 1]!;
  }
}
