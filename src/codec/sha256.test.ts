import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { createSha256, sha256 } from "./sha256.ts";

test("agrees with Node's", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(10_001));
  const hasher = await createSha256();
  const other = await createSha256();
  for (let at = 0; at < bytes.length; at += 777) {
    hasher.update(bytes.subarray(at, at + 777));
    other.update(Uint8Array.of(1));
  }
  const expected = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  expect(hasher.digest()).toBe(expected);
  expect(await sha256(bytes)).toBe(expected);
});
