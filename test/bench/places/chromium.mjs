// The page in Chromium: the engine as a visitor has it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../../scripts/lib/run.mjs";
import { listen } from "../../../scripts/serve.mjs";
import { checked, references, within } from "./common.mjs";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Proportional set size in MB (proc(5), smaps_rollup): pages that processes share are divided among them. */
function pssMegabytes(pid) {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

export class Chromium {
  name = "chromium";
  kind = "chromium";
  version = "";
  #browser;
  #session;
  #context;
  #page;
  #server;

  /** Throws where there is no Chromium. */
  async open(benchImage) {
    const { chromium } = await import("playwright-core");
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    this.#browser = await chromium.launch({ executablePath, args: flags });
    this.version = this.#browser.version();
    this.#session = await this.#browser.newBrowserCDPSession();
    this.#server = await listen(join(root, "dist/page"), 0, { "/bench-image.tar": benchImage });
    this.#context = await this.#browser.newContext();
    await this.reopen();
  }

  /** A fresh page over the same storage: a process of its own, nothing loaded. */
  async reopen() {
    await this.blank();
    await this.goto();
    await this.#page.evaluate(opened);
  }

  /** An empty page instead of ours. */
  async blank() {
    await this.#page?.close();
    this.#page = await this.#context.newPage();
  }

  goto() {
    return this.#page.goto(this.#server.address, { waitUntil: "commit" });
  }

  #evaluate(work, value) {
    return within(this.#page.evaluate(work, value), null, () => this.reopen());
  }

  async load(name) {
    const before = await this.memory();
    let peak = before;
    const timer = setInterval(async () => (peak = Math.max(peak, await this.memory())), 100);
    const ms = await this.#evaluate(async (path) => {
      const started = performance.now();
      await window.wherry.images.load({ kind: "url", url: new URL(path, location.href).href });
      return performance.now() - started;
    }, name);
    clearInterval(timer);
    return { ms, megabytes: peak - before };
  }

  async run(command, { image = "debian", jit } = {}) {
    const options = { image: references[image], command, ...(jit === undefined ? {} : { jit }) };
    return checked(command, await this.#evaluate(run, options));
  }

  async start(command, image) {
    return checked(command, await this.#evaluate(start, { image: references[image], command, cold: false }));
  }

  /** The same on a fresh page, from when its address was opened. */
  async coldStart(command, image) {
    await this.blank();
    await this.goto();
    await this.#page.evaluate(opened);
    return checked(command, await this.#evaluate(start, { image: references[image], command, cold: true }));
  }

  /** Megabytes in use by all pages, as proportional set size of their processes. */
  async memory() {
    const { processInfo } = await this.#session.send("SystemInfo.getProcessInfo");
    return processInfo.filter(({ type }) => type === "renderer").reduce((sum, { id }) => sum + pssMegabytes(id), 0);
  }

  forget() {
    return this.#evaluate(async () => {
      const request = indexedDB.open("wherry");
      const done = (each) =>
        new Promise((resolve, reject) => {
          each.onsuccess = each.oncomplete = () => resolve(each.result);
          each.onerror = () => reject(each.error);
        });
      const db = await done(request);
      const transaction = db.transaction(["cached", "cache"], "readwrite");
      for (const table of ["cached", "cache"]) transaction.objectStore(table).clear();
      await done(transaction);
      db.close();
    });
  }

  async close() {
    await this.#browser?.close();
    await this.#server?.close();
  }
}

// What follows runs in the page.

async function opened() {
  while (!("wherry" in window)) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function run(options) {
  const started = performance.now();
  const { exitCode, stdout, stderr, counters } = await window.wherry.run({ ...options, remove: true });
  const ms = performance.now() - started;
  const text = (bytes) => new TextDecoder().decode(bytes);
  return { exitCode, stdout: text(stdout), stderr: text(stderr), instructions: counters?.instructions, ms };
}

/** What `run` does, with the time of the first output. `cold`: since the page's address was opened. */
async function start({ cold, ...options }) {
  const { containers } = window.wherry;
  const started = cold ? 0 : performance.now();
  const id = await containers.create({ ...options, remove: true });
  const attached = await containers.attach(id);
  await containers.start(id);
  const drained = attached.stderr.pipeTo(new WritableStream());
  let firstMs = null;
  const reader = attached.stdout.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read())
    if (part.value.length > 0) firstMs ??= performance.now() - started;
  const { code } = await attached.exited;
  const endMs = performance.now() - started;
  await drained;
  return { exitCode: code, stderr: "", firstMs, endMs };
}
