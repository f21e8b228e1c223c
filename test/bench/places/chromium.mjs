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

/** Memory of a process in MB that it shares with no other (proc(5), smaps_rollup): "unique set size". */
function privateMegabytes(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  return kilobytes / 1024;
}

/** Processor time of all threads of a process in ms (proc(5), stat: utime and stime, in hundredths of a second). */
function processorMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export class Chromium {
  name = "chromium";
  kind = "chromium";
  version = "";
  #browser;
  #session;
  #context;
  #page;
  #pid = null;
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
    // A page that stays, so that fresh ones open in a window there is: the browser loads its own pages for each new one.
    await this.#context.newPage();
    await this.reopen();
  }

  /** A fresh page over the same storage: a process of its own, nothing loaded. */
  async reopen() {
    await this.blank();
    await this.#goto();
  }

  /** An empty page instead of ours. */
  async blank() {
    await this.#page?.close();
    this.#page = await this.#context.newPage();
    this.#pid = null;
  }

  async #goto() {
    await this.#page.goto(this.#server.address, { waitUntil: "commit" });
    // The page may move to another process than the empty one's.
    this.#pid = null;
    await this.#page.evaluate(opened);
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
    const pid = await this.#process();
    const before = processorMs(pid);
    const result = checked(command, await this.#evaluate(run, options));
    return { ...result, cpuMs: processorMs(pid) - before };
  }

  async start(command, image) {
    return checked(command, await this.#evaluate(start, { image: references[image], command, cold: false }));
  }

  /** The same on a fresh page, from when its address was opened. */
  async coldStart(command, image) {
    await this.reopen();
    return checked(command, await this.#evaluate(start, { image: references[image], command, cold: true }));
  }

  /** Private memory of the page's process, in MB. */
  async memory() {
    return privateMegabytes(await this.#process());
  }

  async #process() {
    return (this.#pid ??= await this.#findProcess());
  }

  /**
   * Chromium tells which processes there are, but not whose: there are spare ones, and one for the service worker. The
   * page's own is the one that computes when the page does.
   */
  async #findProcess() {
    const times = async () => {
      const { processInfo } = await this.#session.send("SystemInfo.getProcessInfo");
      return new Map(processInfo.filter(({ type }) => type === "renderer").map(({ id, cpuTime }) => [id, cpuTime]));
    };
    const before = await times();
    await this.#page.evaluate(() => {
      const started = performance.now();
      while (performance.now() - started < 500);
    });
    const grown = [...(await times())].map(([id, time]) => ({ id, time: time - (before.get(id) ?? 0) }));
    return grown.toSorted((a, b) => b.time - a.time)[0].id;
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
