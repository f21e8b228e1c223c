/**
 * The tree of mounts that one container sees (mount_namespaces(7)).
 *
 *     const namespace = new Namespace(overlay, { source: "overlay", options: "rw,relatime" });
 *     namespace.mount(dentryOfProc, procfs, "proc", "rw,nosuid,nodev,noexec,relatime");
 */
import { errno } from "../abi/errno.ts";
import { S_IFDIR, S_IFMT } from "../abi/stat.ts";
import type { Clock } from "../base/clock.ts";
import { systemClock } from "../base/clock.ts";
import type { Maybe } from "../base/maybe.ts";
import { PathDentry, isWithin, printPath } from "./dentry.ts";
import type { Caller, Dentry, FileSystem, Inode, Mount, MountNamespace, OpenContext, OpenFile } from "./types.ts";

/** umount2(2): take the mount away even while it is used. */
export const MNT_DETACH = 2;

export class MountPoint implements Mount {
  readonly id: number;
  readonly fs: FileSystem;
  readonly root: PathDentry;
  at: PathDentry | null;
  source: string;
  #options: string;
  #readOnly = false;
  noExec = false;
  noSuid = false;
  noDevices = false;

  constructor(id: number, fs: FileSystem, inode: Inode, at: PathDentry | null, source: string, options: string) {
    this.id = id;
    this.fs = fs;
    this.root = new PathDentry("", null, this, inode);
    this.at = at;
    this.source = source;
    this.#options = options;
    this.setOptions(options);
  }

  get readOnly(): boolean {
    return this.#readOnly || this.fs.readOnly;
  }

  /** As /proc/mounts prints them, "rw" or "ro" first. */
  get options(): string {
    return this.#options;
  }

  /** `options` as mount(8) takes them, by commas; "ro", "nosuid", "nodev" and "noexec" act, all are shown. */
  setOptions(options: string): void {
    const words = options.split(",").filter((word) => word !== "");
    this.#readOnly = words.includes("ro");
    this.noSuid = words.includes("nosuid");
    this.noDevices = words.includes("nodev");
    this.noExec = words.includes("noexec");
    const others = words.filter((word) => word !== "rw" && word !== "ro");
    this.#options = [this.readOnly ? "ro" : "rw", ...others].join(",");
  }
}

export class Namespace implements MountNamespace {
  readonly clock: Clock;
  readonly #mounts: MountPoint[] = [];
  #nextId = 1;
  openSpecial: (inode: Inode, flags: number, context: OpenContext) => Maybe<OpenFile | number> = () => -errno.ENXIO;

  constructor(
    root: FileSystem,
    settings: { readonly source: string; readonly options: string; readonly clock?: Clock },
  ) {
    this.clock = settings.clock ?? systemClock;
    this.#add(root, root.root, null, settings.source, settings.options);
  }

  /** The topmost mount's root at "/". */
  get root(): PathDentry {
    let at = this.#mounts[0]!.root;
    while (at.mounted !== null) at = at.mounted.root as PathDentry;
    return at;
  }

  get mounts(): readonly MountPoint[] {
    return this.#mounts;
  }

  /** Mounts all of `fs` at a place. The new mount, or -errno. */
  mount(at: Dentry, fs: FileSystem, source: string, options: string): MountPoint | number {
    return this.#attach(at as PathDentry, fs, fs.root, source, options);
  }

  /** MS_BIND: what is at `origin` appears at `at` too. The mount's options are its own. */
  bind(origin: Dentry, at: Dentry, options?: string): MountPoint | number {
    return this.#attach(
      at as PathDentry,
      origin.mount.fs,
      origin.inode,
      origin.mount.source,
      options ?? origin.mount.options,
    );
  }

  /** MS_MOVE. */
  move(mountRoot: Dentry, target: Dentry): number {
    const mount = mountRoot.mount as MountPoint;
    if (mountRoot !== mount.root || mount.at === null) return -errno.EINVAL;
    if (isDirectory(mountRoot.inode) !== isDirectory(target.inode)) return -errno.ENOTDIR;
    for (let at: Dentry | null = target; at !== null; at = at.mount.at) if (at.mount === mount) return -errno.ELOOP;
    mount.at.mounted = null;
    mount.at = target as PathDentry;
    mount.at.mounted = mount;
    return 0;
  }

  /** MS_REMOUNT. */
  remount(mountRoot: Dentry, options: string): number {
    const mount = mountRoot.mount as MountPoint;
    if (mountRoot !== mount.root) return -errno.EINVAL;
    mount.setOptions(options);
    return 0;
  }

  /** umount2(2) of the mount whose root `dentry` is. -EBUSY while other mounts hang below it, unless MNT_DETACH. */
  umount(dentry: Dentry, flags: number): number {
    const mount = dentry.mount as MountPoint;
    if (dentry !== mount.root || mount.at === null) return -errno.EINVAL;
    const below = this.#mounts.filter((other) => other !== mount && this.#isBelow(other, mount));
    if (below.length > 0 && (flags & MNT_DETACH) === 0) return -errno.EBUSY;
    mount.at.mounted = null;
    for (const gone of [mount, ...below]) this.#mounts.splice(this.#mounts.indexOf(gone), 1);
    return 0;
  }

  /** Every file system mounted here, once: for sync(2). */
  get fileSystems(): readonly FileSystem[] {
    return [...new Set(this.#mounts.map((mount) => mount.fs))];
  }

  /** /proc/PID/mounts as seen from `root` (proc(5)): what lies outside is left out. */
  mountsText(root: Dentry): string {
    let text = "";
    for (const mount of this.#mounts) {
      const place = placeOf(mount, root);
      if (place === null) continue;
      text += `${escapeMount(mount.source)} ${escapeMount(place)} ${mount.fs.type} ${mount.options} 0 0\n`;
    }
    return text;
  }

  /** /proc/PID/mountinfo (proc(5)). */
  mountinfoText(root: Dentry): string {
    let text = "";
    for (const mount of this.#mounts) {
      const place = placeOf(mount, root);
      if (place === null) continue;
      const parent = (mount.at?.mount as MountPoint | undefined)?.id ?? mount.id;
      const device = `${(mount.fs.device >>> 8) & 0xfff}:${mount.fs.device & 0xff}`;
      const options = mount.options.split(",");
      text +=
        `${mount.id} ${parent} ${device} / ${escapeMount(place)} ${options.join(",")} - ` +
        `${mount.fs.type} ${escapeMount(mount.source)} ${mount.fs.readOnly ? "ro" : "rw"}\n`;
    }
    return text;
  }

  /** Root's own view, for setting a container up: no umask, no terminal. */
  caller(): Caller {
    const root = this.root;
    return {
      namespace: this,
      root,
      cwd: root,
      credentials: { uid: 0, gid: 0, groups: [] },
      umask: 0,
      openControllingTerminal: () => null,
    };
  }

  #attach(at: PathDentry, fs: FileSystem, inode: Inode, source: string, options: string): MountPoint | number {
    if (isDirectory(at.inode) !== isDirectory(inode)) return -errno.ENOTDIR;
    let place = at;
    while (place.mounted !== null) place = place.mounted.root as PathDentry;
    if (place.deleted) return -errno.ENOENT;
    return this.#add(fs, inode, place, source, options);
  }

  #add(fs: FileSystem, inode: Inode, at: PathDentry | null, source: string, options: string): MountPoint {
    const mount = new MountPoint(this.#nextId++, fs, inode, at, source, options);
    if (at !== null) at.mounted = mount;
    this.#mounts.push(mount);
    return mount;
  }

  #isBelow(mount: MountPoint, above: MountPoint): boolean {
    for (let at = mount.at; at !== null; at = (at.mount as MountPoint).at) if (at.mount === above) return true;
    return false;
  }
}

function isDirectory(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFDIR;
}

function placeOf(mount: MountPoint, root: Dentry): string | null {
  if (mount.root === root || isWithin(root, mount.root)) return mount.root === root ? "/" : null;
  const { path, reachable } = printPath(mount.root, root);
  return reachable ? path : null;
}

/** Spaces and the like as octal, so that the line can be split again. */
function escapeMount(text: string): string {
  return text.replace(/[ \t\n\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
