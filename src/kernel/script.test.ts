import { expect, test } from "vitest";
import { errno } from "../abi/errno.ts";
import { decodeName, encodeName } from "../base/bytes.ts";
import { parseScript, scriptLineBytes } from "./script.ts";

function parse(text: string) {
  const script = parseScript(encodeName(text).subarray(0, scriptLineBytes));
  if (script === null || typeof script === "number") return script;
  return [decodeName(script.interpreter), script.argument === null ? null : decodeName(script.argument)];
}

test.each([
  ["#!/bin/sh\nrest", ["/bin/sh", null]],
  ["#! \t/bin/sh -e  -u \n", ["/bin/sh", "-e  -u"]],
  ["#!/bin/sh", ["/bin/sh", null]],
  ["#!/bin/sh\t-x", ["/bin/sh", "-x"]],
  ["echo", null],
  ["", null],
  ["#!\n", -errno.ENOEXEC],
  ["#!   \n/bin/sh", -errno.ENOEXEC],
  [`#!/${"x".repeat(300)}\n`, -errno.ENOEXEC],
])("%j", (text, expected) => {
  expect(parse(text)).toEqual(expected);
});

test("an argument cut off by the length of the line still counts", () => {
  const parsed = parse(`#!/bin/sh ${"x".repeat(300)}\n`) as [string, string];
  expect(parsed[0]).toBe("/bin/sh");
  expect(parsed[1]).toHaveLength(scriptLineBytes - "#!/bin/sh ".length);
});
