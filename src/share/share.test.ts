import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeShare, encodeShare, isShareLink } from "./link.ts";
import type { SharedRun } from "./link.ts";
import { joinWords, splitWords } from "./words.ts";

const plain: SharedRun = {
  image: "debian",
  command: [],
  environment: [],
  workingDirectory: "",
  user: "",
  tty: true,
  name: "",
};

describe("words of a command", () => {
  test.each([
    ["ls -la /", ["ls", "-la", "/"]],
    ["  a   b ", ["a", "b"]],
    [`sh -c 'echo "$HOME" | wc'`, ["sh", "-c", 'echo "$HOME" | wc']],
    [`echo "a \\"b\\" \\x" ''`, ["echo", 'a "b" \\x', ""]],
    ["a\\ b \\'c", ["a b", "'c"]],
    [`it's'' fine'`, ["its fine"]],
    ["", []],
  ])("%s", (line, words) => expect(splitWords(line)).toEqual(words));

  test("an open quote is told", () => {
    expect(() => splitWords("echo 'a")).toThrow("never closed");
    expect(() => splitWords('echo "a')).toThrow("never closed");
  });

  test("joining and splitting are inverse", () => {
    fc.assert(fc.property(fc.array(fc.string()), (words) => void expect(splitWords(joinWords(words))).toEqual(words)));
  });
});

describe("share links", () => {
  test("a demo by itself is short and readable", async () => {
    expect(await encodeShare(plain)).toBe("#v1/run/debian");
  });

  test("options stay readable", async () => {
    const link = await encodeShare({
      ...plain,
      command: ["python3", "-c", "print(1)"],
      environment: ["LANG=C.UTF-8"],
      workingDirectory: "/tmp",
      user: "nobody",
      tty: false,
    });
    expect(link).toBe("#v1/run/debian?cmd=python3+-c+'print(1)'&e=LANG%3DC.UTF-8&w=/tmp&u=nobody&t=0");
  });

  test("the processor, where it is not the usual one", async () => {
    const run: SharedRun = { ...plain, cpu: "x86-64-v3", jit: "off" };
    const link = await encodeShare(run);
    expect(link).toBe("#v1/run/debian?cpu=x86-64-v3&jit=off");
    expect(await decodeShare(link)).toEqual(run);
    expect(await encodeShare({ ...plain, cpu: "x86-64-v2", jit: "on" })).toBe("#v1/run/debian");
    await expect(decodeShare("#v1/run/debian?cpu=i386")).rejects.toThrow("unknown processor: i386");
  });

  test("an address as image", async () => {
    const run = { ...plain, image: "https://example.org/a b/image.tar?x=1&y#z" };
    const link = await encodeShare(run);
    expect(link).toBe("#v1/run/https://example.org/a%20b/image.tar%3Fx%3D1%26y%23z");
    expect(await decodeShare(link)).toEqual(run);
  });

  test("several cmd parameters are words already", async () => {
    expect(await decodeShare("#v1/run/debian?cmd=sh&cmd=-c&cmd=echo+a%20b")).toMatchObject({
      command: ["sh", "-c", "echo a b"],
    });
  });

  test("a long link is compressed", async () => {
    const run = { ...plain, command: ["sh", "-c", "echo hello; ".repeat(400)] };
    const link = await encodeShare(run);
    expect(link.startsWith("#v1/z/")).toBe(true);
    expect(link.length).toBeLessThan(300);
    expect(await decodeShare(link)).toEqual(run);
  });

  test("every run survives the round trip", async () => {
    const anything = fc.record({
      image: fc.string({ minLength: 1 }),
      command: fc.array(fc.string()),
      environment: fc.array(fc.string()),
      workingDirectory: fc.string(),
      user: fc.string(),
      tty: fc.boolean(),
      name: fc.string(),
    });
    await fc.assert(
      fc.asyncProperty(anything, async (run) => void expect(await decodeShare(await encodeShare(run))).toEqual(run)),
    );
  });

  test.each([
    ["#v2/run/debian", "another version"],
    ["#v1/run/", "names no image"],
    ["#v1/run/debian?privileged=1", '"privileged"'],
    ["#v1/run/debian?cmd=%E0%A4%A", "broken % escape"],
    ["#v1/z/AAAA", "damaged"],
    ["#v1/z/***", "damaged"],
  ])("%s is refused with a reason", async (hash, reason) => {
    await expect(decodeShare(hash)).rejects.toThrow(reason);
  });

  test("only a versioned hash is a share link", () => {
    expect(isShareLink("#v1/run/x")).toBe(true);
    expect(isShareLink("#containers")).toBe(false);
  });
});
