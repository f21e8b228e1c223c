/** The supervising side of the socket: gives other processes the container this process hosts. */
import { chmod, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { WherryError } from "../../base/errors.ts";
import { encodeLog } from "../../container/log.ts";
import type { HostedContainer } from "../../container/supervision.ts";
import type { AttachedProcess } from "../../container/types.ts";
import { FrameConnection, frameType } from "./frames.ts";
import type { Control, Request } from "./frames.ts";

export class ContainerServer {
  readonly #container: HostedContainer;
  readonly #path: string;
  readonly #server: Server;
  readonly #open = new Set<Promise<void>>();
  /** Called whenever the last connection has closed. */
  onIdle: () => void = () => {};

  private constructor(container: HostedContainer, path: string) {
    this.#container = container;
    this.#path = path;
    this.#server = createServer({ pauseOnConnect: false }, (socket) => this.#accept(socket));
  }

  static async listen(container: HostedContainer, path: string): Promise<ContainerServer> {
    const server = new ContainerServer(container, path);
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen(path, resolve);
    });
    await chmod(path, 0o600);
    return server;
  }

  /** The server alone does not keep the process. */
  unref(): void {
    this.#server.unref();
  }

  /** Takes no more connections and lets the open ones finish. */
  async close(): Promise<void> {
    this.#server.close();
    await rm(this.#path, { force: true });
    await Promise.all(this.#open);
  }

  #accept(socket: Socket): void {
    const connection = new FrameConnection(socket);
    const serving = this.#serve(connection)
      .catch((error: unknown) => connection.sendControl({ type: "error", error: WherryError.from(error).toPlain() }))
      .finally(async () => {
        await connection.end();
        this.#open.delete(serving);
        if (this.#open.size === 0) this.onIdle();
      });
    this.#open.add(serving);
  }

  async #serve(connection: FrameConnection): Promise<void> {
    const request = (await connection.nextControl()) as Request | null;
    const container = this.#container;
    switch (request?.op) {
      case "start":
        await container.start();
        return connection.sendControl({ type: "ok" });
      case "attach":
        return serveProcess(connection, await container.attach());
      case "exec":
        return serveProcess(connection, await container.exec(request.options));
      case "signal":
        await container.signal(request.signal);
        return connection.sendControl({ type: "ok" });
      case "missing":
        return connection.sendControl({ type: "ok", value: await container.missing() });
      case "counters":
        return connection.sendControl({ type: "ok", value: (await container.counters?.()) ?? null });
      case "stats":
        return connection.sendControl({ type: "ok", value: (await container.stats?.()) ?? null });
      case "wait": {
        await connection.sendControl({ type: "ok" });
        const { code } = await container.exited;
        return connection.sendControl({ type: "exit", code });
      }
      case "logs": {
        const chunks = await container.logs(request.options);
        await connection.sendControl({ type: "ok" });
        const reader = chunks.getReader();
        let gone = false;
        void connection.next().then(() => {
          gone = true;
          return reader.cancel();
        });
        for (;;) {
          const { done, value } = await reader.read();
          if (done || gone) return;
          await connection.send(frameType.stdout, encodeLog([value]));
        }
      }
      case "copyOut": {
        const tar = await container.copyOut(request.path);
        await connection.sendControl({ type: "ok" });
        await sendAll(connection, frameType.stdout, tar);
        return connection.sendControl({ type: "exit", code: 0 });
      }
      case "copyIn": {
        await connection.sendControl({ type: "ok" });
        const input = new TransformStream<Uint8Array, Uint8Array>();
        const receiving = receive(connection, input.writable.getWriter());
        await container.copyIn(request.path, input.readable);
        await receiving;
        return connection.sendControl({ type: "ok" });
      }
      default:
        throw new WherryError("usage", "the request is not understood: is another version of Wherry running?");
    }
  }
}

async function sendAll(connection: FrameConnection, type: number, stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    await connection.send(type, value);
  }
}

async function receive(connection: FrameConnection, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  try {
    for (;;) {
      const frame = await connection.next();
      if (frame === null) return await writer.abort(new WherryError("cancelled", "the copy was cut off"));
      if (frame.type === frameType.stdinEnd) return await writer.close();
      await writer.write(frame.payload);
    }
  } catch {
    // The reader gave up, and says why itself.
  }
}

async function serveProcess(connection: FrameConnection, process: AttachedProcess): Promise<void> {
  await connection.sendControl({ type: "ok" });
  let detached = false;
  const outputs = Promise.all([
    sendAll(connection, frameType.stdout, process.stdout),
    sendAll(connection, frameType.stderr, process.stderr),
  ]);
  const ended = (async () => {
    await outputs;
    return process.exited;
  })();
  // Input comes as fast as the process takes it; control must not wait behind it, so it has its own order.
  const stdin = process.stdin.getWriter();
  stdin.closed.catch(() => {});
  let feeding: Promise<unknown> = Promise.resolve();
  const far = (async () => {
    for (;;) {
      const frame = await connection.next();
      if (frame === null) break;
      if (frame.type === frameType.stdin) {
        const bytes = frame.payload;
        feeding = feeding.then(() => stdin.write(bytes)).catch(() => {});
        await Promise.race([feeding, ended.catch(() => {})]);
      } else if (frame.type === frameType.stdinEnd) {
        feeding = feeding.then(() => stdin.close()).catch(() => {});
      } else if (frame.type === frameType.control) {
        const control = JSON.parse(frame.payload.toString()) as Control;
        if (control.type === "resize") await process.resize(control.columns, control.rows).catch(() => {});
        else if (control.type === "signal") await process.signal(control.signal).catch(() => {});
        else if (control.type === "detach") break;
      }
    }
    detached = true;
    await process.detach();
  })();
  await Promise.race([ended, far]);
  if (detached) {
    outputs.catch(() => {});
    ended.catch(() => {});
    return;
  }
  const { code } = await ended;
  await connection.sendControl({ type: "exit", code });
}
