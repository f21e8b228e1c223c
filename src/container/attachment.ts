/**
 * One caller's end of a container's first process. The container's output is copied to every attachment; a slow reader
 * slows the container, one that stops reading is dropped.
 */
import { limits } from "../base/limits.ts";
import type { ExitStatus } from "../runtime/types.ts";
import type { AttachedProcess, LogChunk } from "./types.ts";

/** What an attachment needs of its container. */
export interface AttachmentHost {
  writeStdin(bytes: Uint8Array): Promise<void>;
  closeStdin(): void;
  resize(columns: number, rows: number): Promise<void>;
  signal(signal: string | number): Promise<void>;
  readonly exited: Promise<ExitStatus>;
  /** The caller is gone. `outputBroken` when it closed its end of the output. */
  leave(attachment: Attachment, outputBroken: boolean): void;
}

export class Attachment implements AttachedProcess {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly exited: Promise<ExitStatus>;
  readonly #host: AttachmentHost;
  readonly #outputs: Record<LogChunk["stream"], Output>;

  constructor(host: AttachmentHost) {
    this.#host = host;
    this.exited = host.exited;
    this.#outputs = {
      stdout: new Output(() => host.leave(this, true)),
      stderr: new Output(() => {}),
    };
    this.stdout = this.#outputs.stdout.readable;
    this.stderr = this.#outputs.stderr.readable;
    this.stdin = new WritableStream<Uint8Array>({
      write: (bytes) => host.writeStdin(bytes),
      close: () => host.closeStdin(),
    });
  }

  push(stream: LogChunk["stream"], bytes: Uint8Array): Promise<void> {
    return this.#outputs[stream].push(bytes);
  }

  end(): void {
    this.#outputs.stdout.end();
    this.#outputs.stderr.end();
  }

  fail(error: unknown): void {
    this.#outputs.stdout.fail(error);
    this.#outputs.stderr.fail(error);
  }

  async detach(): Promise<void> {
    this.end();
    this.#host.leave(this, false);
  }

  resize(columns: number, rows: number): Promise<void> {
    return this.#host.resize(columns, rows);
  }

  signal(signal: string | number): Promise<void> {
    return this.#host.signal(signal);
  }
}

/** A readable that is pushed into, and says when there is room again. */
class Output {
  readonly readable: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #room: (() => void) | null = null;
  #open = true;

  constructor(onCancel: () => void) {
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#wake(),
        cancel: () => {
          this.#open = false;
          this.#wake();
          onCancel();
        },
      },
      { highWaterMark: limits.portWindowBytes, size: (bytes) => bytes.byteLength },
    );
  }

  #wake(): void {
    this.#room?.();
    this.#room = null;
  }

  async push(bytes: Uint8Array): Promise<void> {
    if (!this.#open) return;
    this.#controller.enqueue(bytes);
    if ((this.#controller.desiredSize ?? 1) > 0) return;
    await new Promise<void>((resolve) => {
      this.#room = resolve;
    });
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.close();
    this.#wake();
  }

  fail(error: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.error(error);
    this.#wake();
  }
}
