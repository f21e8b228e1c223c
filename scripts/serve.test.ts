import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listen } from "./serve.mjs";

let root: string;
let address: string;
let close: () => Promise<void>;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "wherry-serve-"));
  mkdirSync(join(root, "site/assets"), { recursive: true });
  writeFileSync(join(root, "secret"), "secret");
  writeFileSync(join(root, "site/index.html"), "<p>hello");
  writeFileSync(join(root, "site/assets/core-abc.wasm"), "wasm");
  ({ address, close } = await listen(join(root, "site"), 0));
});

afterAll(async () => {
  await close();
  rmSync(root, { recursive: true });
});

/** Sends the path as it is, which `fetch` would tidy up. */
function statusOf(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(address, { path }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on("error", reject)
      .end();
  });
}

describe("the static server", () => {
  test("the folder's index, asked for again each time", async () => {
    const response = await fetch(address);
    expect(await response.text()).toBe("<p>hello");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    const again = await fetch(address, { headers: { "if-none-match": response.headers.get("etag")! } });
    expect(again.status).toBe(304);
  });

  test("hashed files are kept, and wasm has its type", async () => {
    const response = await fetch(new URL("assets/core-abc.wasm", address));
    expect(response.headers.get("content-type")).toBe("application/wasm");
    expect(response.headers.get("cache-control")).toContain("immutable");
  });

  test.each(["/../secret", "/%2e%2e/secret", "/assets/..%2f..%2fsecret", "/missing", "/assets", "/%00", "/%E0%A4%A"])(
    "%s is not found",
    async (path) => expect(await statusOf(path)).toBe(404),
  );

  test("it only gives", async () => {
    expect((await fetch(address, { method: "POST" })).status).toBe(405);
  });
});
