/**
 * What a container started here sees as its file tree: the image's layers under a journaled writable layer, the kernel's
 * own file systems, the user's mounts, and the three files in /etc that docker lays over the image's. The emulator and
 * the WASI runtime share it.
 */
import { errno, errnoName } from "../../abi/errno.ts";
import { O_CREAT, O_EXCL, O_WRONLY } from "../../abi/fcntl.ts";
import { S_IFDIR, S_IFMT } from "../../abi/stat.ts";
import { encodeName } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { isPromise } from "../../base/maybe.ts";
import type { LayerIndex } from "../../oci/layer-index.ts";
import type { Store } from "../../store/types.ts";
import { Namespace } from "../../vfs/namespace.ts";
import { chown, lookup, mkdir, open } from "../../vfs/operations.ts";
import { StartProfile } from "../../vfs/layerfs/start-profile.ts";
import { openOverlay } from "../../vfs/overlayfs/overlayfs.ts";
import type { Overlay } from "../../vfs/overlayfs/overlayfs.ts";
import { createTmpfs, parseTmpfsOptions } from "../../vfs/tmpfs/tmpfs.ts";
import type { Caller, Dentry, FileSystem, PagePool } from "../../vfs/types.ts";
import { resolveUser } from "../user.ts";
import type { ResolvedUser } from "../user.ts";
import type { ContainerSpec, MountSpec } from "../types.ts";
import { writableLayerJournal } from "./journal.ts";

/** Opens a directory of the host for a bind mount; only Node has one. */
export type HostDirectory = (
  path: string,
  options: { readonly pool: PagePool; readonly readOnly: boolean },
) => FileSystem;

export interface RootfsOptions {
  readonly spec: ContainerSpec;
  readonly store: Store;
  readonly pool: PagePool;
  readonly clock: Clock;
  readonly hostDirectory: HostDirectory | null;
}

export interface Rootfs {
  readonly namespace: Namespace;
  readonly overlay: Overlay;
  /** Keeps what this start read for the next one, if that is news. */
  readonly keepProfile: () => Promise<void>;
}

const files = (spec: ContainerSpec): readonly (readonly [path: string, text: string])[] => [
  ["/etc/hostname", `${spec.hostname}\n`],
  ["/etc/hosts", `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t${spec.hostname}\n`],
  ["/etc/resolv.conf", "# No network: no name servers.\n"],
];

/** Mounts everything but what `mountKernel` adds (proc, dev, sys), which comes between the image and the user's mounts. */
export async function openRootfs(
  options: RootfsOptions,
  mountKernel: (rootfs: Rootfs) => Promise<void>,
): Promise<Rootfs> {
  const { spec } = options;
  const rootfs = await openImageTree(options, false, spec.temporary !== true);
  const { namespace } = rootfs;
  await mountKernel(rootfs);
  await layFiles(options, namespace);
  for (const mount of spec.mounts) await mountUser(options, namespace, mount);
  // Last, so that mount points could still be made.
  if (spec.readOnly) namespace.remount(namespace.root, "ro,relatime");
  return rootfs;
}

/**
 * The image's layers under the container's writable layer, and nothing else. What was copied into a container before it
 * is started is in its journal, whether changes are kept or not.
 */
export async function openImageTree(
  { spec, store, pool, clock }: Omit<RootfsOptions, "hostDirectory">,
  readOnly: boolean,
  keepsChanges = true,
): Promise<Rootfs> {
  const profileKey = `start/${spec.layers.length}/${spec.layers.at(-1)}/${spec.process.arguments[0]}`;
  // Where reads are immediate, or nothing will run, none is worth while.
  const profiled = store.readPackSync === null && !readOnly;
  const remembered = profiled ? startOf(store, profileKey) : null;
  const layers = await (profiled ? layersOf(store, spec.layers) : readLayers(store, spec.layers));
  const packs = layers.map(({ diffId, tarBytes }) => ({ digest: diffId, bytes: tarBytes }));
  const profile = profiled ? new StartProfile(store, packs) : null;
  const overlay = await openOverlay({
    layers,
    store,
    packs: profile ?? undefined,
    pool,
    clock,
    journal: writableLayerJournal(spec.id),
    keepsChanges,
    readOnly,
  });
  const known = await remembered;
  if (known !== null) profile?.replay(known);
  const namespace = new Namespace(overlay.fs, { source: "overlay", options: "rw,relatime", clock });
  const keepProfile = async (): Promise<void> => {
    const kept = profile?.isNews === true ? profile.encode() : null;
    profile?.forget();
    if (kept === null) return;
    lastStart = { key: profileKey, bytes: kept };
    await store.writeCache(profileKey, kept, new Uint8Array(0)).catch(() => undefined);
  };
  if (profile !== null) setTimeout(() => void keepProfile(), limits.startProfileMs);
  return { namespace, overlay, keepProfile };
}

/** The start that was used last: a worker that is used again mostly runs the same program. */
let lastStart: { readonly key: string; readonly bytes: Uint8Array } | null = null;

async function startOf(store: Store, key: string): Promise<Uint8Array | null> {
  if (lastStart?.key === key) return lastStart.bytes;
  const bytes = await store.readCache(key).catch(() => null);
  if (bytes !== null) lastStart = { key, bytes };
  return bytes;
}

/**
 * The layers that were used last: an index of ten thousand files takes twenty milliseconds to get from storage, and what
 * a diff ID names never changes.
 */
let lastLayers: { readonly key: string; readonly layers: readonly LayerIndex[] } | null = null;

async function layersOf(store: Store, diffIds: readonly string[]): Promise<readonly LayerIndex[]> {
  const key = diffIds.join(" ");
  if (lastLayers?.key === key) {
    const { layers } = lastLayers;
    // Layers may have been removed meanwhile; then the read below says so.
    const sizes = await Promise.all(diffIds.map((diffId) => store.packSize(diffId)));
    if (!sizes.includes(null)) return layers;
  }
  const layers = await readLayers(store, diffIds);
  lastLayers = { key, layers };
  return layers;
}

function readLayers(store: Store, diffIds: readonly string[]): Promise<readonly LayerIndex[]> {
  return Promise.all(diffIds.map((diffId) => layerIndex(store, diffId)));
}

async function layerIndex(store: Store, diffId: string): Promise<LayerIndex> {
  const index = (await store.getDocument("layer-index", diffId)) as LayerIndex | undefined;
  if (index === undefined || index === null) {
    throw new WherryError("not-found", `The layer ${diffId} is not in the store: load the image again.`);
  }
  return index;
}

async function layFiles({ spec, pool, clock }: RootfsOptions, namespace: Namespace): Promise<void> {
  const hidden = createTmpfs(pool, clock, tmpfsOptions("mode=755", spec.memoryBytes));
  const scratch = new Namespace(hidden, { source: "tmpfs", options: "rw", clock });
  for (const [path, text] of files(spec)) {
    const name = path.slice("/etc/".length);
    const file = await open(scratch.caller(), scratch.root, name, O_WRONLY | O_CREAT | O_EXCL, 0o644);
    if (typeof file === "number") throw new Error(`cannot make ${name}: ${errnoName(-file)}`);
    await file.write(encodeName(text), null);
    file.release();
    const origin = lookup(scratch.caller(), scratch.root, name);
    const at = await mountPoint(namespace, path, "file");
    if (typeof origin === "number" || at === null) continue;
    namespace.bind(origin, at, "rw,relatime");
  }
}

async function mountUser(options: RootfsOptions, namespace: Namespace, mount: MountSpec): Promise<void> {
  if (mount.type === "tmpfs") {
    const at = await mountPoint(namespace, mount.target, "directory");
    if (at === null) throw cannotMount(mount.target);
    const given = mount.options.split(",").filter((option) => option !== "");
    const flags = ["nosuid", "nodev", "noexec"].filter((option) => !given.includes(option.slice(2)));
    const fs = createTmpfs(options.pool, options.clock, tmpfsOptions(mount.options, options.spec.memoryBytes));
    namespace.mount(at, fs, "tmpfs", [given.includes("ro") ? "ro" : "rw", ...flags, "relatime"].join(","));
    return;
  }
  if (options.hostDirectory === null) {
    throw new WherryError("unsupported", `${mount.source}:${mount.target}: a page has no host directories to mount`, {
      exitCode: 125,
    });
  }
  const fs = options.hostDirectory(mount.source, { pool: options.pool, readOnly: mount.readOnly });
  const kind = (fs.root.mode & S_IFMT) === S_IFDIR ? "directory" : "file";
  const at = await mountPoint(namespace, mount.target, kind);
  if (at === null) throw cannotMount(mount.target);
  namespace.mount(at, fs, mount.source, mount.readOnly ? "ro,relatime" : "rw,relatime");
}

const cannotMount = (target: string): WherryError =>
  new WherryError("usage", `cannot mount at ${target}: it cannot be made a mount point in the image`, {
    exitCode: 125,
  });

function tmpfsOptions(options: string, memoryBytes: number) {
  const kept = options
    .split(",")
    .filter((option) => /^(size|nr_blocks|nr_inodes|mode|uid|gid)=/.test(option))
    .join(",");
  const parsed = parseTmpfsOptions(kept, memoryBytes);
  if (typeof parsed === "number") {
    throw new WherryError("usage", `invalid tmpfs options: ${options}`, { exitCode: 125 });
  }
  return parsed;
}

/** The place to mount at, made with its parents where the image has none (as runc does); null if that cannot be. */
export async function mountPoint(
  namespace: Namespace,
  path: string,
  kind: "file" | "directory",
): Promise<Dentry | null> {
  const caller = namespace.caller();
  const parts = path.split("/").filter((part) => part !== "");
  for (let i = 1; i <= parts.length; i++) {
    const here = `/${parts.slice(0, i).join("/")}`;
    const found = lookup(caller, namespace.root, here);
    if (typeof found !== "number") continue;
    if (found !== -errno.ENOENT) return null;
    if (i === parts.length && kind === "file") {
      const file = await open(caller, namespace.root, here, O_WRONLY | O_CREAT, 0o644);
      if (typeof file === "number") return null;
      file.release();
    } else if (mkdir(caller, namespace.root, here, 0o755) < 0) return null;
  }
  const found = lookup(caller, namespace.root, path);
  return typeof found === "number" ? null : found;
}

/** The working directory, made as docker makes it when the image has none. */
export function workingDirectory(namespace: Namespace, path: string, user: ResolvedUser): Dentry {
  const caller = namespace.caller();
  const parts = path.split("/").filter((part) => part !== "");
  for (let i = 1; i <= parts.length; i++) {
    const here = `/${parts.slice(0, i).join("/")}`;
    if (lookup(caller, namespace.root, here) !== -errno.ENOENT) continue;
    if (mkdir(caller, namespace.root, here, 0o755) < 0) break;
    const made = lookup(caller, namespace.root, here);
    if (typeof made !== "number" && i === parts.length) void chown(caller, made, user.uid, user.gid);
  }
  const found = lookup(caller, namespace.root, path);
  if (typeof found === "number" || (found.inode.mode & S_IFMT) !== S_IFDIR) {
    const reason = typeof found === "number" ? errnoName(-found) : "not a directory";
    throw new WherryError("usage", `cannot use the working directory '${path}': ${reason}`, { exitCode: 126 });
  }
  return found;
}

/** A small text file of the container, or "" when there is none. */
export async function readText(caller: Caller, path: string, bytesMax = 1 << 20): Promise<string> {
  const file = await open(caller, caller.root, path, 0, 0);
  if (typeof file === "number") return "";
  try {
    const buffer = new Uint8Array(Math.min(file.inode.size, bytesMax));
    let length = 0;
    while (length < buffer.length) {
      const result = file.read(buffer.subarray(length), null);
      const count = isPromise(result) ? await result : result;
      if (count <= 0) break;
      length += count;
    }
    return new TextDecoder().decode(buffer.subarray(0, length));
  } finally {
    file.release();
  }
}

/** Who a process runs as, by the container's own /etc/passwd and /etc/group. */
export async function containerUser(namespace: Namespace, user: string): Promise<ResolvedUser> {
  const caller = namespace.caller();
  return resolveUser(user, await readText(caller, "/etc/passwd"), await readText(caller, "/etc/group"));
}
