/** A visit to the built page: real images, real containers, one browser. The tests build on each other. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/types.ts";
import type { BrowserContext, Page } from "playwright-core";
import {
  card,
  command,
  dist,
  listenToComplaints,
  openPage,
  openSite,
  runDemo,
  screen,
  screenshot,
  waitForScreen,
} from "./browser.ts";
import type { Site } from "./browser.ts";

declare global {
  interface Window {
    wherry: Engine;
  }
}

const prompt = /[#$] ?$/;
let site: Site;
let context: BrowserContext;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  site = await openSite();
  ({ context, page, complaints } = await openPage(site));
});

afterAll(() => site?.close());

describe("a first visit", () => {
  test("shows the demos", async () => {
    await expect(page.title()).resolves.toBe("Wherry");
    expect(await page.locator(".cards .card").count()).toBeGreaterThanOrEqual(2);
    await screenshot(page, "home");
  });

  test("busybox runs with one click and answers", async () => {
    await runDemo(page, "busybox", prompt);
    await command(page, "echo $((6*7)) $(uname -m)", /\n42 x86_64\n/);
  });

  test("Debian loads with progress and runs bash", async () => {
    await page.getByRole("link", { name: "Images" }).click();
    await card(page, "debian").getByRole("button", { name: "Run debian" }).click();
    await page.getByRole("progressbar", { name: "Loading debian" }).waitFor();
    await page.locator(".load-head", { hasText: "%" }).waitFor();
    await screenshot(page, "loading");
    await waitForScreen(page, /root@.*# ?$/, 120_000);
  });
});

describe("in Debian's terminal", () => {
  test.each([
    ["ls -la / | sort | head", /drwxr-xr-x .* boot\n/],
    ["for i in 1 2 3; do echo $i; done | tac", /\n3\n2\n1\n/],
    ["python3 -c 'import json,sys;print(json.dumps(sys.version_info[:2]))'", /\n\[3, 11\]\n/],
    [`perl -e 'printf("%.3f\\n",sqrt(2))'`, /\n1\.414\n/],
    ["tar czf - /etc 2>/dev/null | tar tzf - | wc -l", /\n\d{2,4}\n/],
    ["sleep 2 & jobs; wait; echo over", /\[1\]\+? +Running[^]*over\n/],
    ["stty size", /\n\d+ \d+\n/],
    ["nosuchcommand; echo $?", /command not found\n127\n/],
  ] as const)("%s", async (line, wanted) => {
    await command(page, line, wanted, 60_000);
  });

  test("Ctrl-C stops a program, Ctrl-Z and fg work", async () => {
    // What it prints shows that the keys reach it, and no longer the shell.
    const ticking = "sh -c 'while sleep 0.2; do echo tick; done'";
    await command(page, ticking, /\ntick\n/);
    await page.keyboard.press("Control+C");
    await waitForScreen(page, /\^C\n.*[#$] ?$/);
    await command(page, ticking, /\ntick\n/);
    await page.keyboard.press("Control+Z");
    await waitForScreen(page, /Stopped/);
    await command(page, "fg", /\ntick\n/);
    await page.keyboard.press("Control+C");
    await waitForScreen(page, /\^C\n.*[#$] ?$/);
  });

  test("vi edits a file over the whole screen", async () => {
    await page.keyboard.press("Control+L");
    await page.keyboard.type("vi /root/note");
    await page.keyboard.press("Enter");
    await waitForScreen(page, /~\n~/, 60_000);
    await page.keyboard.type("ihello from vi");
    await page.keyboard.press("Escape");
    await waitForScreen(page, /hello from vi/);
    await page.keyboard.type(":wq");
    await page.keyboard.press("Enter");
    await waitForScreen(page, prompt);
    await command(page, "cat /root/note", /\nhello from vi\n/);
  });
});

describe("several containers", () => {
  test("two side by side; one is stopped while the other computes", async () => {
    // Closing a terminal leaves its container running.
    await page.getByRole("button", { name: "Close terminal busybox:latest" }).click();
    const look = "clear; head -3 /etc/os-release; ls --color /; python3 -c 'import sys; print(sys.version)'";
    await command(page, look, /3\.11\.\d+ /, 60_000);
    await runDemo(page, "busybox", prompt);
    await command(
      page,
      "i=0; while true; do i=$((i+1)); [ $((i%20000)) = 0 ] && echo tick $i; done",
      /\ntick \d+/,
      60_000,
    );
    await screenshot(page, "two-containers");
    await page.getByRole("link", { name: /Containers/ }).click();
    await screenshot(page, "containers");
    const debian = page.getByRole("row", { name: /debian:demo/ });
    const busy = page.getByRole("row", { name: /busybox.*Running/ }).first();
    await debian.getByRole("button", { name: /^Stop/ }).click();
    await debian.getByText(/Exited/).waitFor({ timeout: 30_000 });
    await busy.getByRole("button", { name: /^Terminal/ }).click();
    const before = await screen(page);
    await waitForScreen(page, new RegExp(`^(?!${before.slice(-20).replaceAll(/\W/g, ".")})`), 10_000);
    await page.keyboard.press("Control+C");
    await waitForScreen(page, prompt);
  });

  test("a second terminal by exec sees the same files", async () => {
    await command(page, "echo shared > /tmp/shared; echo made", /\nmade\n/);
    await page.getByRole("link", { name: /Containers/ }).click();
    const row = page.getByRole("row", { name: /busybox.*Running/ }).first();
    await row.getByRole("button", { name: /^More/ }).click();
    await page.getByRole("button", { name: "New terminal…" }).click();
    await page.getByRole("button", { name: "Open" }).click();
    await waitForScreen(page, prompt);
    await command(page, "cat /tmp/shared", /\nshared\n/);
  });

  test("one that is stopped keeps its files, and starts again", async () => {
    await page.getByRole("link", { name: /Containers/ }).click();
    const row = page.getByRole("row", { name: /debian:demo/ });
    await row.getByRole("button", { name: /^Start/ }).click();
    await waitForScreen(page, prompt, 60_000);
    await command(page, "cat /root/note", /\nhello from vi\n/);
  });
});

describe("WASI", () => {
  test("a WebAssembly image runs the same way", async () => {
    await page.getByRole("link", { name: "Images" }).click();
    await card(page, "wasi").getByRole("button", { name: "Run wasi" }).click();
    await waitForScreen(page, /Hello from WebAssembly[^]*Hello from a file of the image/, 60_000);
    await page.locator(".pane-active .pane-status", { hasText: "Ended with exit code 0" }).waitFor();
  });
});

describe("scripts", () => {
  test("window.wherry runs to completion: exit code, stdout and stderr", async () => {
    const result = await page.evaluate(async () => {
      const { exitCode, stdout, stderr } = await window.wherry.run({
        image: "busybox",
        command: ["sh", "-c", "cat; echo err >&2; exit 3"],
        stdin: "in\n",
      });
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return [exitCode, text(stdout), text(stderr)];
    });
    expect(result).toEqual([3, "in\n", "err\n"]);
  });

  test("a missing command is error 127 by its code", async () => {
    const error = await page.evaluate(() =>
      window.wherry.run({ image: "busybox", command: ["nope"] }).then(
        () => null,
        (reason: { code: string; exitCode: number; message: string }) => [reason.code, reason.exitCode, reason.message],
      ),
    );
    expect(error).toEqual(["command-not-found", 127, expect.stringContaining("nope")]);
  });

  test("wherry.js gives other pages an engine of their own", async () => {
    // As text, because the test's own bundler would rewrite the import.
    const answer = await page.evaluate(`(async () => {
      const { openEngine } = await import(new URL("wherry.js", document.baseURI).href);
      const engine = await openEngine({ store: "apart" });
      const images = await engine.images.list();
      await engine.close();
      return images.length;
    })()`);
    expect(answer).toBe(0);
  });
});

describe("errors", () => {
  test("a truncated archive says what is wrong and what to do, and leaves nothing", async () => {
    const archive = await readFile(join(dist, "images/busybox.tar"));
    await page.getByRole("link", { name: "Images" }).click();
    await page.getByRole("button", { name: "Add image" }).click();
    await page.getByLabel("File").setInputFiles({
      name: "cut.tar",
      mimeType: "application/x-tar",
      buffer: archive.subarray(0, archive.length / 2),
    });
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("cut.tar could not be loaded.").waitFor();
    await screenshot(page, "bad-archive");
    await page.getByRole("button", { name: "Dismiss" }).first().click();
  });
});

describe("coming back", () => {
  test("images and containers are still there after a reload", async () => {
    await page.reload();
    await page.getByRole("link", { name: "Images" }).click();
    await page.getByRole("row", { name: /debian:demo/ }).waitFor();
    await page.getByRole("link", { name: /Containers/ }).click();
    await page.getByRole("row", { name: /debian:demo.*Exited/ }).waitFor();
  });

  test("it works offline: the page, its images and a new container", async () => {
    await page.waitForFunction(
      async () => (await navigator.serviceWorker.getRegistration())?.active?.state === "activated",
    );
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector("wherry-app");
    await runDemo(page, "debian", prompt, 60_000);
    await command(page, "echo off$((1+1))line", /\noff2line\n/);
    await page.getByText("Offline", { exact: true }).waitFor();
    await context.setOffline(false);
  });
});

describe("share links", () => {
  test("opening one runs nothing until Run is pressed", async () => {
    const other = await context.newPage();
    const heard = listenToComplaints(other);
    await other.goto(`${site.address}#v1/run/busybox?cmd=sh+-c+'echo+shared+run;+sleep+60'&e=A%3Db`);
    await other.getByRole("heading", { name: "Someone shared this with you" }).waitFor();
    await screenshot(other, "share-link");
    const before = await other.evaluate(async () => (await window.wherry.containers.list({ all: true })).length);
    await other.getByRole("dialog").getByRole("button", { name: "Run" }).click();
    await waitForScreen(other, /shared run/);
    const after = await other.evaluate(async () => (await window.wherry.containers.list({ all: true })).length);
    expect(after).toBe(before + 1);
    expect(heard).toEqual([]);
    // The first tab sees it run elsewhere.
    await page.getByRole("link", { name: /Containers/ }).click();
    const row = page.getByRole("row", { name: /shared run/ });
    await row.getByText(/Running/).waitFor();
    await row.getByRole("button", { name: /^Terminal/ }).click();
    await page.locator(".pane-error", { hasText: "is running in another tab" }).waitFor();
    await other.close();
  });
});

describe("everywhere", () => {
  test("it fits a phone", async () => {
    const phone = await openPage(site, { viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true });
    await screenshot(phone.page, "phone-home");
    await runDemo(phone.page, "busybox", prompt);
    await command(phone.page, "ls /", /bin/);
    await screenshot(phone.page, "phone-terminal");
    const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(wide).toBe(false);
    await phone.context.close();
  });

  test("it looks as good in the dark", async () => {
    const dark = await openPage(site, { colorScheme: "dark" });
    await screenshot(dark.page, "home-dark");
    await dark.context.close();
  });

  test("nothing complained", () => {
    // Offline, the list of demos is asked for once and comes from the cache; Chromium still notes the failed request.
    expect(complaints.filter((line) => !line.includes("ERR_INTERNET_DISCONNECTED"))).toEqual([]);
  });
});
