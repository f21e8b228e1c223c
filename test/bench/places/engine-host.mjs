// A process that holds an engine of ours, so that another Node can be measured too, and processor time is the engine's
// alone. It answers messages of ./node.mjs: { id, method, values } with { id, result } or { id, error }.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const [, , program, store] = process.argv;
const { openEngine } = await import(program);
const engine = await openEngine({ store });
const text = (bytes) => new TextDecoder().decode(bytes);
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const methods = {
  /** Loads an archive; how long it took, and by how much memory in use grew at most. */
  async load(path) {
    const before = process.memoryUsage().rss;
    let peak = before;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 10);
    const started = performance.now();
    await engine.images.load({ kind: "path", path });
    const ms = performance.now() - started;
    clearInterval(timer);
    return { ms, megabytes: (peak - before) / 2 ** 20 };
  },

  async run(options) {
    const [started, cpuStarted] = [performance.now(), cpuMs()];
    const { exitCode, stdout, stderr, counters } = await engine.run(options);
    const [ms, cpu] = [performance.now() - started, cpuMs() - cpuStarted];
    return {
      exitCode,
      stdout: text(stdout),
      stderr: text(stderr),
      instructions: counters?.instructions,
      ms,
      cpuMs: cpu,
    };
  },

  /** What `run` does, with the time of the first output. */
  async start(options) {
    const started = performance.now();
    const id = await engine.containers.create({ ...options, remove: true });
    const attached = await engine.containers.attach(id, { foreground: true });
    await engine.containers.start(id, { foreground: true });
    const drained = attached.stderr.pipeTo(new WritableStream());
    let firstMs = null;
    for await (const chunk of attached.stdout) if (chunk.length > 0) firstMs ??= performance.now() - started;
    const { code } = await attached.exited;
    const endMs = performance.now() - started;
    await drained;
    return { exitCode: code, stderr: "", firstMs, endMs };
  },

  /** Removes stored translations, as if nothing had run before. */
  async forget() {
    const cache = join(store, "cache");
    try {
      for (const name of readdirSync(cache)) rmSync(join(cache, name), { force: true });
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  },

  close: () => engine.close(),
};

process.on("message", ({ id, method, values }) => {
  methods[method](...values).then(
    (result) => process.send({ id, result }),
    (error) => process.send({ id, error: error.message }),
  );
});
process.on("disconnect", () => process.exit());
process.send({ id: 0, result: process.version });
