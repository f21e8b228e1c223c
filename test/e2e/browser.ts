/** A real Chromium on the built page, and what a test does with a terminal in it. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { listen } from "../../scripts/serve.mjs";

const root = join(import.meta.dirname, "../..");
export const dist = join(root, "dist/page");
const output = join(root, "test/output");

export interface Site {
  readonly address: string;
  readonly browser: Browser;
  close(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  if (!existsSync(join(dist, "index.html"))) throw new Error("dist/page is missing: run `npm run build` first");
  if (!existsSync(join(dist, "images/index.json")))
    throw new Error("the demo images are missing: `npm run demo-images`");
  mkdirSync(output, { recursive: true });
  const server = await listen(dist, 0);
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
  return {
    address: server.address,
    browser,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** A page whose every complaint (console errors, exceptions, refused resources) ends up in `complaints`. */
export async function openPage(
  site: Site,
  options: BrowserContextOptions = {},
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await site.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const complaints = listenToComplaints(page);
  // A reload asks first while a container runs.
  page.on("dialog", (dialog) => void dialog.accept());
  await page.goto(site.address);
  await page.waitForSelector(".card");
  return { context, page, complaints };
}

export function listenToComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return complaints;
}

/** For the test's reader, and the README. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(output, `${name}.png`) });
}

/** The text on the active terminal's screen. */
export function screen(page: Page, pane = ".pane-active"): Promise<string> {
  return page.evaluate((selector) => {
    const rows = document.querySelectorAll(`${selector} .xterm-rows > div`);
    return [...rows]
      .map((row) => row.textContent.replaceAll("\u00a0", " ").trimEnd())
      .join("\n")
      .trimEnd();
  }, pane);
}

export async function waitForScreen(page: Page, wanted: RegExp, timeoutMs = 60_000, pane?: string): Promise<string> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const text = await screen(page, pane);
    if (wanted.test(text)) return text;
    if (Date.now() > deadline) throw new Error(`${wanted} did not appear in ${timeoutMs} ms on the screen:\n${text}`);
    await page.waitForTimeout(50);
  }
}

/** Types a line into the focused terminal and waits for what it prints. The screen is cleared first. */
export async function command(page: Page, line: string, wanted: RegExp, timeoutMs?: number): Promise<string> {
  await page.keyboard.press("Control+L");
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
  return waitForScreen(page, wanted, timeoutMs);
}

export const card = (page: Page, name: string) =>
  page.locator(".card", { has: page.getByRole("heading", { name, exact: true }) });

/** Clicks a demo's Run and waits for its shell's prompt. */
export async function runDemo(page: Page, name: string, prompt: RegExp, timeoutMs = 60_000): Promise<void> {
  const panes = await page.locator(".pane").count();
  await page.getByRole("link", { name: "Images" }).click();
  await card(page, name)
    .getByRole("button", { name: `Run ${name}` })
    .click();
  // Until its own pane is there the screen is another's.
  await page.locator(".pane").nth(panes).waitFor({ state: "attached", timeout: timeoutMs });
  await waitForScreen(page, prompt, timeoutMs);
}
