import { execFileSync } from "node:child_process";
import {
  chmodSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { concat, decodeName, encodeName, encodeUtf8 } from "../../base/bytes.ts";
import { collect } from "../stream.ts";
import type { TarEntry } from "./entry.ts";
import { TarParser } from "./parser.ts";
import { encodePax } from "./pax.ts";
import { readTar } from "./reader.ts";
import { encodeTarHeader, type TarMemberHeader, tarEnd, writeTar } from "./writer.ts";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function parse(bytes: Uint8Array, chunk = bytes.length): TarEntry[] {
  const entries: TarEntry[] = [];
  const parser = new TarParser({ entry: (entry) => entries.push(entry) });
  for (let at = 0; at < bytes.length; at += chunk) parser.push(bytes.subarray(at, at + chunk));
  parser.finish();
  return entries;
}

const basic = { type: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtimeSeconds: 1_700_000_000 } as const;

function write(...members: readonly (Partial<TarMemberHeader> & { name: string; body?: string })[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { body = "", ...header } of members) {
    const content = encodeUtf8(body);
    parts.push(encodeTarHeader({ ...basic, ...header, size: content.length }), content);
    parts.push(new Uint8Array((512 - (content.length % 512)) % 512));
  }
  return concat([...parts, tarEnd()]);
}

describe("what GNU tar writes", () => {
  let folder: string;
  const longName = `${"deep-folder-name/".repeat(12)}a-file-with-a-long-name-${"x".repeat(60)}`;
  const sparseMegabyte = 1 << 20;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "wherry-tar-"));
    mkdirSync(join(folder, longName, ".."), { recursive: true });
    writeFileSync(join(folder, "empty"), "");
    writeFileSync(join(folder, "hello"), "hello\n");
    chmodSync(join(folder, "hello"), 0o4751);
    utimesSync(join(folder, "hello"), 1_600_000_000.5, 1_600_000_000.25);
    writeFileSync(join(folder, longName), "long\n");
    writeFileSync(join(folder, "ünïcode"), "u");
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/latin1-`), Buffer.from([0xe9])]), "l");
    symlinkSync(`${"../".repeat(60)}target`, join(folder, "symlink"));
    linkSync(join(folder, "hello"), join(folder, "zz-hardlink"));
    execFileSync("mkfifo", [join(folder, "fifo")]);
    const sparse = openSync(join(folder, "sparse"), "w");
    // Many pieces, so that the old format needs extension blocks.
    for (let i = 0; i < 40; i++) writeSync(sparse, Buffer.alloc(4096, 65 + (i % 26)), 0, 4096, i * sparseMegabyte);
    ftruncateSync(sparse, 50 * sparseMegabyte);
    closeSync(sparse);
    const holeOnly = openSync(join(folder, "hole"), "w");
    ftruncateSync(holeOnly, 3 * sparseMegabyte);
    closeSync(holeOnly);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const formats: readonly (readonly string[])[] = [
    ["gnu", "--format=gnu"],
    ["oldgnu", "--format=oldgnu"],
    ["pax", "--format=pax"],
    ["gnu sparse", "--format=gnu", "--sparse"],
    ["pax sparse 0.0", "--format=pax", "--sparse", "--sparse-version=0.0"],
    ["pax sparse 0.1", "--format=pax", "--sparse", "--sparse-version=0.1"],
    ["pax sparse 1.0", "--format=pax", "--sparse", "--sparse-version=1.0"],
  ];

  test.each(formats)("%s", (name, ...args: string[]) => {
    const tar = new Uint8Array(
      execFileSync("tar", [...args, "--sort=name", "--owner=1234", "--group=56", "-cf", "-", "-C", folder, "."], {
        maxBuffer: 1 << 30,
      }),
    );
    const entries = new Map(parse(tar).map((entry) => [entry.name, entry]));
    expect(parse(tar, 100).map((entry) => entry.name)).toEqual([...entries.keys()]);
    const content = (entry: TarEntry) => tar.subarray(entry.offset, entry.offset + entry.storedBytes);

    expect(entries.get("./")).toMatchObject({ type: "directory", uid: 1234, gid: 56 });
    expect(entries.get("./empty")).toMatchObject({ type: "file", size: 0 });
    const hello = entries.get("./hello")!;
    expect(hello).toMatchObject({ type: "file", mode: 0o4751, size: 6, mtimeSeconds: 1_600_000_000 });
    expect(hello.mtimeNanoseconds).toBe(name.startsWith("pax") ? 250_000_000 : 0);
    expect(decodeName(content(hello))).toBe("hello\n");
    expect(decodeName(content(entries.get(`./${longName}`)!))).toBe("long\n");
    expect(decodeName(content(entries.get("./ünïcode")!))).toBe("u");
    expect(decodeName(content(entries.get("./latin1-\udce9")!))).toBe("l");
    expect(entries.get("./symlink")).toMatchObject({ type: "symlink", link: `${"../".repeat(60)}target` });
    expect(entries.get("./zz-hardlink")).toMatchObject({ type: "hardlink", link: "./hello", storedBytes: 0 });
    expect(entries.get("./fifo")).toMatchObject({ type: "fifo" });

    const sparse = entries.get("./sparse")!;
    expect(sparse.size).toBe(50 * sparseMegabyte);
    expect(entries.get("./hole")!.size).toBe(3 * sparseMegabyte);
    if (args.length > 1) {
      expect(sparse.sparse).toHaveLength(40);
      expect(sparse.storedBytes).toBe(40 * 4096);
      let at = sparse.offset;
      for (const [i, [offset, length]] of sparse.sparse!.entries()) {
        expect([offset, length]).toEqual([i * sparseMegabyte, 4096]);
        expect([tar[at], tar[at + length - 1]]).toEqual([65 + (i % 26), 65 + (i % 26)]);
        at += length;
      }
      expect(entries.get("./hole")!.sparse).toEqual([]);
    } else expect(sparse.sparse).toBeUndefined();
  });

  test.each(["v7", "ustar"])("%s", (format) => {
    const tar = execFileSync("tar", [`--format=${format}`, "-cf", "-", "-C", folder, "hello", "zz-hardlink"]);
    const [hello, link] = parse(new Uint8Array(tar));
    expect(hello).toMatchObject({ name: "hello", type: "file", size: 6, mode: 0o4751 });
    expect(link).toMatchObject({ type: "hardlink", link: "hello" });
  });
});

describe("what the writer writes", () => {
  const header = fc.record({
    name: fc
      .array(fc.stringMatching(/^[a-zü.]{1,40}$/), { minLength: 1, maxLength: 8 })
      .map((names) => `x${names.join("/")}`),
    type: fc.constantFrom("file", "directory", "symlink", "hardlink", "character", "fifo"),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 4_294_967_294 }),
    gid: fc.integer({ min: 0, max: 4_294_967_294 }),
    mtimeSeconds: fc.integer({ min: -1000, max: 20_000_000_000 }),
    mtimeNanoseconds: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
    link: fc.stringMatching(/^[a-z/é]{1,150}$/),
    xattrs: fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,9}$/), fc.uint8Array({ maxLength: 50 }), { maxKeys: 3 }),
  } as const);

  test("the reader reads, in chunks of any size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(header, { maxLength: 5 }),
        fc.integer({ min: 1, max: 2000 }),
        async (headers, chunk) => {
          const members = headers.map((one) => {
            const { link, ...rest } = one;
            const size = one.type === "file" ? one.mode : 0;
            const isLink = one.type === "symlink" || one.type === "hardlink";
            return { ...rest, size, ...(isLink && { link }) };
          });
          const tar = await collect(
            writeTar(members.map((member) => ({ header: member, content: pieces(new Uint8Array(member.size), 999) }))),
            1 << 26,
            "test",
          );
          const read: unknown[] = [];
          for await (const { entry, content } of readTar(pieces(tar, chunk))) {
            if (read.length % 2 === 0) expect(await collect(content, 1 << 20, "test")).toHaveLength(entry.storedBytes);
            read.push(entry);
          }
          expect(read).toMatchObject(
            members.map(({ xattrs, ...member }) => ({
              ...member,
              name: member.type === "directory" ? `${member.name}/` : member.name,
              ...(Object.keys(xattrs).length > 0 && { xattrs }),
            })),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test("GNU tar lists", () => {
    const long = `a/${"b".repeat(120)}/${"c".repeat(180)}`;
    const tar = write(
      { name: "plain", body: "12345" },
      { name: long, body: "x", mtimeNanoseconds: 5 },
      { name: `${"d/".repeat(70)}e`, body: "split into prefix and name" },
      { name: "link", type: "symlink", link: "ü" },
      { name: "null", type: "character", deviceMajor: 1, deviceMinor: 3 },
      { name: "dir", type: "directory", mode: 0o1777 },
    );
    const list = execFileSync("tar", ["-tvf", "-", "--quoting-style=literal", "--numeric-owner", "--utc"], {
      input: tar,
    });
    const lines = list.toString().trim().split("\n");
    expect(lines.map((line) => line.split(/\s+/)[0])).toEqual([
      "-rw-r--r--",
      "-rw-r--r--",
      "-rw-r--r--",
      "lrw-r--r--",
      "crw-r--r--",
      "drwxrwxrwt",
    ]);
    expect(lines[1]).toContain(long);
    expect(lines[2]).toContain(`${"d/".repeat(70)}e`);
    expect(lines[3]).toContain("link -> ü");
    expect(lines[4]).toContain("1,3");
  });
});

describe("dialects", () => {
  const patched = (change: (block: Uint8Array) => void) => {
    const tar = write({ name: "name", body: "12345" });
    change(tar);
    tar.fill(0x20, 148, 156);
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    tar.set(encodeUtf8(sum.toString(8).padStart(6, "0") + "\0"), 148);
    return tar;
  };

  test("numbers in base 256, positive and negative", () => {
    const [entry] = parse(
      patched((block) => {
        block.set([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe], 108);
        block.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], 124);
        block.fill(0xff, 136, 148);
      }),
    );
    expect(entry).toMatchObject({ uid: 0xfffffffe, size: 5, mtimeSeconds: -1 });
  });

  test("numbers padded with spaces, and none at all", () => {
    const [entry] = parse(
      patched((block) => {
        block.set(encodeUtf8("   755 \0"), 100);
        block.fill(0, 108, 116);
      }),
    );
    expect(entry).toMatchObject({ mode: 0o755, uid: 0 });
  });

  test("a name of exactly 100 bytes has no NUL", () => {
    const name = "n".repeat(100);
    expect(parse(write({ name }))[0]).toMatchObject({ name });
  });

  test("an old directory is a file with a slash", () => {
    const [entry] = parse(patched((block) => block.set(encodeUtf8("dir/"), 0)).fill(0x30, 156, 157));
    expect(entry!.type).toBe("directory");
  });

  test("global headers hold until taken back, and yield to an entry's own", () => {
    const extended = (flag: string, records: { key: string; value: string }[]) => {
      const content = encodePax(records);
      const block = patched((bytes) => {
        bytes[156] = flag.charCodeAt(0);
        bytes.set(encodeUtf8(content.length.toString(8).padStart(11, "0")), 124);
      }).subarray(0, 512);
      return concat([block, content, new Uint8Array(512 - content.length)]);
    };
    const file = (name: string) => write({ name }).subarray(0, 512);
    const tar = concat([
      extended("g", [
        { key: "uid", value: "7" },
        { key: "SCHILY.xattr.user.a", value: "1" },
        { key: "comment", value: "x" },
      ]),
      file("one"),
      extended("x", [{ key: "uid", value: "8" }]),
      file("two"),
      file("three"),
      extended("g", [{ key: "uid", value: "" }]),
      file("four"),
      tarEnd(),
    ]);
    expect(parse(tar).map(({ name, uid, xattrs }) => [name, uid, Object.keys(xattrs ?? {})])).toEqual([
      ["one", 7, ["user.a"]],
      ["two", 8, ["user.a"]],
      ["three", 7, ["user.a"]],
      ["four", 0, ["user.a"]],
    ]);
  });

  test("an extended attribute may hold any bytes", () => {
    const value = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(parse(write({ name: "f", xattrs: { "security.capability": value } }))[0]!.xattrs).toEqual({
      "security.capability": value,
    });
  });
});

describe("bad archives", () => {
  const tar = write({ name: "one", body: "x".repeat(1000) }, { name: "n".repeat(300), body: "two" });

  test("cut anywhere but between entries is an error", () => {
    const lastContent = tar.length - 1024 - 512;
    for (let length = 1; length < tar.length - 1024; length += 37) {
      const isWhole = (length >= 512 + 1000 && length <= 1536) || length >= lastContent + 3;
      if (!isWhole) expect(() => parse(tar.subarray(0, length)), `cut at ${length}`).toThrow("truncated");
    }
    expect(parse(tar.subarray(0, 512 + 1024))).toHaveLength(1);
    // Without the padding of the last content, and with half of it.
    expect(parse(tar.subarray(0, 512 + 1000))).toHaveLength(1);
    expect(parse(tar.subarray(0, 512 + 1010))).toHaveLength(1);
    expect(parse(tar.subarray(0, lastContent + 3))).toHaveLength(2);
    expect(() => parse(tar.subarray(0, lastContent + 2))).toThrow("truncated");
    expect(parse(tar.subarray(0, tar.length - 1024))).toHaveLength(2);
    expect(parse(tar.subarray(0, tar.length - 512))).toHaveLength(2);
  });

  test("what follows the end does not matter", () => {
    expect(parse(concat([tar, encodeUtf8("anything".repeat(300))]))).toHaveLength(2);
  });

  test("not a tar archive", () => {
    expect(() => parse(encodeUtf8("hello ".repeat(1000)))).toThrow("not a tar archive");
    expect(() => parse(new Uint8Array(0))).toThrow("not a tar archive");
  });

  test("a damaged header", () => {
    const bad = tar.slice();
    bad[1536 + 5]! ^= 1;
    expect(() => parse(bad)).toThrow("checksum of the header at byte 1536");
  });

  test("a header after a single block of zeros", () => {
    const bad = concat([tar.subarray(0, 1536), new Uint8Array(512), tar.subarray(1536)]);
    expect(() => parse(bad)).toThrow("single block of zeros");
  });

  test("an extended header that asks for much memory, or is not well formed", () => {
    const bad = (content: Uint8Array, size = content.length) => {
      const header = encodeTarHeader({ ...basic, name: "x", size });
      header[156] = 0x78;
      header.fill(0x20, 148, 156);
      const sum = header.reduce((total, byte) => total + byte, 0);
      header.set(encodeUtf8(`${sum.toString(8).padStart(6, "0")}\0`), 148);
      return concat([header, content, new Uint8Array((512 - (content.length % 512)) % 512)]);
    };
    expect(() => parse(bad(new Uint8Array(0), 5_000_000))).toThrow("too large");
    for (const text of ["8 path=a\n", "10 path=ab", "x path=a\n", "5 abc\n", "999 path=a\n", "0 path=a\n"])
      expect(() => parse(bad(encodeUtf8(text))), text).toThrow("not well formed");
    expect(() => parse(concat([bad(encodePax([{ key: "size", value: "-5" }])), tar]))).toThrow("size is not a number");
    expect(() => parse(concat([bad(encodePax([{ key: "path", value: "a\0b" }])), tar]))).toThrow("NUL");
    const sparse = (map: string) =>
      concat([
        bad(
          encodePax([
            { key: "GNU.sparse.map", value: map },
            { key: "GNU.sparse.size", value: "5000" },
          ]),
        ),
        tar,
      ]);
    expect(parse(sparse("0,500,4500,500"))[0]).toMatchObject({ size: 5000, storedBytes: 1000 });
    expect(() => parse(sparse("0,500,100,500"))).toThrow("leaves the file");
    expect(() => parse(sparse("0,500,4600,500"))).toThrow("leaves the file");
    expect(() => parse(sparse("0,500"))).toThrow("does not fit");
    expect(() => parse(sparse("0,500,1"))).toThrow("not well formed");
  });

  test("an unknown kind of entry", () => {
    const bad = tar.slice();
    bad[156] = 0x5a;
    bad.fill(0x20, 148, 156);
    const sum = bad.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    bad.set(encodeUtf8(`${sum.toString(8).padStart(6, "0")}\0`), 148);
    expect(() => parse(bad)).toThrow('unknown type "Z": one');
  });
});

test("names keep their bytes", () => {
  const name = decodeName(Uint8Array.of(0x61, 0xff, 0x62));
  expect(encodeName(parse(write({ name }))[0]!.name)).toEqual(Uint8Array.of(0x61, 0xff, 0x62));
});
