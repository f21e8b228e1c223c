// An engine in a Node process of its own: the place "node" (the emulator), and "native" (the same images in namespaces).
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { root } from "../../../scripts/lib/run.mjs";
import { checked, references, within } from "./common.mjs";

const program = fileURLToPath(new URL("./engine-host.mjs", import.meta.url));

/** The process and its store; started again after a run that did not end. */
export class EngineHost {
  #child;
  #path;
  #waiting = new Map();
  #next = 1;
  store = mkdtempSync(join(tmpdir(), "wherry-bench-"));
  version = "";

  constructor(path) {
    this.#path = path;
  }

  async open() {
    this.#child = fork(program, [join(root, "dist/node/index.js"), this.store], {
      execPath: this.#path,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const ended = (reason) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${this.#path} ${reason}`));
      this.#waiting.clear();
    };
    this.#child.on("error", (error) => ended(`could not be started: ${error.message}`));
    this.#child.on("exit", (code) => ended(`ended with ${code}`));
    this.#child.on("message", ({ id, result, error }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    this.version = await within(
      new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject })),
      30_000,
      () => this.#child.kill("SIGKILL"),
    );
  }

  call(method, ...values) {
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.send({ id, method, values });
    return within(answer, null, () => this.#restart());
  }

  async #restart() {
    this.#child.removeAllListeners("exit");
    this.#child.kill("SIGKILL");
    await this.open();
  }

  async close() {
    await this.call("close").catch(() => {});
    this.#child.disconnect();
    await new Promise((resolve) => {
      if (this.#child.exitCode !== null) return resolve();
      this.#child.once("exit", resolve);
      setTimeout(() => this.#child.kill("SIGKILL"), 5000).unref();
    });
    rmSync(this.store, { recursive: true, force: true });
  }
}

/** @param {"native" | "emulator"} runtime */
export function enginePlace(name, kind, host, runtime) {
  const options = (command, { image = "debian", jit } = {}) => ({
    image: references[image],
    command,
    runtime,
    ...(jit === undefined ? {} : { jit }),
  });
  return {
    name,
    kind,
    version: host.version,
    run: async (command, more) => checked(command, await host.call("run", options(command, more))),
    start: async (command, image) => checked(command, await host.call("start", options(command, { image }))),
    forget: () => host.call("forget"),
  };
}
