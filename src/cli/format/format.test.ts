import { describe, expect, test } from "vitest";
import { humanDuration, humanSize, parseSize } from "./human.ts";
import { listing } from "./listing.ts";
import { progressLine } from "./load-progress.ts";
import { renderTemplate } from "./template.ts";

test.each([
  [0.5, "Less than a second"],
  [1, "1 second"],
  [59, "59 seconds"],
  [60, "About a minute"],
  [150, "2 minutes"],
  [3600, "About an hour"],
  [47 * 3600, "47 hours"],
  [3 * 86400, "3 days"],
  [30 * 86400, "4 weeks"],
  [100 * 86400, "3 months"],
  [800 * 86400, "2 years"],
])("%d seconds are %s", (seconds, words) => {
  expect(humanDuration(seconds)).toBe(words);
});

test.each([
  [0, "0B"],
  [999, "999B"],
  [1000, "1kB"],
  [4_262_345, "4.26MB"],
  [124_000_000, "124MB"],
])("%d bytes are %s", (bytes, words) => {
  expect(humanSize(bytes)).toBe(words);
});

test.each([
  ["512m", 512 << 20],
  ["1.5g", 1.5 * 1024 ** 3],
  ["100", 100],
  ["2kb", 2048],
  ["x", null],
])("size %s", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

describe("templates", () => {
  const data = { Name: "/a", State: { Pid: 7, Ok: true }, List: ["x", "y"], Map: { b: 1, a: "z" }, None: null };
  test.each([
    ["{{.Name}} {{.State.Pid}}", "/a 7"],
    ["{{json .State}}", '{"Pid":7,"Ok":true}'],
    ["{{json .}}", JSON.stringify(data)],
    ["{{.List}} {{.Map}}", "[x y] map[a:z b:1]"],
    ['{{join .List ","}} {{len .List}} {{index .List 1}} {{index .Map "a"}}', "x,y 2 y z"],
    ["{{range .List}}<{{.}}>{{end}}", "<x><y>"],
    ["{{if .State.Ok}}yes{{else}}no{{end}}", "yes"],
    ["{{.None}}", "<no value>"],
    ["{{.Name | upper}}\\t{{- .State.Pid -}}  !", "/A7!"],
    ['{{json (index .Map "b")}}', "1"],
  ])("%s", (template, expected) => {
    expect(renderTemplate(template, data)).toBe(expected);
  });

  test.each([
    ["{{.Nope}}", 'map has no entry for key "Nope"'],
    ["{{.Name", "unclosed action"],
    ["{{nope .Name}}", 'function "nope" not defined'],
    ["{{range .List}}", "unexpected EOF"],
  ])("%s is refused", (template, message) => {
    expect(() => renderTemplate(template, data)).toThrow(message);
  });
});

test("lists: table, ids, template, json", () => {
  const rows = [{ ID: "1", Names: "one" }];
  const options = { rows, columns: ["ID", "Names"], headings: { ID: "CONTAINER ID", Names: "NAMES" } };
  expect(listing({ ...options, quiet: null, format: undefined })).toBe("CONTAINER ID   NAMES\n1              one\n");
  expect(listing({ ...options, quiet: "ID", format: undefined })).toBe("1\n");
  expect(listing({ ...options, quiet: null, format: "{{.Names}}!" })).toBe("one!\n");
  expect(listing({ ...options, quiet: null, format: "table {{.Names}}\t{{.ID}}" })).toBe(
    "NAMES     CONTAINER ID\none       1\n",
  );
  expect(listing({ ...options, quiet: null, format: "json" })).toBe('{"ID":"1","Names":"one"}\n');
});

test("a progress bar", () => {
  const progress = { layer: 0, layers: 1, phase: "unpacking", digest: `sha256:${"a".repeat(64)}` } as const;
  expect(progressLine({ ...progress, doneBytes: 5e6, totalBytes: 1e7 })).toBe(
    "aaaaaaaaaaaa: Loading layer [===============>               ] 5MB/10MB",
  );
});
