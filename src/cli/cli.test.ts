/** The command line against a fake engine: parsing, words, exit codes, and golden files of what is printed. */
import { describe, expect, test } from "vitest";
import { WherryError } from "../base/errors.ts";
import type {
  AttachedProcess,
  ContainerStats,
  ContainerSummary,
  Engine,
  RunOptions,
  RuntimeCounters,
} from "../engine/types.ts";
import { FakeCpu } from "../kernel/fake-cpu.ts";
import type { Context } from "./command.ts";
import { commandName } from "./errors.ts";
import { runCommandLine } from "./main.ts";
import { commands } from "./registry.ts";
import { DetachKeys } from "./detach-keys.ts";

const nowMs = Date.UTC(2026, 0, 2);

const container: ContainerSummary = {
  id: "1234567890ab".padEnd(64, "c"),
  name: "calm_heron",
  image: "busybox",
  imageId: `sha256:${"ab".repeat(32)}`,
  command: ["sh", "-c", 'echo "a long command line"'],
  createdSeconds: nowMs / 1000 - 7200,
  status: "running",
  exitCode: null,
  startedSeconds: nowMs / 1000 - 90,
  finishedSeconds: null,
  tty: false,
  runtime: "native",
};

const exited: ContainerSummary = {
  ...container,
  id: "fedcba987654".padEnd(64, "0"),
  name: "done",
  command: ["true"],
  status: "exited",
  exitCode: 3,
  finishedSeconds: nowMs / 1000 - 5,
};

function fakeProcess(code: number, words = "from the container\n"): AttachedProcess {
  const output = (text: string): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        if (text !== "") controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      },
    });
  return {
    stdin: new WritableStream(),
    stdout: output(words),
    stderr: output(""),
    exited: Promise.resolve({ code }),
    detach: async () => {},
    resize: async () => {},
    signal: async () => {},
  };
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly created: RunOptions | null;
}

const counters: RuntimeCounters = { ...new FakeCpu().counters, instructions: 1_234_567, regions: 12, compileMs: 3.4 };

const stats: ContainerStats = {
  id: container.id,
  name: container.name,
  readMs: 0,
  cpuMs: 0,
  memoryBytes: 12 << 20,
  memoryBytesMax: 512 << 20,
  pids: 3,
  blockReadBytes: null,
  blockWrittenBytes: null,
  networkReceivedBytes: 0,
  networkSentBytes: 0,
  engine: {
    cpu: "x86-64-v2",
    jit: "on",
    wasmBytes: 40 << 20,
    counters,
    accounts: {
      interpreterMs: 400,
      compiledMs: 300,
      compilingMs: 100,
      decodingMs: 50,
      faultsMs: 50,
      kernelMs: 100,
      idleMs: 1000,
    },
    pageFaults: 7,
    syscalls: 40,
    topSyscalls: [{ name: "read", count: 40, ms: 100 }],
    missing: [{ kind: "syscall", name: "io_uring_setup", count: 2 }],
  },
};

async function wherry(...words: string[]): Promise<Result> {
  let reads = 0;
  let [stdout, stderr] = ["", ""];
  let created: RunOptions | null = null;
  const missing = (name: string) => new WherryError("not-found", `No such container: ${name}`);
  const engine = {
    containers: {
      create: async (options: RunOptions) => {
        created = options;
        return container.id;
      },
      start: async () => {
        if (created?.command?.[0] === "missing")
          throw new WherryError("command-not-found", 'exec: "missing": executable file not found in $PATH');
      },
      attach: async () => fakeProcess(7, created?.command?.[0] === "missing" ? "" : "from the container\n"),
      exec: async () => fakeProcess(8),
      list: async ({ all }: { all?: boolean } = {}) => (all === true ? [container, exited] : [container]),
      inspect: async (name: string) => {
        if (name !== "calm_heron") throw missing(name);
        return { Id: container.id, State: { Status: "running", Running: true } };
      },
      remove: async (name: string) => {
        if (name !== "calm_heron") throw missing(name);
      },
      stop: async () => {},
      wait: async () => ({ code: 5 }),
      stats: async (name: string) => {
        if (name === "native") return { ...stats, name, engine: null };
        if (name !== "calm_heron" && name !== container.id) throw missing(name);
        reads++;
        return { ...stats, readMs: 1000 * reads, cpuMs: 500 * reads };
      },
    },
    images: {
      list: async () => [
        {
          id: container.imageId,
          references: ["busybox:latest", "localhost:5000/tool:1"],
          createdSeconds: nowMs / 1000 - 86400 * 40,
          sizeBytes: 4_262_345,
          platform: { os: "linux", architecture: "amd64" },
          layers: 1,
        },
      ],
      inspect: async (name: string) => {
        throw new WherryError("not-found", `No such image: ${name}`);
      },
    },
    info: async () => ({
      version: "0.1.0",
      host: "node",
      runtimes: [
        { name: "native", available: true, reason: "runc: works here as root" },
        { name: "wasi", available: false, reason: "there is none" },
      ],
      storage: { usedBytes: 5e6, quotaBytes: 1e9 },
      missing: [{ kind: "syscall", name: "io_uring_setup", count: 2 }],
      emulator: { cpu: "x86-64-v2", jit: "on", cacheBytes: 2e6, containers: 1, counters },
    }),
  } as unknown as Engine;
  const decode = (data: string | Uint8Array): string =>
    typeof data === "string" ? data : new TextDecoder().decode(data);
  const context: Context = {
    engine: async () => engine,
    stdin: { isTerminal: false, open: () => new ReadableStream(), setRaw: () => {} },
    stdout: { isTerminal: false, write: async (data) => void (stdout += decode(data)) },
    stderr: { isTerminal: false, write: async (data) => void (stderr += decode(data)) },
    environment: { FROM_HERE: "here" },
    size: () => ({ columns: 80, rows: 24 }),
    onResize: () => () => {},
    onSignal: () => () => {},
    files: {
      readText: async () => "# a comment\nFILE=1\nFROM_HERE\n",
      resolve: (path) => (path.startsWith("/") ? path : `/here/${path.replace(/^\.\//, "")}`),
      pack: () => new ReadableStream(),
      unpack: async () => {},
      kind: async () => null,
    },
    nowMs: () => nowMs,
  };
  const code = await runCommandLine(context, words);
  return { code, stdout, stderr, created };
}

const golden = (name: string): string => `../../test/golden/cli/${name}.txt`;

describe("golden files", () => {
  test.each<[string, string[]]>([
    ["help lists the commands", ["help"]],
    ["help of run lists its flags", ["run", "--help"]],
    ["help of a noun lists its verbs", ["container", "--help"]],
    ["ps shows running containers in dockers table", ["ps"]],
    ["ps -a shows how the others ended", ["ps", "-a"]],
    ["ps --no-trunc shows everything in full", ["ps", "-a", "--no-trunc"]],
    ["images shows a row for each name", ["images"]],
    ["info shows the runtimes and why", ["info"]],
    ["stats shows what a container uses", ["stats", "--no-stream", "calm_heron"]],
    ["stats without names shows those that run", ["stats", "--no-stream"]],
    ["stats --engine shows where time goes", ["stats", "--engine", "--no-stream", "calm_heron"]],
    [
      "stats --engine --format json prints a document",
      ["stats", "--engine", "--no-stream", "--format", "{{json .}}", "calm_heron"],
    ],
    ["inspect prints a json array", ["inspect", "calm_heron"]],
  ])("%s", async (name, words) => {
    const { code, stdout, stderr } = await wherry(...words);
    expect([code, stderr]).toEqual([0, ""]);
    await expect(stdout).toMatchFileSnapshot(golden(name));
  });

  test.each<[string, string[], number]>([
    ["an unknown flag names the help", ["run", "--nope", "busybox"], 125],
    ["an unknown short flag names the help", ["ps", "-x"], 125],
    ["a flag without its value", ["run", "--name"], 125],
    ["too few arguments show the usage", ["rm"], 1],
    ["too many arguments show the usage", ["ps", "more"], 1],
    ["an unknown command", ["frobnicate"], 1],
    ["an unknown verb of a noun", ["container", "frobnicate"], 1],
    ["swarm is refused with the reason", ["swarm", "init"], 1],
    ["several names join their errors", ["rm", "nope", "calm_heron", "nada"], 1],
    ["inspect of something that is not there", ["inspect", "nope"], 1],
    ["a command that is not in the image ends with 127", ["run", "busybox", "missing"], 127],
    ["a processor there is not", ["run", "--cpu", "pentium", "busybox"], 125],
    ["a jit mode there is not", ["run", "--jit", "maybe", "busybox"], 125],
    ["stats of a container that is not there", ["stats", "nope"], 1],
    ["stats --engine of a native container", ["stats", "--engine", "native"], 1],
    ["a network that is not there yet", ["run", "--network", "host", "busybox"], 125],
    ["a terminal needs a terminal", ["run", "-it", "busybox"], 1],
  ])("%s", async (name, words, expected) => {
    const { code, stdout, stderr } = await wherry(...words);
    expect(code).toBe(expected);
    await expect(`${stdout}--- stderr\n${stderr}`).toMatchFileSnapshot(golden(name));
  });
});

describe("run", () => {
  test("leaves the program's own flags alone", async () => {
    const { created, code, stdout } = await wherry("run", "-e", "A=1", "busybox", "ls", "-la", "--name", "x");
    expect(created).toMatchObject({ image: "busybox", command: ["ls", "-la", "--name", "x"], environment: ["A=1"] });
    expect([code, stdout]).toEqual([7, "from the container\n"]);
  });

  test("takes short flags together, and values in every form", async () => {
    const { created } = await wherry(
      "run",
      "-dit",
      "-w/tmp",
      "--user=1:2",
      "-m",
      "64m",
      "--cpu",
      "v3",
      "--jit=off",
      "-v",
      "./x:/y:ro",
      "--tmpfs",
      "/t",
      "i",
    );
    expect(created).toMatchObject({
      interactive: true,
      tty: true,
      workingDirectory: "/tmp",
      user: "1:2",
      memoryBytes: 64 << 20,
      cpu: "x86-64-v3",
      jit: "off",
      volumes: [{ source: "/here/x", target: "/y", readOnly: true }],
      tmpfs: ["/t"],
    });
  });

  test("-d prints the id and does not wait", async () => {
    expect(await wherry("run", "-d", "busybox")).toMatchObject({ code: 0, stdout: `${container.id}\n` });
  });

  test("variables come from files, from here, and from -e, which wins", async () => {
    const { created } = await wherry(
      "run",
      "--env-file",
      "f",
      "-e",
      "FROM_HERE",
      "-e",
      "NOT_HERE",
      "-e",
      "FILE=2",
      "i",
    );
    expect(created!.environment).toEqual(["FILE=1", "FROM_HERE=here", "FROM_HERE=here", "FILE=2"]);
  });

  test.each([
    [["-v", "name:/x"], "named volumes are not supported yet"],
    [["-v", "/x"], "anonymous volumes are not supported yet"],
    [["-v", "/x:y"], "mount path must be absolute"],
    [["-v", "/x:/y:rx"], "invalid mode: rx"],
    [["-m", "lots"], "invalid size: 'lots'"],
    [["--runtime", "kvm"], "unknown or invalid runtime name: kvm"],
    [["-e", "=x"], "invalid environment variable"],
  ])("%j is refused", async (flags, message) => {
    const { code, stderr } = await wherry("run", ...flags, "busybox");
    expect(code).toBe(125);
    expect(stderr).toContain(message);
  });
});

test("exec gives the process's exit code", async () => {
  expect(await wherry("exec", "calm_heron", "ls", "-x")).toMatchObject({ code: 8, stdout: "from the container\n" });
});

test("the long forms are the same commands", async () => {
  for (const [short, long] of [
    [
      ["ps", "-aq"],
      ["container", "ls", "-aq"],
    ],
    [
      ["images", "-q"],
      ["image", "ls", "-q"],
    ],
    [
      ["wait", "x"],
      ["container", "wait", "x"],
    ],
  ] as const)
    expect(await wherry(...long)).toEqual(await wherry(...short));
});

test("every command describes itself as the list of commands does", async () => {
  for (const listed of commands) {
    const { command } = await listed.load();
    expect(command.path).toEqual([listed.noun, listed.verb]);
    expect(command.summary).toBe(listed.summary);
    const names = [command.path, ...command.aliases].map((words) => words.join(" "));
    expect(new Set(names)).toEqual(new Set(listed.names));
    expect(commandName(command)).toMatch(/^wherry /);
    const flags = command.flags.map(({ name }) => name);
    expect(new Set(flags).size).toBe(flags.length);
  }
});

test("Ctrl-P Ctrl-Q detaches, also in two pieces; a lone Ctrl-P passes", () => {
  const keys = new DetachKeys();
  expect(keys.push(Uint8Array.of(97, 0x10))).toEqual({ pass: Uint8Array.of(97), detached: false });
  expect(keys.push(Uint8Array.of(98))).toEqual({ pass: Uint8Array.of(0x10, 98), detached: false });
  keys.push(Uint8Array.of(0x10));
  expect(keys.push(Uint8Array.of(0x11, 99))).toEqual({ pass: Uint8Array.of(), detached: true });
});
