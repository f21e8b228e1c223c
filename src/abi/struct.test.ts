/** Compiles a C program that prints sizes and offsets from the system's headers, and compares ours with them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as flock from "./flock.ts";
import * as inotify from "./inotify.ts";
import * as poll from "./poll.ts";
import * as socket from "./socket.ts";
import * as statLayouts from "./stat-layout.ts";
import { encodeStruct, member } from "./struct.ts";
import type { StructLayout } from "./struct.ts";
import * as termios from "./termios.ts";

function layoutsOf(module: Record<string, unknown>): StructLayout<string>[] {
  return Object.values(module).filter(
    (value): value is StructLayout<string> => typeof value === "object" && value !== null && "members" in value,
  );
}

const modules: Record<string, unknown>[] = [statLayouts, termios, flock, poll, socket, inotify];

/** One program a set of headers: the C library's and the kernel's own do not mix. */
function measure(layouts: readonly StructLayout<string>[]): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "wherry-abi-"));
  try {
    const lines = ["#define _GNU_SOURCE", "#include <stddef.h>", "#include <stdio.h>"];
    for (const name of new Set(layouts.flatMap((layout) => layout.headers))) lines.push(`#include <${name}>`);
    lines.push("int main(void) {");
    for (const layout of layouts) {
      lines.push(`printf("${layout.name} %zu\\n", sizeof(${layout.name}));`);
      for (const name of Object.keys(layout.members))
        lines.push(`printf("${layout.name}.${name} %zu\\n", offsetof(${layout.name}, ${name}));`);
    }
    lines.push("}");
    const source = join(folder, "layout.c");
    const program = join(folder, "layout");
    writeFileSync(source, lines.join("\n"));
    execFileSync("gcc", ["-o", program, source]);
    const output = execFileSync(program, { encoding: "utf8" });
    return Object.fromEntries(
      output
        .trim()
        .split("\n")
        .map((line) => {
          const at = line.lastIndexOf(" ");
          return [line.slice(0, at), Number(line.slice(at + 1))];
        }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("structures are laid out as C lays them out", () => {
  const groups = new Map<string, StructLayout<string>[]>();
  for (const layout of modules.flatMap(layoutsOf)) {
    const key = layout.headers.join();
    groups.set(key, [...(groups.get(key) ?? []), layout]);
  }
  for (const layouts of groups.values()) {
    const ours: Record<string, number> = {};
    for (const layout of layouts) {
      ours[layout.name] = layout.size;
      for (const [name, [offset]] of Object.entries(layout.members)) ours[`${layout.name}.${name}`] = offset;
    }
    expect(ours).toEqual(measure(layouts));
  }
}, 30_000);

test("members survive encoding, negative and large ones too", () => {
  const layout = statLayouts.statLayout;
  const bytes = encodeStruct(layout, { st_size: -5, st_ino: 2 ** 52 + 1, st_mode: 0o100644, st_blocks: 7n });
  expect(member(layout, bytes, "st_size")).toBe(-5);
  expect(member(layout, bytes, "st_ino")).toBe(2 ** 52 + 1);
  expect(member(layout, bytes, "st_mode")).toBe(0o100644);
  expect(member(layout, bytes, "st_blocks")).toBe(7);
});
