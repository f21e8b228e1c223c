/** A container that another process supervises, reached over its socket. */
import { connect } from "node:net";
import { WherryError } from "../../base/errors.ts";
import { decodeLog } from "../../container/log.ts";
import type { HostedContainer } from "../../container/supervision.ts";
import type { AttachedProcess, ExecOptions, LogChunk, LogOptions } from "../../container/types.ts";
import type { ExitStatus, RuntimeContainer, RuntimeCounters, RuntimeStats } from "../../runtime/types.ts";
import { FrameConnection, frameType } from "./frames.ts";
import type { Control, Request } from "./frames.ts";

/** What docker reports of a process whose end nobody saw: as if killed. */
const lostCode = 137;

const gone = (): WherryError =>
  new WherryError("conflict", "the container's supervising process is gone: the container has ended");

export class RemoteContainer implements HostedContainer {
  readonly #path: string;
  readonly #open = new Set<FrameConnection>();
  #exited: Promise<ExitStatus> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  get exited(): Promise<ExitStatus> {
    this.#exited ??= this.#wait();
    return this.#exited;
  }

  async #wait(): Promise<ExitStatus> {
    let connection: FrameConnection;
    try {
      connection = await this.#request({ op: "wait" });
    } catch {
      return { code: lostCode };
    }
    const control = (await connection.nextControl()) as Control | null;
    this.#close(connection);
    return { code: control?.type === "exit" ? control.code : lostCode };
  }

  /** Opens a connection, sends the request and checks the reply. */
  async #request(request: Request): Promise<FrameConnection & { reply?: unknown }> {
    const socket = connect(this.#path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", () => reject(gone()));
    });
    const connection: FrameConnection & { reply?: unknown } = new FrameConnection(socket);
    this.#open.add(connection);
    await connection.sendControl(request);
    const reply = (await connection.nextControl()) as Control | null;
    if (reply?.type === "ok") {
      connection.reply = reply.value;
      return connection;
    }
    this.#close(connection);
    throw reply?.type === "error" ? WherryError.from(reply.error) : gone();
  }

  #close(connection: FrameConnection): void {
    this.#open.delete(connection);
    connection.destroy();
  }

  async start(): Promise<void> {
    this.#close(await this.#request({ op: "start" }));
  }

  async signal(signal: number): Promise<void> {
    this.#close(await this.#request({ op: "signal", signal }));
  }

  async missing(): ReturnType<RuntimeContainer["missing"]> {
    try {
      const connection = await this.#request({ op: "missing" });
      this.#close(connection);
      return connection.reply as Awaited<ReturnType<RuntimeContainer["missing"]>>;
    } catch {
      return [];
    }
  }

  async counters(): Promise<RuntimeCounters | null> {
    try {
      const connection = await this.#request({ op: "counters" });
      this.#close(connection);
      return connection.reply as RuntimeCounters | null;
    } catch {
      return null;
    }
  }

  async stats(): Promise<RuntimeStats | null> {
    const connection = await this.#request({ op: "stats" });
    this.#close(connection);
    return connection.reply as RuntimeStats | null;
  }

  async attach(): Promise<AttachedProcess> {
    return this.#process(await this.#request({ op: "attach" }));
  }

  async exec(options: ExecOptions): Promise<AttachedProcess> {
    return this.#process(await this.#request({ op: "exec", options }));
  }

  async logs(options: LogOptions): Promise<ReadableStream<LogChunk>> {
    const connection = await this.#request({ op: "logs", options });
    return new ReadableStream<LogChunk>({
      pull: async (controller) => {
        const frame = await connection.next();
        if (frame === null) {
          this.#close(connection);
          controller.close();
        } else for (const chunk of decodeLog(frame.payload)) controller.enqueue(chunk);
      },
      cancel: () => this.#close(connection),
    });
  }

  async copyOut(path: string): Promise<ReadableStream<Uint8Array>> {
    const connection = await this.#request({ op: "copyOut", path });
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const frame = await connection.next();
        if (frame?.type === frameType.stdout) return controller.enqueue(frame.payload);
        this.#close(connection);
        const control = frame === null ? null : (JSON.parse(frame.payload.toString()) as Control);
        if (control?.type === "exit") controller.close();
        else controller.error(control?.type === "error" ? WherryError.from(control.error) : gone());
      },
      cancel: () => this.#close(connection),
    });
  }

  async copyIn(path: string, tar: ReadableStream<Uint8Array>): Promise<void> {
    const connection = await this.#request({ op: "copyIn", path });
    const reply = connection.nextControl() as Promise<Control | null>;
    const sending = (async () => {
      const reader = tar.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        await connection.send(frameType.stdin, value);
      }
      await connection.send(frameType.stdinEnd);
    })();
    sending.catch(() => this.#close(connection));
    const control = await reply;
    this.#close(connection);
    if (control?.type === "error") throw WherryError.from(control.error);
    await sending;
    if (control?.type !== "ok") throw gone();
  }

  async close(): Promise<void> {
    for (const connection of this.#open) connection.destroy();
    this.#open.clear();
  }

  #process(connection: FrameConnection): AttachedProcess {
    const outputs = [
      new TransformStream<Uint8Array, Uint8Array>(),
      new TransformStream<Uint8Array, Uint8Array>(),
    ] as const;
    const writers = outputs.map((output) => output.writable.getWriter());
    for (const writer of writers) writer.closed.catch(() => {});
    const [stdout, stderr] = writers as [(typeof writers)[0], (typeof writers)[0]];
    const finish = async (error: unknown): Promise<void> => {
      this.#close(connection);
      for (const writer of writers) await (error === null ? writer.close() : writer.abort(error)).catch(() => {});
    };
    const exited = (async (): Promise<ExitStatus> => {
      for (;;) {
        const frame = await connection.next();
        if (frame === null) {
          await finish(null);
          return { code: lostCode };
        }
        if (frame.type === frameType.control) {
          const control = JSON.parse(frame.payload.toString()) as Control;
          await finish(control.type === "error" ? WherryError.from(control.error) : null);
          return { code: control.type === "exit" ? control.code : lostCode };
        }
        // Someone who stops reading one stream still wants the other, and the exit code.
        await (frame.type === frameType.stderr ? stderr : stdout).write(frame.payload).catch(() => {});
      }
    })();
    return {
      stdin: new WritableStream<Uint8Array>({
        write: (bytes) => connection.send(frameType.stdin, bytes),
        close: () => connection.send(frameType.stdinEnd),
      }),
      stdout: outputs[0].readable,
      stderr: outputs[1].readable,
      exited,
      resize: (columns, rows) => connection.sendControl({ type: "resize", columns, rows }),
      signal: (signal) => connection.sendControl({ type: "signal", signal }),
      detach: async () => {
        await connection.sendControl({ type: "detach" });
        await connection.end();
      },
    };
  }
}
