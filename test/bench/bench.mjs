// `npm run bench`: the same work natively, under qemu-user where it is installed, under the emulator in Node and in
// Chromium, in one run, as ratios to native (how many times slower). Times on this kind of machine are noisy, ratios less.
//
//   npm run bench                  everything
//   npm run bench -- kernels       one group: kernels loops system start load size
//   npm run bench -- --no-chromium
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "../../scripts/lib/run.mjs";
import { listen } from "../../scripts/serve.mjs";
import { benchImage, benchReference, benchRootfs } from "./image.mjs";
import { compilePrograms, kernels } from "./programs.mjs";

const wanted = process.argv.slice(2).filter((name) => !name.startsWith("--"));
const without = new Set(process.argv.slice(2).filter((name) => name.startsWith("--no-")));
const group = (name) => wanted.length === 0 || wanted.includes(name);

const loops = [
  { name: "bash loop", command: ["bash", "-c", "i=0; while ((i < 60000)); do ((i += 1)); done"] },
  { name: "awk loop", command: ["awk", "BEGIN { for (i = 0; i < 1500000; i++) s += i * i; print s }"] },
  { name: "perl loop", command: ["perl", "-e", "my $s = 0; for my $i (1 .. 1500000) { $s += $i * $i } print $s"] },
  { name: "python loop", command: ["python3", "-c", "s = 0\nfor i in range(1000000): s += i * i\nprint(s)"] },
  { name: "gzip", command: ["sh", "-c", "head -c 4000000 /usr/bin/python3.11 | gzip -6"] },
  { name: "sha256sum", command: ["sha256sum", "/usr/bin/python3.11"] },
];
const system = [
  { name: "200 fork+exec", command: ["/bench/system", "fork", "200"] },
  { name: "64 MB pipe", command: ["/bench/system", "pipe", "64"] },
  { name: "getppid × 200k", command: ["/bench/system", "getppid", "200000"] },
  { name: "read × 200k", command: ["/bench/system", "read", "200000"] },
];
const starts = [
  { name: "busybox true", image: "busybox:latest", command: ["true"] },
  { name: "bash -c :", image: benchReference, command: ["bash", "-c", ":"] },
  { name: "python3 print(1)", image: benchReference, command: ["python3", "-c", "print(1)"] },
];

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
const cell = (text, width) => String(text).padStart(width);

/** The numbers a bench program printed, nanoseconds first on each line; the best is the least disturbed one. */
function best(stdout) {
  const times = stdout
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[0]));
  if (times.length === 0 || times.some((time) => !Number.isFinite(time)))
    throw new Error(`unexpected output: ${stdout}`);
  return Math.min(...times);
}

const image = await benchImage();
const programs = compilePrograms();
const folder = mkdtempSync(join(tmpdir(), "wherry-bench-"));
const { openEngine } = await import(join(root, "dist/node/index.js"));

/** Places that can run a command of the bench image: each returns {stdout, ms}. */
const places = [];

const engine = await openEngine({ store: folder });
const decode = (bytes) => new TextDecoder().decode(bytes);
const nodePlace = (name, runtime) => ({
  name,
  async run(command, imageName = benchReference) {
    const started = performance.now();
    const result = await engine.run({ image: imageName, command, runtime, remove: true });
    const ms = performance.now() - started;
    if (result.exitCode !== 0)
      throw new Error(`${name}: ${command.join(" ")} ended with ${result.exitCode}: ${decode(result.stderr)}`);
    return { stdout: decode(result.stdout), ms };
  },
});
async function loadNode() {
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 10);
  const started = performance.now();
  await engine.images.load({ kind: "path", path: image });
  const ms = performance.now() - started;
  clearInterval(timer);
  await engine.images.load({ kind: "path", path: join(root, "public/images/busybox.tar") });
  return { ms, megabytes: (peak - before) / 2 ** 20 };
}
const nodeLoad = await loadNode();
places.push(nodePlace("native", "native"), nodePlace("node", "emulator"));

const hasQemu = spawnSync("qemu-x86_64", ["--version"]).status === 0;
if (!hasQemu) console.log("qemu-user is not installed: its column is left out");
if (hasQemu) {
  const rootfs = benchRootfs();
  // Alternatives are absolute links, which would leave the folder.
  const inRootfs = (name) => join(rootfs, "usr/bin", name === "awk" ? "mawk" : name);
  places.push({
    name: "qemu",
    titles: ["kernels", "loops"],
    async run(command) {
      const started = performance.now();
      const [first, times, name, ...rest] = command;
      // A program that qemu-user runs starts others natively: the stopwatch is outside, and shells with pipes are left out.
      const [file, ...words] =
        first !== "/bench/timed"
          ? ["qemu-x86_64", join(programs, first.replace("/bench/", "")), ...command.slice(1)]
          : [join(programs, "timed"), times, "qemu-x86_64", "-L", rootfs, inRootfs(name), ...rest];
      if (name === "sh") throw new Error("a shell's children would run natively");
      const stdout = execFileSync(file, words, { encoding: "utf8" });
      return { stdout, ms: performance.now() - started };
    },
  });
}

let browser = null;
let server = null;
let chromiumLoad = null;
if (!without.has("--no-chromium")) {
  const { chromium } = await import("playwright-core");
  server = await listen(join(root, "dist/page"), 0, { "/bench-image.tar": image });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  const open = async () => {
    await page.goto(server.address);
    await page.waitForFunction(() => "wherry" in window);
  };
  await open();
  const memory = () => {
    let kilobytes = 0;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--type=renderer")) continue;
        kilobytes = Math.max(
          kilobytes,
          Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0),
        );
      } catch {
        // The process has ended meanwhile.
      }
    }
    return kilobytes / 1024;
  };
  const before = memory();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, memory())), 50);
  const ms = await page.evaluate(async () => {
    const started = performance.now();
    await window.wherry.images.load({ kind: "url", url: new URL("bench-image.tar", location.href).href });
    return performance.now() - started;
  });
  clearInterval(timer);
  chromiumLoad = { ms, megabytes: peak - before };
  await page.evaluate(() =>
    window.wherry.images.load({ kind: "url", url: new URL("images/busybox.tar", location.href).href }),
  );
  places.push({
    name: "chromium",
    open,
    async run(command, imageName = benchReference) {
      return page.evaluate(
        async ([commandInPage, imageInPage]) => {
          const started = performance.now();
          const result = await window.wherry.run({ image: imageInPage, command: commandInPage, remove: true });
          const elapsed = performance.now() - started;
          const text = (bytes) => new TextDecoder().decode(bytes);
          if (result.exitCode !== 0)
            throw new Error(`${commandInPage.join(" ")} ended with ${result.exitCode}: ${text(result.stderr)}`);
          return { stdout: text(result.stdout), ms: elapsed, instructions: result.counters?.instructions };
        },
        [command, imageName],
      );
    },
  });
}

/** One row a piece of work: native in milliseconds, everything else as a ratio to it. */
async function table(title, rows, measure) {
  console.log(
    `\n${title}\n${"".padEnd(20)}${cell("native ms", 11)}${places
      .filter((place) => place.name !== "native")
      .map((place) => cell(place.name, 10))
      .join("")}`,
  );
  const ratios = new Map(places.map((place) => [place.name, []]));
  for (const row of rows) {
    const values = new Map();
    for (const place of places) {
      if (place.titles !== undefined && !place.titles.includes(title)) continue;
      try {
        values.set(place.name, await measure(place, row));
      } catch (error) {
        console.log(`  ${place.name}: ${row.name}: ${String(error.message).split("\n")[0].slice(0, 120)}`);
      }
    }
    const native = values.get("native");
    let line = row.name.padEnd(20) + cell(native === undefined ? "–" : native.toFixed(1), 11);
    for (const place of places) {
      if (place.name === "native") continue;
      const value = values.get(place.name);
      if (value === undefined || native === undefined) line += cell("–", 10);
      else {
        ratios.get(place.name).push(value / native);
        line += cell((value / native).toFixed(1), 10);
      }
    }
    console.log(line);
  }
  let line = "geometric mean".padEnd(31);
  for (const place of places)
    if (place.name !== "native")
      line += cell(ratios.get(place.name).length > 0 ? geometricMean(ratios.get(place.name)).toFixed(1) : "–", 10);
  console.log(line);
}

try {
  if (group("kernels")) {
    const repeats = 5;
    const rates = [];
    await table("kernels", kernels, async (place, { name, rounds }) => {
      const { stdout, instructions } = await place.run([`/bench/${name}`, String(rounds), String(repeats)]);
      const ms = best(stdout) / 1e6;
      if (instructions !== undefined) rates.push({ name, rate: instructions / repeats / ms / 1000 });
      return ms;
    });
    if (rates.length > 0) {
      console.log("\nmillion guest instructions a second in Chromium");
      for (const { name, rate } of rates) console.log(`  ${cell(rate.toFixed(0), 5)}  ${name}`);
      console.log(`  ${cell(geometricMean(rates.map(({ rate }) => rate)).toFixed(0), 5)}  geometric mean`);
    }
  }
  if (group("loops"))
    await table(
      "loops",
      loops,
      async (place, { command }) => best((await place.run(["/bench/timed", "2", ...command])).stdout) / 1e6,
    );
  if (group("system"))
    await table("system", system, async (place, { command }) => best((await place.run(command)).stdout) / 1e6);
  if (group("start")) {
    await table(
      "start, warm (from run to the end, runs a second apart)",
      starts,
      async (place, { command, image: name }) => {
        await place.run(command, name);
        const times = [];
        for (let i = 0; i < 5; i++) {
          // As a user would: back to back, the worker kept in reserve would still be loading its code.
          await new Promise((resolve) => setTimeout(resolve, 1000));
          times.push((await place.run(command, name)).ms);
        }
        if (place.name !== "native")
          console.log(`  ${place.name}: ${command.join(" ")}: ${median(times).toFixed(0)} ms`);
        return median(times);
      },
    );
    const chromium = places.find((place) => place.name === "chromium");
    if (chromium !== undefined) {
      console.log("\nstart, cold (fresh page, image in IndexedDB)");
      for (const { name, command, image: imageName } of starts) {
        await chromium.open();
        console.log(`  chromium: ${name}: ${(await chromium.run(command, imageName)).ms.toFixed(0)} ms`);
      }
    }
  }
  if (group("load")) {
    console.log("\nload of the Debian image");
    console.log(`  node: ${(nodeLoad.ms / 1000).toFixed(1)} s, peak memory +${nodeLoad.megabytes.toFixed(0)} MB`);
    if (chromiumLoad !== null)
      console.log(
        `  chromium: ${(chromiumLoad.ms / 1000).toFixed(1)} s, peak memory +${chromiumLoad.megabytes.toFixed(0)} MB`,
      );
  }
  if (group("size")) {
    console.log("\nbundle sizes, gzipped");
    for (const base of ["dist/page", "dist/page/assets", "dist/node"]) {
      if (!existsSync(join(root, base))) continue;
      for (const name of readdirSync(join(root, base)).sort()) {
        const path = join(root, base, name);
        if (!/\.(js|css|wasm|html)$/.test(name) || !statSync(path).isFile()) continue;
        console.log(`  ${cell((gzipSync(readFileSync(path)).length / 1024).toFixed(1), 8)} kB  ${base}/${name}`);
      }
    }
  }
} finally {
  await browser?.close();
  await server?.close?.();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}
