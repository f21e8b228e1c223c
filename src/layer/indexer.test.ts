import { describe, expect, test } from "vitest";
import { type Member, tar } from "../../test/conformance/images.ts";
import { LayerIndexer } from "./indexer.ts";
import type { LayerEntry } from "../oci/layer-index.ts";

function index(...members: readonly Member[]): readonly LayerEntry[] {
  const indexer = new LayerIndexer();
  indexer.push(tar(members));
  indexer.finish();
  return indexer.entries;
}
const brief = (entries: readonly LayerEntry[]) =>
  entries.map(({ path, type, link }) => (link === undefined ? `${type} ${path}` : `${type} ${path} -> ${link}`));

const folder = (name: string): Member => ({ name, type: "directory", mode: 0o755 });
const symlink = (name: string, link: string): Member => ({ name, type: "symlink", link });
const hardlink = (name: string, link: string): Member => ({ name, type: "hardlink", link });

test("names are cleaned", () => {
  expect(
    brief(
      index(folder("./"), folder("./a/"), { name: "b" }, { name: "a//./c" }, { name: "a/../d" }, { name: "..e/.f" }),
    ),
  ).toEqual(["directory ", "directory a", "file b", "file a/c", "file d", "file ..e/.f"]);
});

test("metadata and where the content is", () => {
  const [entry] = index({
    name: "f",
    body: "12345",
    mode: 0o4755,
    uid: 1000,
    gid: 3_000_000,
    mtimeSeconds: -5,
    mtimeNanoseconds: 7,
    xattrs: { "user.a": Uint8Array.of(0, 255) },
  });
  expect(entry).toEqual({
    path: "f",
    type: "file",
    mode: 0o4755,
    uid: 1000,
    gid: 3_000_000,
    size: 5,
    offset: 3 * 512,
    mtimeSeconds: -5,
    mtimeNanoseconds: 7,
    xattrs: { "user.a": Uint8Array.of(0, 255) },
  });
  expect(index({ name: "n", type: "character", deviceMajor: 1, deviceMinor: 3 })[0]).toMatchObject({
    type: "character",
    deviceMajor: 1,
    deviceMinor: 3,
  });
});

describe("whiteouts", () => {
  test("remove a name, or everything below", () => {
    expect(
      brief(index({ name: "a/.wh.b" }, { name: ".wh.top" }, { name: "c/.wh..wh..opq" }, { name: ".wh..wh..opq" })),
    ).toEqual(["whiteout a/b", "whiteout top", "opaque c", "opaque "]);
  });

  test("aufs' own names mean nothing", () => {
    expect(index({ name: ".wh..wh.plnk/1.2" }, { name: "a/.wh..wh.aufs" }).map((one) => one.path)).toEqual([
      ".wh..wh.plnk/1.2",
    ]);
  });

  test("below what this layer made a file or a symlink, they are about the layers below", () => {
    expect(brief(index({ name: "a" }, { name: "a/.wh.in" }, symlink("b", "/etc"), { name: "b/.wh.in" }))).toEqual([
      "file a",
      "whiteout a/in",
      "symlink b -> /etc",
      "whiteout b/in",
    ]);
  });

  test.each([".wh.", ".wh..", ".wh...", "a/.wh..."])("%s names nothing that can be removed", (name) => {
    expect(() => index({ name })).toThrow("leads out");
  });
});

describe("symlinks among the parents", () => {
  test("inside the root are resolved", () => {
    expect(
      brief(
        index(
          symlink("lib", "usr/lib"),
          { name: "lib/a" },
          symlink("usr/lib64", "lib"),
          { name: "usr/lib64/b/c" },
          symlink("up", "usr/lib/.."),
          { name: "up/d" },
          hardlink("e", "lib/a"),
          hardlink("lib/f", "./usr/lib64/b/c"),
        ),
      ).filter((line) => !line.startsWith("symlink")),
    ).toEqual([
      "file usr/lib/a",
      "file usr/lib/b/c",
      "file usr/d",
      "hardlink e -> usr/lib/a",
      "hardlink usr/lib/f -> usr/lib/b/c",
    ]);
  });

  test("a folder that takes a symlink's place ends it", () => {
    expect(brief(index(symlink("a", "/etc"), folder("a"), { name: "a/b" }))).toEqual([
      "symlink a -> /etc",
      "directory a",
      "file a/b",
    ]);
  });

  test("as last name are only themselves, wherever they point", () => {
    expect(brief(index(symlink("a", "../../../../etc"), symlink("b", "/"), symlink("a", "x")))).toHaveLength(3);
  });

  test.each([
    ["absolute", [symlink("a", "/etc"), { name: "a/passwd" }]],
    ["climbing out", [symlink("d/a", "../../etc"), { name: "d/a/passwd" }]],
    ["in two steps", [symlink("a", "b/.."), symlink("b", ".."), { name: "a/passwd" }]],
    ["for a hard link's target", [symlink("a", "/etc"), hardlink("mine", "a/passwd")]],
  ] as const)("%s are refused", (_, members) => {
    expect(() => index(...members)).toThrow("leads out of the image's root");
  });

  test("in a circle are refused", () => {
    expect(() => index(symlink("a", "b"), symlink("b", "a"), { name: "a/x" })).toThrow("too many symbolic links");
  });

  test("a file is no folder", () => {
    expect(() => index({ name: "a" }, { name: "a/b" })).toThrow("puts a/b into a, which is not a folder");
  });
});

test.each(["..", "../a", "a/../..", "/..", "a/../../b", "."])("the name %s is refused for a file", (name) => {
  expect(() => index({ name })).toThrow("leads out");
});

test("names longer than Linux allows are refused", () => {
  expect(() => index({ name: "n".repeat(256) })).toThrow("too long");
  expect(() => index({ name: "ü".repeat(128) })).toThrow("too long");
  expect(() => index({ name: "long/".repeat(900) })).toThrow("too long");
  expect(index({ name: "n".repeat(255) })).toHaveLength(1);
});

test("a name may be there twice; readers take the later", () => {
  expect(brief(index({ name: "a", body: "1" }, { name: "a", body: "2" }))).toEqual(["file a", "file a"]);
});
