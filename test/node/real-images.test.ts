/**
 * Images other tools made (umoci, skopeo), loaded in every form those tools write, compared file by file with what
 * umoci unpacks: names, types, modes, owners, times, link counts, device numbers, link targets, extended attributes
 * and content.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, deviceMajor, deviceMinor } from "../../src/abi/stat.ts";
import { nodeImagesHost } from "../../src/cli/node/images-host.ts";
import { StoredImages } from "../../src/engine/images.ts";
import type { LayerEntry, LayerIndex } from "../../src/oci/layer-index.ts";
import { DirectoryStore } from "../../src/store/directory.ts";
import { type LayerNode, LayerTree } from "../../src/vfs/layerfs/tree.ts";

const tools = ["umoci", "skopeo", "python3"];
const missing = tools.filter((tool) => {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`]);
    return false;
  } catch {
    return true;
  }
});
const isRoot = process.getuid?.() === 0;
const why = !isRoot ? " (not root)" : missing.length > 0 ? ` (no ${missing.join(", ")})` : "";

interface FileFacts {
  readonly mode: string;
  readonly owner: string;
  readonly links: number;
  readonly mtime: number;
  readonly target?: string;
  readonly device?: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
}
type Tree = Record<string, FileFacts>;

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: ["ignore", "pipe", "pipe"] });

/** Node has no call for extended attributes. */
const listXattrs = `
import os, sys, json
found = {}
for folder, folders, files in os.walk(sys.argv[1]):
    for name in ["."] + folders + files:
        path = os.path.join(folder, name)
        names = [n for n in os.listxattr(path, follow_symlinks=False) if not n.startswith("security.selinux")]
        if names:
            found[os.path.normpath(os.path.relpath(path, sys.argv[1]))] = {
                n: os.getxattr(path, n, follow_symlinks=False).hex() for n in names}
print(json.dumps(found))
`;

function treeOnDisk(root: string): Tree {
  const xattrs = JSON.parse(run("python3", "-c", listXattrs, root).toString()) as Record<
    string,
    Record<string, string>
  >;
  const tree: Tree = {};
  const visit = (path: string) => {
    const place = join(root, path);
    const about = lstatSync(place);
    const isDevice = about.isCharacterDevice() || about.isBlockDevice();
    tree[path] = {
      mode: about.mode.toString(8),
      owner: `${about.uid}:${about.gid}`,
      links: about.isDirectory() ? 0 : about.nlink,
      mtime: Math.floor(about.mtimeMs / 1000),
      ...(about.isSymbolicLink() && { target: readlinkSync(place) }),
      ...(isDevice && { device: `${deviceMajor(about.rdev)},${deviceMinor(about.rdev)}` }),
      ...(about.isFile() && { size: about.size, sha256: sha256(readFileSync(place)) }),
      ...(xattrs[path] && { xattrs: xattrs[path] }),
    };
    if (about.isDirectory()) for (const name of readdirSync(place)) visit(join(path, name));
  };
  visit(".");
  return tree;
}

async function treeOfImage(store: DirectoryStore, layers: readonly string[]): Promise<Tree> {
  const indexes = await Promise.all(
    layers.map(async (layer) => (await store.getDocument("layer-index", layer)) as LayerIndex),
  );
  const merged = new LayerTree(indexes, () => {
    throw new Error("content is read from the pack here");
  });
  const tree: Tree = {};
  const visit = (path: string, node: LayerNode) => {
    const type = node.mode & S_IFMT;
    const xattrs = [...(node.xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString("hex")]);
    tree[path] = {
      mode: node.mode.toString(8),
      owner: `${node.uid}:${node.gid}`,
      links: type === S_IFDIR ? 0 : node.nlink,
      mtime: Number(node.mtimeNs / 1_000_000_000n),
      ...(type === S_IFLNK && { target: node.target }),
      ...(node.rdev !== 0 && { device: `${deviceMajor(node.rdev)},${deviceMinor(node.rdev)}` }),
      ...(type === S_IFREG && { size: node.size, sha256: sha256(read(store, layers[node.layer]!, node.entry!)) }),
      ...(xattrs.length > 0 && { xattrs: Object.fromEntries(xattrs) }),
    };
    for (const [name, child] of node.children ?? []) visit(join(path, name), child);
  };
  visit(".", merged.root);
  return tree;
}

function read(store: DirectoryStore, layer: string, entry: LayerEntry): Uint8Array {
  if (!entry.sparse) return store.readPackSync(layer, entry.offset, entry.size);
  const bytes = new Uint8Array(entry.size);
  let at = entry.offset;
  for (const [offset, length] of entry.sparse) {
    bytes.set(store.readPackSync(layer, at, length), offset);
    at += length;
  }
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The lowest layer: a busybox root with one of everything. */
function fillBase(root: string): void {
  for (const folder of ["bin", "etc", "tmp", "usr/lib", "dev", "var/cache/deep/er", "gone"])
    mkdirSync(join(root, folder), { recursive: true });
  cpSync("/bin/busybox", join(root, "bin/busybox"));
  for (const name of ["sh", "ls", "cat"]) linkSync(join(root, "bin/busybox"), join(root, "bin", name));
  chmodSync(join(root, "bin/busybox"), 0o4755);
  chmodSync(join(root, "tmp"), 0o1777);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  writeFileSync(join(root, "etc/mine"), "owned");
  chownSync(join(root, "etc/mine"), 1234, 3_000_000);
  symlinkSync("/etc/passwd", join(root, "etc/absolute"));
  symlinkSync("../../../etc/passwd", join(root, "usr/lib/climbing"));
  symlinkSync("usr/lib", join(root, "lib"));
  const long = join(root, "long", ...Array.from({ length: 12 }, (_, i) => `folder-number-${i}`));
  mkdirSync(long, { recursive: true });
  writeFileSync(join(long, "n".repeat(255)), "long");
  writeFileSync(join(root, "etc/ünïcode"), "u");
  run("mkfifo", join(root, "dev/fifo"));
  run("mknod", join(root, "dev/null"), "c", "1", "3");
  run("mknod", join(root, "dev/disk"), "b", "8", "17");
  const sparse = openSync(join(root, "var/sparse"), "w");
  writeSync(sparse, "data", 5_000_000);
  ftruncateSync(sparse, 8_000_000);
  closeSync(sparse);
  for (const name of ["one", "two", "deep/three", "deep/er/four"]) writeFileSync(join(root, "var/cache", name), name);
  writeFileSync(join(root, "gone/file"), "gone");
  writeFileSync(join(root, "replaced"), "a file that becomes a folder");
  mkdirSync(join(root, "turned"));
  writeFileSync(join(root, "turned/inside"), "a folder that becomes a file");
  run(
    "python3",
    "-c",
    `import os; os.setxattr(${JSON.stringify(join(root, "etc/mine"))}, "user.note", b"\\x00\\xffnote")`,
  );
  utimesSync(join(root, "etc/passwd"), 1_500_000_000, 1_500_000_000);
}

/** The second: changes, removals, and a hard link to a file below. */
function changeBase(root: string): void {
  writeFileSync(join(root, "etc/passwd"), "changed\n");
  rmSync(join(root, "gone"), { recursive: true });
  rmSync(join(root, "var/cache/one"));
  rmSync(join(root, "var/cache/deep"), { recursive: true });
  mkdirSync(join(root, "var/cache/deep"));
  writeFileSync(join(root, "var/cache/deep/new"), "new");
  rmSync(join(root, "replaced"));
  mkdirSync(join(root, "replaced"));
  writeFileSync(join(root, "replaced/inside"), "inside");
  rmSync(join(root, "turned"), { recursive: true });
  writeFileSync(join(root, "turned"), "now a file");
  chmodSync(join(root, "etc/mine"), 0o600);
  renameSync(join(root, "bin/cat"), join(root, "bin/tac"));
  linkSync(join(root, "bin/ls"), join(root, "usr/lib/linked"));
}

describe.runIf(isRoot && missing.length === 0)(`images of other tools${why}`, () => {
  let folder: string;
  let expected: Tree;
  const at = (name: string) => join(folder, name);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "wherry-real-"));
    run("umoci", "init", "--layout", at("layout"));
    run("umoci", "new", "--image", `${at("layout")}:test`);
    run("umoci", "unpack", "--image", `${at("layout")}:test`, at("bundle"));
    fillBase(at("bundle/rootfs"));
    run("umoci", "repack", "--refresh-bundle", "--image", `${at("layout")}:test`, at("bundle"));
    changeBase(at("bundle/rootfs"));
    run("umoci", "repack", "--image", `${at("layout")}:test`, at("bundle"));
    run("umoci", "config", "--image", `${at("layout")}:test`, "--config.cmd", "/bin/sh");
    run("umoci", "unpack", "--image", `${at("layout")}:test`, at("expected"));
    expected = treeOnDisk(at("expected/rootfs"));
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const load = async (path: string) => {
    const store = await DirectoryStore.open(mkdtempSync(at("store-")));
    try {
      const images = new StoredImages(store, nodeImagesHost);
      const [loaded] = await images.load({ kind: "path", path });
      const { layers, config } = await images.resolve(loaded!.id);
      expect(config.Cmd).toEqual(["/bin/sh"]);
      return { loaded: loaded!, tree: await treeOfImage(store, layers) };
    } finally {
      await store.close();
    }
  };
  const compare = (tree: Tree) => {
    expect(Object.keys(tree).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [path, facts] of Object.entries(expected)) expect({ path, ...tree[path] }).toEqual({ path, ...facts });
  };
  const copy = (target: string, ...options: string[]) =>
    run("skopeo", "--insecure-policy", "copy", "-q", ...options, `oci:${at("layout")}:test`, target);

  test("the layout folder", async () => {
    compare((await load(at("layout"))).tree);
  });

  test("skopeo's docker-archive", async () => {
    copy(`docker-archive:${at("docker.tar")}:example/test:v1`);
    const { tree, loaded } = await load(at("docker.tar"));
    compare(tree);
    expect(loaded.references).toEqual(["example/test:v1"]);
  });

  test("skopeo's oci-archive", async () => {
    copy(`oci-archive:${at("oci.tar")}:example.org/test:v1`);
    const { tree, loaded } = await load(at("oci.tar"));
    compare(tree);
    expect(loaded.references).toEqual(["example.org/test:v1"]);
  });

  test("zstd layers", async () => {
    copy(`oci:${at("zstd")}:test`, "--dest-compress-format", "zstd");
    const blobs = readdirSync(at("zstd/blobs/sha256")).map((name) => readFileSync(at(`zstd/blobs/sha256/${name}`)));
    expect(blobs.filter((blob) => blob.readUInt32LE(0) === 0xfd2fb528)).toHaveLength(2);
    compare((await load(at("zstd"))).tree);
  });

  test("uncompressed layers in a compressed archive", async () => {
    run("sh", "-c", `gzip -c ${at("docker.tar")} > ${at("docker.tar.gz")}`);
    compare((await load(at("docker.tar.gz"))).tree);
  });

  test("docker's schema 2 manifests", async () => {
    copy(`dir:${at("dir")}`, "--format", "v2s2");
    const manifest = JSON.parse(readFileSync(at("dir/manifest.json"), "utf8")) as { mediaType: string };
    expect(manifest.mediaType).toContain("docker");
    // skopeo's dir is no format of images to load, but its blobs and manifest make a layout.
    const bytes = readFileSync(at("dir/manifest.json"));
    mkdirSync(at("v2s2/blobs/sha256"), { recursive: true });
    for (const name of readdirSync(at("dir")))
      if (/^[0-9a-f]{64}$/.test(name)) cpSync(at(`dir/${name}`), at(`v2s2/blobs/sha256/${name}`));
    writeFileSync(at(`v2s2/blobs/sha256/${sha256(bytes)}`), bytes);
    const descriptor = { mediaType: manifest.mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
    writeFileSync(at("v2s2/index.json"), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
    compare((await load(at("v2s2"))).tree);
  });
});
