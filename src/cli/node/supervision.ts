/**
 * Node's supervision. A container that must outlive the command gets a process of its own (`wherry internal
 * supervise`); one that ends with the command is hosted here. Either way it listens on its socket, so that other
 * commands reach it.
 */
import { spawn } from "node:child_process";
import { WherryError } from "../../base/errors.ts";
import { LocalContainer } from "../../container/hosted.ts";
import type { ContainerRecord } from "../../container/record.ts";
import type { HostedContainer, Supervision } from "../../container/supervision.ts";
import { processStart } from "../../runtime/native/process-start.ts";
import type { Runtime } from "../../runtime/types.ts";
import type { Store } from "../../store/types.ts";
import { RemoteContainer } from "./container-client.ts";
import { ContainerServer } from "./container-server.ts";
import { socketPath } from "./socket-path.ts";

export interface ProcessSupervisionOptions {
  readonly store: Store;
  readonly storePath: string;
  readonly runtimes: readonly Runtime[];
  /** How to call this program again. */
  readonly self: readonly string[];
}

export class ProcessSupervision implements Supervision {
  readonly #options: ProcessSupervisionOptions;
  readonly #here = new Map<string, { container: LocalContainer; server: ContainerServer }>();

  constructor(options: ProcessSupervisionOptions) {
    this.#options = options;
  }

  async prepare(record: ContainerRecord, foreground: boolean): Promise<HostedContainer> {
    if (foreground) return (await this.host(record, true)).container;
    const { self, storePath } = this.#options;
    const [program, ...rest] = [...self, "internal", "supervise", storePath, record.id];
    const child = spawn(program!, rest, { detached: true, stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
    let complaint = "";
    child.stderr.on("data", (bytes: Buffer) => (complaint += bytes.toString()));
    const ready = await new Promise<boolean>((resolve) => {
      child.stdout.once("data", () => resolve(true));
      child.once("error", () => resolve(false));
      child.once("close", () => resolve(false));
    });
    if (!ready) throw new WherryError("internal", `the container's supervising process failed: ${complaint.trim()}`);
    child.stdout.destroy();
    child.stderr.destroy();
    child.unref();
    return new RemoteContainer(await socketPath(storePath, record.id));
  }

  /** Hosts a container in this process. */
  async host(
    record: ContainerRecord,
    foreground: boolean,
  ): Promise<{ container: LocalContainer; server: ContainerServer }> {
    const { store, storePath, runtimes } = this.#options;
    const runtime = runtimes.find(({ name }) => name === record.runtime);
    if (runtime === undefined)
      throw new WherryError("unsupported", `the container's runtime "${record.runtime}" is not available here`);
    const forget = async (): Promise<void> => {
      const held = this.#here.get(record.id);
      this.#here.delete(record.id);
      await held?.server.close();
    };
    const container = new LocalContainer({
      store,
      locator: { kind: "directory", path: storePath },
      runtime,
      record,
      foreground,
      onUnused: () => void forget(),
      host: { pid: process.pid, start: processStart(process.pid) ?? "" },
    });
    const server = await ContainerServer.listen(container, await socketPath(storePath, record.id));
    if (foreground) server.unref();
    this.#here.set(record.id, { container, server });
    void container.exited.then(forget);
    return { container, server };
  }

  async isAlive(record: ContainerRecord): Promise<boolean> {
    if (this.#here.has(record.id)) return true;
    const { host } = record.state;
    if (host === null) return false;
    const pid = Number(host["pid"]);
    return host["start"] === "" ? responds(pid) : processStart(pid) === host["start"];
  }

  async find(record: ContainerRecord): Promise<HostedContainer | null> {
    const here = this.#here.get(record.id);
    if (here !== undefined) return here.container;
    if (!(await this.isAlive(record))) return null;
    return new RemoteContainer(await socketPath(this.#options.storePath, record.id));
  }

  async close(): Promise<void> {
    for (const { container, server } of this.#here.values()) {
      await container.destroy();
      await server.close();
    }
  }
}

/** The best there is where no /proc tells when a process started. */
function responds(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
