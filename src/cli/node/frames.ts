/**
 * What the command line and a container's supervising process say over a Unix socket: frames of
 *
 *     length: u32 little-endian, of what follows   type: u8   payload
 *
 * A connection is for one thing. It opens with a `Request` and gets a `Reply`; then streams flow until one side closes.
 */
import type { Socket } from "node:net";
import type { PlainError } from "../../base/errors.ts";
import type { ExecOptions, LogOptions } from "../../container/types.ts";

export const frameType = { control: 0, stdin: 1, stdinEnd: 2, stdout: 3, stderr: 4 } as const;

export type Request =
  | { readonly op: "attach" }
  | { readonly op: "start" }
  | { readonly op: "exec"; readonly options: ExecOptions }
  | { readonly op: "signal"; readonly signal: number }
  | { readonly op: "logs"; readonly options: LogOptions }
  | { readonly op: "wait" }
  | { readonly op: "missing" }
  | { readonly op: "counters" }
  | { readonly op: "stats" }
  | { readonly op: "copyOut"; readonly path: string }
  | { readonly op: "copyIn"; readonly path: string };

/** Control frames after the request, in either direction. */
export type Control =
  | { readonly type: "ok"; readonly value?: unknown }
  | { readonly type: "error"; readonly error: PlainError }
  | { readonly type: "resize"; readonly columns: number; readonly rows: number }
  | { readonly type: "signal"; readonly signal: string | number }
  | { readonly type: "detach" }
  | { readonly type: "exit"; readonly code: number };

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

/** A frame larger than this is a mistake, not a message. */
const frameBytesMax = 16 << 20;

export class FrameConnection {
  readonly #socket: Socket;
  readonly #frames: AsyncGenerator<Frame>;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    this.#frames = read(socket);
  }

  /** Null when the far side is gone. */
  async next(): Promise<Frame | null> {
    try {
      const { done, value } = await this.#frames.next();
      return done === true ? null : value;
    } catch {
      return null;
    }
  }

  /** The next frame, which must be a control frame. */
  async nextControl(): Promise<unknown> {
    const frame = await this.next();
    return frame === null || frame.type !== frameType.control
      ? null
      : (JSON.parse(frame.payload.toString()) as unknown);
  }

  /** Resolves when there is room for more; a connection that is gone takes everything. */
  async send(type: number, payload: Uint8Array = new Uint8Array()): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    const head = Buffer.alloc(5);
    head.writeUInt32LE(payload.length + 1, 0);
    head[4] = type;
    socket.cork();
    socket.write(head);
    const room = socket.write(payload);
    socket.uncork();
    if (room) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      socket.once("drain", done);
      socket.once("close", done);
    });
  }

  sendControl(control: Control | Request): Promise<void> {
    return this.send(frameType.control, Buffer.from(JSON.stringify(control)));
  }

  /** Resolves when all that was sent is with the system: the process may end then. */
  end(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once("close", resolve);
      socket.end(resolve);
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  unref(): void {
    this.#socket.unref();
  }
}

async function* read(socket: Socket): AsyncGenerator<Frame> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    pending = pending.length === 0 ? (chunk as Buffer) : Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 5) {
      const length = pending.readUInt32LE(0);
      if (length < 1 || length > frameBytesMax) throw new Error(`a frame of ${length} bytes`);
      if (pending.length < 4 + length) break;
      yield { type: pending[4]!, payload: pending.subarray(5, 4 + length) };
      pending = pending.subarray(4 + length);
    }
  }
}
