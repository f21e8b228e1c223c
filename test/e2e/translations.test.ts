/** Compiled code outlives the page: after a reload the same program compiles nothing again. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine, RunResult } from "../../src/engine/types.ts";
import { openPage, openSite } from "./browser.ts";
import type { Site } from "./browser.ts";

declare global {
  interface Window {
    wherry: Engine;
  }
}

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site?.close());

/** Runs a loop of the shell's, in the page. */
async function run(page: Page): Promise<NonNullable<RunResult["counters"]>> {
  const { exitCode, text, counters } = await page.evaluate(async () => {
    const command = ["sh", "-c", "head -c 24000000 /dev/zero | md5sum"];
    const result = await window.wherry.run({ image: "busybox", command });
    return { exitCode: result.exitCode, text: new TextDecoder().decode(result.stdout), counters: result.counters! };
  });
  expect({ exitCode, text }).toEqual({ exitCode: 0, text: "4937e0e73202175e2edfba19a72fba5b  -\n" });
  return counters;
}

test("after a reload the second run has its code from the store", async () => {
  const { context, page, complaints } = await openPage(site);
  await page.evaluate(async () => {
    await window.wherry.images.load({ kind: "url", url: new URL("images/busybox.tar", location.href).href });
  });
  const first = await run(page);
  expect(first.cacheMisses).toBeGreaterThan(0);
  let again = first;
  // What is hot is sampled: a run may find a place that the one before did not.
  for (let tries = 0; again.regions > 0 && tries < 6; tries++) {
    await page.reload();
    await page.waitForSelector(".card");
    again = await run(page);
    expect(again.cacheHits).toBeGreaterThan(0);
  }
  expect(again).toMatchObject({ regions: 0, cacheMisses: 0, compileMs: 0 });
  expect(complaints).toEqual([]);
  await context.close();
});
