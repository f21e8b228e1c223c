/** A shell at the container's terminal: editing, signals, job control, window size, ptys within, and fast output. */
import { openAsBlob } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomId } from "../../src/base/random.ts";
import { StoredImages } from "../../src/engine/images.ts";
import { createEmulator } from "../../src/runtime/emulator/start.ts";
import type { RuntimeContainer } from "../../src/runtime/types.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { interpreterModule } from "../../wasm/x86/cpu.ts";
import { jitMode } from "../x86/mode.ts";

const prompt = "root@guest:/# ";
/** Seconds here are milliseconds elsewhere: only a hang takes this long. */
const patienceMs = 120_000;

/** The user's side: types, and waits for what the screen shows. */
class Screen {
  #shown = "";
  #typing!: ReadableStreamDefaultController<Uint8Array>;
  readonly stdin = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#typing = controller) });
  readonly stdout = new WritableStream<Uint8Array>({
    write: (bytes) => {
      this.#shown += new TextDecoder().decode(bytes);
    },
  });

  type(text: string): void {
    this.#typing.enqueue(new TextEncoder().encode(text));
  }

  /** Everything up to and with `text`; forgets it. */
  async until(text: string): Promise<string> {
    const deadline = performance.now() + patienceMs;
    while (!this.#shown.includes(text)) {
      if (performance.now() > deadline) throw new Error(`no ${JSON.stringify(text)} in ${JSON.stringify(this.#shown)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const end = this.#shown.indexOf(text) + text.length;
    const seen = this.#shown.slice(0, end);
    this.#shown = this.#shown.slice(end);
    return seen;
  }

  /** Runs a command at the prompt and gives what it printed. */
  async command(line: string): Promise<string> {
    this.type(`${line}\r`);
    return this.answer(line);
  }

  async answer(line: string): Promise<string> {
    await this.until(`${line}\r\n`);
    const seen = await this.until(prompt);
    // Bracketed paste is switched off while a command runs.
    return seen
      .slice(0, -prompt.length)
      .replaceAll("\x1b[?2004l", "")
      .replaceAll("\x1b[?2004h", "")
      .replaceAll("\r", "");
  }

  /** Starts a program and waits until it is the one the terminal's keys reach. */
  async start(line: string, program: string): Promise<void> {
    this.type(`${line}\r`);
    await this.until(`${line}\r\n`);
    const deadline = performance.now() + patienceMs;
    while ((await inForeground()) !== program)
      if (performance.now() > deadline) throw new Error(`${program} did not come to the foreground`);
  }
}

/** The name of the program whose group has the terminal of the container's shell (man 5 proc: tpgid). */
async function inForeground(): Promise<string> {
  let shown = "";
  const stdout = new WritableStream<Uint8Array>({ write: (bytes) => void (shown += new TextDecoder().decode(bytes)) });
  const looked = await container.exec(
    {
      arguments: ["sh", "-c", "set -- $(cat /proc/1/stat); cat /proc/$8/comm"],
      environment: ["PATH=/usr/bin:/bin"],
      workingDirectory: "/",
      user: "",
      tty: false,
      interactive: false,
      columns: 80,
      rows: 24,
    },
    { stdin: new ReadableStream(), stdout, stderr: new WritableStream() },
  );
  await looked.exited;
  return shown.trim();
}

const screen = new Screen();
let container: RuntimeContainer;

beforeAll(async () => {
  const store = new MemoryStore();
  const blob = await openAsBlob("public/images/debian.tar");
  const [summary] = await new StoredImages(store).load({ kind: "blob", blob });
  const { layers } = (await store.getDocument("image", summary!.id)) as { layers: readonly string[] };
  const start = createEmulator({
    openStore: async () => store,
    core: async () => interpreterModule(),
    hostDirectory: null,
  });
  container = await start(
    {
      id: randomId(),
      hostname: "guest",
      layers,
      process: {
        arguments: ["bash"],
        environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", "HOME=/"],
        workingDirectory: "/",
        user: "",
        tty: true,
        interactive: true,
        columns: 80,
        rows: 24,
      },
      readOnly: false,
      mounts: [],
      memoryBytes: 1 << 30,
      stopSignal: "SIGTERM",
      strace: false,
      jit: jitMode(),
    },
    { kind: "indexeddb", name: "unused" },
    { stdin: screen.stdin, stdout: screen.stdout, stderr: new WritableStream() },
  );
  // What is typed before the shell reads it is shown twice: by the terminal, and by the shell after its prompt.
  await screen.until("# ");
  screen.type(`PS1='${prompt}'\r`);
  await screen.until("'\r\n");
  await screen.until(prompt);
});

afterAll(async () => {
  await container?.destroy();
});

test("programs find a terminal of the given size, and hear when it changes", async () => {
  expect(await screen.command("tty; stty size")).toBe("/dev/pts/0\n24 80\n");
  await container.resize(100, 30);
  expect(await screen.command("stty size; echo $COLUMNS")).toBe("30 100\n100\n");
});

test("Ctrl-C ends the program in the foreground, even one that never makes a call", async () => {
  await screen.start("sleep 100", "sleep");
  screen.type("\x03");
  expect(await screen.until(prompt)).toContain("^C");
  expect(await screen.command("echo $?")).toBe("130\n");
  // The shell itself computes: that it has begun, it says.
  screen.type("echo runn''ing; while :; do :; done\r");
  await screen.until("running\r\n");
  screen.type("\x03");
  await screen.until(prompt);
});

test("Ctrl-Z stops it; bg, jobs and fg work", async () => {
  await screen.start("sleep 1000", "sleep");
  screen.type("\x1a");
  expect(await screen.until(prompt)).toContain("Stopped");
  expect(await screen.command("bg")).toContain("sleep 1000 &");
  expect(await screen.command("jobs")).toContain("Running");
  await screen.start("fg", "sleep");
  screen.type("\x03");
  await screen.until(prompt);
  expect(await screen.command("jobs")).toBe("");
});

test("a line is edited before a program gets it, and Ctrl-D ends its input", async () => {
  await screen.start("cat > /tmp/typed", "cat");
  screen.type("hello\x7fp\rsecond\x15third\r\x04");
  await screen.until(prompt);
  expect(await screen.command("cat /tmp/typed")).toBe("hellp\nthird\n");
});

test("a background program that reads from the terminal is stopped", async () => {
  await screen.command("cat &");
  // It has yet to start, and the shell to hear of it.
  const deadline = performance.now() + patienceMs;
  let jobs = "";
  while (!jobs.includes("Stopped") && performance.now() < deadline) jobs = await screen.command("jobs");
  expect(jobs).toContain("Stopped");
  // The shell tells of its end before a later prompt, as soon as it knows.
  await screen.command("kill -9 %1; sleep 0.3");
  await screen.command("true");
});

test("a program makes a pty of its own and runs another on it", async () => {
  const spawn = `python3 -c 'import pty; pty.spawn(["/bin/sh", "-c", "tty; echo inner"])'`;
  expect(await screen.command(spawn)).toBe("/dev/pts/1\ninner\n");
});

test("endless output can be stopped at once", async () => {
  screen.type("yes\r");
  await screen.until("y\r\ny\r\n");
  screen.type("\x03");
  await screen.until("^C");
  await screen.until(prompt);
  expect(await screen.command("echo still here")).toBe("still here\n");
});

test("the shell's exit code is the container's", async () => {
  screen.type("exit 7\r");
  expect(await container.exited).toEqual({ code: 7 });
});
