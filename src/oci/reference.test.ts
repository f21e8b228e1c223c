import { describe, expect, test } from "vitest";
import { familiarReference, formatReference, normaliseReference, parseReference } from "./reference.ts";

const digest = `sha256:${"ab".repeat(32)}`;

test.each([
  ["debian", "docker.io/library/debian:latest", "debian:latest"],
  ["debian:12", "docker.io/library/debian:12", "debian:12"],
  ["library/debian", "docker.io/library/debian:latest", "debian:latest"],
  ["docker.io/debian", "docker.io/library/debian:latest", "debian:latest"],
  ["index.docker.io/debian", "docker.io/library/debian:latest", "debian:latest"],
  ["user/app", "docker.io/user/app:latest", "user/app:latest"],
  ["quay.io/org/app:v1", "quay.io/org/app:v1", "quay.io/org/app:v1"],
  ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
  ["localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"],
  ["host:5000/a/b:c", "host:5000/a/b:c", "host:5000/a/b:c"],
  ["[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"],
  [`debian@${digest}`, `docker.io/library/debian@${digest}`, `debian@${digest}`],
  [`debian:12@${digest}`, `docker.io/library/debian:12@${digest}`, `debian:12@${digest}`],
  ["a__b/c-d.e:T_1", "docker.io/a__b/c-d.e:T_1", "a__b/c-d.e:T_1"],
  ["UPPER/app", "UPPER/app:latest", "UPPER/app:latest"],
])("%s", (text, full, familiar) => {
  const reference = normaliseReference(text);
  expect(formatReference(reference)).toBe(full);
  expect(familiarReference(reference)).toBe(familiar);
  expect(normaliseReference(full)).toEqual(reference);
  expect(normaliseReference(familiar)).toEqual(reference);
});

test("without a tag none is made up", () => {
  expect(parseReference("debian").tag).toBeNull();
});

describe("refused", () => {
  test.each([
    "",
    ":x",
    "a b",
    "-a",
    "a/",
    "/a",
    "a//b",
    "a:",
    "a:.b",
    "a@sha256:1",
    "a@",
    `a:${"t".repeat(129)}`,
    "a..b",
  ])("%j", (text) => {
    expect(() => parseReference(text)).toThrow("invalid reference format");
  });
  test("capitals in the path", () => {
    expect(() => parseReference("Debian")).toThrow("repository name (Debian) must be lowercase");
  });
  test("a name that looks like an id", () => {
    expect(() => parseReference("ab".repeat(32))).toThrow("cannot specify 64-byte hexadecimal strings");
  });
  test("a name that is too long", () => {
    expect(() => parseReference("a/".repeat(150) + "b")).toThrow("255");
  });
});
