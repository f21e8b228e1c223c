import { expect, test } from "vitest";
import { formatPlatform, linuxAmd64, parsePlatform, platformFit, wasiWasm } from "./platform.ts";

test.each([
  ["linux/amd64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["Linux/AMD64/V2", "linux/amd64/v2"],
  ["linux", "linux/amd64"],
  ["arm64", "linux/arm64"],
  ["linux/aarch64", "linux/arm64"],
  ["wasi/wasm", "wasi/wasm"],
  ["wasip1/wasm32", "wasi/wasm"],
  ["wasm", "wasi/wasm"],
])("%s is %s", (text, expected) => {
  expect(formatPlatform(parsePlatform(text))).toBe(expected);
});

test.each(["", "a/b/c/d", "linux/", "linux/a b"])("%j is no platform", (text) => {
  expect(() => parsePlatform(text)).toThrow("is not a platform");
});

test("the best x86-64 level this processor has wins", () => {
  const fit = (variant?: string) => platformFit(linuxAmd64, { ...linuxAmd64, ...(variant && { variant }) });
  expect(fit("v2")).toBeGreaterThan(fit("v1"));
  expect(fit()).toBe(fit("v1"));
  expect(fit("v3")).toBe(0);
  expect(fit("zen")).toBe(0);
  expect(platformFit({ ...linuxAmd64, variant: "v1" }, { ...linuxAmd64, variant: "v2" })).toBe(0);
});

test("other systems and architectures do not fit", () => {
  expect(platformFit(linuxAmd64, { os: "linux", architecture: "arm64" })).toBe(0);
  expect(platformFit(linuxAmd64, { os: "windows", architecture: "amd64" })).toBe(0);
  expect(platformFit(wasiWasm, { os: "wasip1", architecture: "wasm" })).toBe(1);
});
