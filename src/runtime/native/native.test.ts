/** The parts of the native runtime that need no namespaces. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync, lstatSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LayerEntry, LayerIndex } from "../../oci/layer-index.ts";
import type { ContainerSpec } from "../types.ts";
import { processConfig, runtimeConfig } from "./config.ts";
import type { HostAbilities } from "./config.ts";
import { resolveInRoot } from "./copy-files.ts";
import { subordinateRange } from "./host.ts";
import { layerChains, overlayOptions } from "./layout.ts";
import { classify, lastError } from "./start-error.ts";
import { unpackLayer } from "./unpack.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-unit-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const spec: ContainerSpec = {
  id: "1".repeat(64),
  hostname: "box",
  layers: [],
  process: {
    arguments: ["sh"],
    environment: ["A=1"],
    workingDirectory: "/",
    user: "",
    tty: false,
    interactive: false,
    columns: 80,
    rows: 24,
  },
  readOnly: true,
  mounts: [
    { type: "bind", source: "/s", target: "/t", readOnly: true },
    { type: "tmpfs", target: "/run", options: "size=1m,exec" },
  ],
  memoryBytes: 64 << 20,
  memoryLimited: true,
  stopSignal: "SIGTERM",
  strace: false,
};
const root: HostAbilities = { rootless: false, subordinateIds: 0, cgroups: "v1", capabilities: (1n << 41n) - 1n };
const paths = { rootfs: "merged", hostname: "/h", hosts: "/hs", resolvConf: "/r" };

describe("config.json", () => {
  interface Config {
    root: object;
    mounts: { destination: string; options: string[] }[];
    linux: { namespaces: { type: string }[]; resources?: { memory?: object } };
  }
  const make = (host: HostAbilities): Config =>
    runtimeConfig(spec, processConfig(spec.process, { uid: 0, gid: 0, groups: [] }, host), paths, host) as never;
  const mount = (config: Config, destination: string) =>
    config.mounts.find((candidate) => candidate.destination === destination);

  test("as root: limits and mounts as asked", () => {
    const config = make(root);
    expect(config.root).toEqual({ path: "merged", readonly: true });
    expect(mount(config, "/t")!.options).toEqual(["rbind", "rprivate", "ro"]);
    expect(mount(config, "/run")!.options).toEqual(["nosuid", "nodev", "size=1m", "exec"]);
    expect(config.linux.resources?.memory).toEqual({ limit: 64 << 20 });
  });

  test("rootless: nothing the namespace may not have", () => {
    const config = make({ ...root, rootless: true });
    expect(config.linux.resources).toBeUndefined();
    expect(mount(config, "/sys/fs/cgroup")).toBeUndefined();
    expect(mount(config, "/dev/pts")!.options).not.toContain("gid=5");
    expect(mount(make({ ...root, rootless: true, cgroups: "v2" }), "/sys/fs/cgroup")).toBeDefined();
  });

  test("asks for no capability the host lacks, and gives none to other users", () => {
    const few = processConfig(spec.process, { uid: 0, gid: 0, groups: [] }, { ...root, capabilities: 0b11n });
    expect(few["capabilities"]).toMatchObject({ bounding: ["CAP_CHOWN", "CAP_DAC_OVERRIDE"] });
    const user = processConfig(spec.process, { uid: 5, gid: 5, groups: [7] }, root);
    expect(user).toMatchObject({ user: { uid: 5, gid: 5, additionalGids: [7] }, capabilities: { effective: [] } });
  });
});

test("layers are named by what lies below them too", () => {
  const [a, b] = [`sha256:${"a".repeat(64)}`, `sha256:${"b".repeat(64)}`];
  expect(layerChains([a])).toEqual(["a".repeat(16)]);
  expect(layerChains([a, b])[1]).not.toBe(layerChains([b])[0]);
  expect(overlayOptions(["x", "y"], "id", true)).toBe(
    "lowerdir=l/y:l/x,upperdir=c/id/upper,workdir=c/id/work,userxattr",
  );
});

test("subordinate ids are found by name or number", () => {
  const text = "other:1:2\nme:100000:65536\n1001:5:6\n";
  expect(subordinateRange(text, "me", 1)).toEqual({ start: 100000, count: 65536 });
  expect(subordinateRange(text, "", 1001)).toEqual({ start: 5, count: 6 });
  expect(subordinateRange(text, "nobody", 7)).toBeNull();
});

test.each([
  ['exec: "x": executable file not found in $PATH', "command-not-found", 127],
  ["executable file `x` not found in $PATH: No such file or directory", "command-not-found", 127],
  ['exec: "/x": stat /x: no such file or directory', "command-not-found", 127],
  ['exec: "/etc": permission denied', "not-executable", 126],
  ["exec /x: exec format error", "invalid-executable", 126],
  ["something else", "internal", 125],
])("the OCI runtime's %s", (message, code, exitCode) => {
  expect(classify(message, "x", "/")).toMatchObject({ code, exitCode });
});

test("the last error of a log counts", () => {
  const log = '{"level":"error","msg":"first"}\n{"level":"warning","msg":"w"}\n{"level":"error","msg":"last"}\n';
  expect(lastError(log)).toBe("last");
});

describe("paths inside a root", () => {
  test("links never lead out", () => {
    mkdirSync(join(folder, "a/b"), { recursive: true });
    symlinkSync("/a", join(folder, "abs"));
    symlinkSync("../../../../a", join(folder, "a/up"));
    symlinkSync("loop", join(folder, "loop"));
    expect(resolveInRoot(folder, "/abs/b", true)).toBe(join(folder, "a/b"));
    expect(resolveInRoot(folder, "/a/up/b", true)).toBe(join(folder, "a/b"));
    expect(resolveInRoot(folder, "/../../a", true)).toBe(join(folder, "a"));
    expect(resolveInRoot(folder, "/abs", false)).toBe(join(folder, "abs"));
    expect(() => resolveInRoot(folder, "/loop/x", true)).toThrow("too many levels");
    expect(() => resolveInRoot(folder, "/none/x", true)).toThrow("Could not find the file /none/x in container");
  });
});

describe.runIf(process.getuid?.() === 0)("unpacking a layer (as root: owners and devices)", () => {
  const content = new TextEncoder().encode("0123456789");
  const entry = (path: string, type: LayerEntry["type"], more: Partial<LayerEntry> = {}): LayerEntry => ({
    path,
    type,
    mode: type === "directory" ? 0o755 : 0o644,
    uid: 1,
    gid: 2,
    size: 0,
    offset: 0,
    mtimeSeconds: 1_000_000,
    mtimeNanoseconds: 0,
    ...more,
  });
  const unpack = async (
    name: string,
    entries: readonly LayerEntry[],
    below: readonly string[] = [],
  ): Promise<string> => {
    const target = join(folder, name);
    mkdirSync(target);
    const index: LayerIndex = { version: 1, diffId: "", tarBytes: 0, entries };
    await unpackLayer({
      index,
      read: (offset, length) => content.slice(offset, offset + length),
      target,
      below: below.map((layer) => join(folder, layer)),
      rootless: false,
    });
    return target;
  };

  test("files, links, devices, whiteouts, opaque folders, sparse files", async () => {
    const target = await unpack("one", [
      entry("d", "directory", { mode: 0o1777, uid: 5 }),
      entry("d/file", "file", { size: 4, offset: 2, mode: 0o4755 }),
      entry("d/hard", "hardlink", { link: "d/file" }),
      entry("d/soft", "symlink", { link: "/etc" }),
      entry("d/null", "character", { deviceMajor: 1, deviceMinor: 3 }),
      entry("d/pipe", "fifo"),
      entry("d/sparse", "file", { size: 100_000, sparse: [[50_000, 3]] }),
      entry("gone", "whiteout"),
      entry("d", "opaque"),
    ]);
    const stat = (path: string) => lstatSync(join(target, path));
    expect(readFileSync(join(target, "d/hard"), "utf8")).toBe("2345");
    expect(stat("d/file").ino).toBe(stat("d/hard").ino);
    expect(stat("d/file").mode & 0o7777).toBe(0o4755);
    expect([stat("d/file").uid, stat("d/file").gid, stat("d/file").mtimeMs]).toEqual([1, 2, 1e9]);
    expect([stat("d").mode & 0o7777, stat("d").uid, stat("d").mtimeMs]).toEqual([0o1777, 5, 1e9]);
    expect(stat("d/null").rdev).toBe((1 << 8) | 3);
    expect(stat("d/pipe").isFIFO()).toBe(true);
    expect([stat("gone").isCharacterDevice(), stat("gone").rdev]).toEqual([true, 0]);
    expect(statSync(join(target, "d/sparse")).size).toBe(100_000);
    expect(readFileSync(join(target, "d/sparse")).subarray(50_000, 50_003).toString()).toBe("012");
  });

  test("what depends on the layers below", async () => {
    await unpack("low", [
      entry("usr", "directory", { mode: 0o700, uid: 9 }),
      entry("usr/bin", "directory"),
      entry("usr/bin/tool", "file", { size: 3 }),
      entry("bin", "symlink", { link: "usr/bin" }),
    ]);
    const target = await unpack(
      "high",
      [
        entry("usr/new", "file", { size: 1 }),
        entry("bin/more", "file"),
        entry("tool", "hardlink", { link: "usr/bin/tool" }),
      ],
      ["low"],
    );
    const stat = lstatSync(join(target, "usr"));
    expect([stat.mode & 0o7777, stat.uid, stat.mtimeMs]).toEqual([0o700, 9, 1e9]);
    // Through the link below, as a layer unpacked over a mounted root would go.
    expect(lstatSync(join(target, "usr/bin/more")).isFile()).toBe(true);
    expect(lstatSync(join(target, "bin"), { throwIfNoEntry: false })).toBeUndefined();
    expect(readFileSync(join(target, "tool"), "utf8")).toBe("012");
  });

  test("nothing is written outside", async () => {
    await expect(unpack("bad", [entry("../x", "file")])).rejects.toThrow("leaves the root");
    await expect(unpack("link", [entry("a", "symlink", { link: "/tmp" }), entry("a/x", "file")])).rejects.toThrow(
      "which is no directory",
    );
    writeFileSync(join(folder, "kept"), "");
  });
});
