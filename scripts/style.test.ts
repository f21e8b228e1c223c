/** What a linter cannot keep: see CONTRIBUTING.md. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { describe, expect, test } from "vitest";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((name) => name !== "" && existsSync(name));
const sources = files.filter((name) => /^(src|wasm|workers)\/.*\.ts$/.test(name) && !name.startsWith("wasm/guest/"));
const shipped = sources.filter((name) => !name.endsWith(".test.ts"));
const read = (name: string) => readFileSync(name, "utf8");

function importsOf(name: string): string[] {
  return [...read(name).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
}

describe("the shape of the code", () => {
  test("each third-party package has one importing file", () => {
    const importers = new Map<string, Set<string>>();
    for (const name of shipped) {
      for (const source of importsOf(name)) {
        if (
          source.startsWith(".") ||
          source.startsWith("node:") ||
          source.startsWith("virtual:") ||
          builtinModules.includes(source)
        )
          continue;
        const parts = source.split("/");
        const packageName = source.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]!;
        if (!importers.has(packageName)) importers.set(packageName, new Set());
        importers.get(packageName)!.add(name);
      }
    }
    // lit is what every element is written in, and signals what it reads; comlink has two ends by its nature.
    const spread = new Set(["lit", "@preact/signals-core", "comlink"]);
    const several = [...importers].filter(([name, users]) => users.size > 1 && !spread.has(name));
    expect(several.map(([name, users]) => `${name}: ${[...users].join(", ")}`)).toEqual([]);
  });

  test("worker entries have at most 60 lines", () => {
    const long = files.filter(
      (name) => /^workers\/[^/]+\.ts$/.test(name) && !name.includes(".test.") && read(name).split("\n").length > 61,
    );
    expect(long).toEqual([]);
  });

  test("no path of a machine, no registry host, nothing left to fix", () => {
    const patterns = [/(?<![\w.])\/(?:work|farm)\//, /registry\.npmjs\.org|deb\.debian\.org/, /\b(?:FIXME|XXX)\b/];
    const found: string[] = [];
    for (const name of files) {
      if (!/\.(ts|mjs|js|json|md|html|c|h|css|yml|sh)$|^\.ci\/run$/.test(name) || name === "scripts/style.test.ts")
        continue;
      for (const [index, line] of read(name).split("\n").entries())
        if (patterns.some((pattern) => pattern.test(line)))
          found.push(`${name}:${index + 1}: ${line.trim().slice(0, 80)}`);
    }
    expect(found).toEqual([]);
  });

  test("no symbolic links: they lead to somebody's own folders", () => {
    const staged = execFileSync("git", ["ls-files", "--stage"], { encoding: "utf8" }).split("\n");
    expect(staged.filter((line) => line.startsWith("120000"))).toEqual([]);
  });

  test("every source file says what it is", () => {
    const silent = shipped.filter((name) => !/^(?:\/\*\*|\/\/)/.test(read(name)));
    expect(silent).toEqual([]);
  });

  test("every file of the source is used", () => {
    const used = new Set<string>();
    for (const name of [
      ...sources,
      ...files.filter((file) => /^(test|scripts)\/.*\.(ts|mjs)$|^vite\.config\.ts$|^index\.html$/.test(file)),
    ]) {
      const folder = new URL(`file:///${name}`);
      for (const match of read(name).matchAll(/"(\.{0,2}\/[^"\n]+\.ts)(?:\?[^"]*)?"/g))
        used.add(new URL(match[1]!, folder).pathname.slice(1));
      for (const match of read(name).matchAll(/["'`]((?:src|wasm|workers)\/[^"'`\n]+\.ts)["'`]/g)) used.add(match[1]!);
    }
    expect(shipped.filter((name) => !used.has(name) && !name.endsWith(".d.ts"))).toEqual([]);
  });
});
