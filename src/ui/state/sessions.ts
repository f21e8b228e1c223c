/**
 * Terminals. A session is one process someone is attached to: a container's first, or one started by exec. It keeps
 * its screen while its pane is closed, and what its process writes goes on being read.
 *
 *     starting ──> running ──> exited
 *          └─────> failed
 */
import { encodeUtf8 } from "../../base/bytes.ts";
import { limits } from "../../base/limits.ts";
import { WherryError } from "../../base/errors.ts";
import type { AttachedProcess, Engine, ExecOptions, RunOptions } from "../../engine/types.ts";
import { signal } from "../signals.ts";
import { LineInput } from "../terminal/line-input.ts";
import type { TerminalView } from "../terminal/types.ts";
import type { Notices } from "./notices.ts";
import type { Settings } from "./settings.ts";

export type SessionStatus =
  | { readonly kind: "starting" }
  | { readonly kind: "running" }
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "failed"; readonly error: WherryError };

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A pane that is not drawn within this time (a hidden tab) does not hold up the container. */
const sizeWaitMs = 400;
const sizeDefault: Size = { columns: 80, rows: 24 };

export class Session {
  readonly key: number;
  readonly kind: "run" | "exec";
  readonly tty: boolean;
  readonly title = signal("");
  readonly containerId = signal<string | null>(null);
  readonly status = signal<SessionStatus>({ kind: "starting" });
  readonly terminal = signal<TerminalView | null>(null);
  readonly open = signal(true);
  process: AttachedProcess | null = null;
  #size: Size | null = null;
  #sized: ((size: Size) => void) | null = null;

  constructor(key: number, kind: "run" | "exec", title: string, tty: boolean) {
    this.key = key;
    this.kind = kind;
    this.tty = tty;
    this.title.value = title;
  }

  /** The pane's size once it is drawn. */
  size(): Promise<Size> {
    if (this.#size !== null) return Promise.resolve(this.#size);
    return new Promise((resolve) => {
      this.#sized = resolve;
      setTimeout(() => resolve(this.#size ?? sizeDefault), sizeWaitMs);
    });
  }

  resize(size: Size): void {
    this.#size = size;
    this.#sized?.(size);
    this.process?.resize(size.columns, size.rows).catch(() => {});
  }
}

export class Sessions {
  readonly list = signal<readonly Session[]>([]);
  readonly active = signal<Session | null>(null);
  readonly #engine: Engine;
  readonly #settings: Settings;
  readonly #notices: Notices;
  #next = 1;

  constructor(engine: Engine, settings: Settings, notices: Notices) {
    this.#engine = engine;
    this.#settings = settings;
    this.#notices = notices;
  }

  /** Makes a container and opens its terminal. */
  run(title: string, options: RunOptions): Session {
    const session = this.#add("run", options.name ?? title, options.tty === true);
    void this.#begin(session, async (size) => {
      const id = await this.#engine.containers.create({ ...options, ...size });
      session.containerId.value = id;
      return this.#attachAndStart(session, id);
    });
    return session;
  }

  /** Starts a stopped container again, in its old pane when there is one. */
  start(containerId: string, title: string, tty: boolean): Session {
    const kept = this.of(containerId);
    if (kept !== null) this.#remove(kept);
    const session = this.#add("run", title, tty);
    session.containerId.value = containerId;
    void this.#begin(session, async () => this.#attachAndStart(session, containerId));
    return session;
  }

  /** Attaches to a container that runs already. */
  attach(containerId: string, title: string, tty: boolean): Session {
    const session = this.#add("run", title, tty);
    session.containerId.value = containerId;
    void this.#begin(session, async (size) => {
      const process = await this.#engine.containers.attach(containerId);
      if (tty) await process.resize(size.columns, size.rows);
      return process;
    });
    return session;
  }

  exec(containerId: string, title: string, options: ExecOptions): Session {
    const session = this.#add("exec", title, options.tty === true);
    session.containerId.value = containerId;
    void this.#begin(session, (size) => this.#engine.containers.exec(containerId, { ...options, ...size }));
    return session;
  }

  /** Whether something would end with this tab. */
  get anyRunning(): boolean {
    return this.list.value.some((session) => session.kind === "run" && session.status.value.kind === "running");
  }

  /** The session of a container's first process, if there is one in this page. */
  of(containerId: string): Session | null {
    return this.list.value.find((each) => each.kind === "run" && each.containerId.value === containerId) ?? null;
  }

  /** Opens its pane and lets the user type. */
  show(session: Session): void {
    session.open.value = true;
    this.active.value = session;
    // The pane is drawn with the next frame; only then can it take the focus.
    requestAnimationFrame(() => session.terminal.value?.focus());
  }

  /** Closes the pane. The first process of a running container keeps its session; an exec'd one is hung up. */
  close(session: Session): void {
    session.open.value = false;
    const running = session.status.value.kind === "running" || session.status.value.kind === "starting";
    if (session.kind === "exec") session.process?.signal("HUP").catch(() => {});
    if (session.kind === "exec" || !running) this.#remove(session);
    // Its button had the focus: that goes to the terminal that is active now, not nowhere.
    const open = this.list.value.filter((each) => each.open.value);
    const active = this.active.value;
    const next = active !== null && open.includes(active) ? active : open.at(-1);
    if (next === undefined) this.active.value = null;
    else this.show(next);
  }

  #add(kind: "run" | "exec", title: string, tty: boolean): Session {
    const session = new Session(this.#next++, kind, title, tty);
    this.list.value = [...this.list.value, session];
    this.active.value = session;
    return session;
  }

  #remove(session: Session): void {
    this.list.value = this.list.value.filter((each) => each !== session);
    session.terminal.value?.dispose();
  }

  async #attachAndStart(session: Session, id: string): Promise<AttachedProcess> {
    const process = await this.#engine.containers.attach(id);
    const { columns, rows } = await session.size();
    if (session.tty) await process.resize(columns, rows);
    await this.#engine.containers.start(id);
    return process;
  }

  async #begin(session: Session, connect: (size: Size) => Promise<AttachedProcess>): Promise<void> {
    try {
      const terminal = await this.#openTerminal(session);
      const process = await connect(await session.size());
      session.process = process;
      session.status.value = { kind: "running" };
      this.#notices.announce(`${session.title.value} is running.`);
      const outputs = [process.stdout, process.stderr].map((stream) => pump(stream, terminal));
      const { code } = await process.exited;
      await Promise.all(outputs);
      session.status.value = { kind: "exited", code };
      this.#notices.announce(`${session.title.value} ended with exit code ${code}.`);
    } catch (reason) {
      const error = WherryError.from(reason);
      session.status.value = { kind: "failed", error };
      this.#notices.announce(`${session.title.value} could not run: ${error.message}`);
    }
  }

  async #openTerminal(session: Session): Promise<TerminalView> {
    // The terminal is the largest part of the page, and a visitor may only look: it comes when first needed.
    const { openTerminal } = await import("../terminal/xterm.ts");
    let writer: WritableStreamDefaultWriter<Uint8Array> | null = null;
    const send = (bytes: Uint8Array) => {
      if (session.status.value.kind !== "running" || session.process === null) return;
      writer ??= session.process.stdin.getWriter();
      writer.write(bytes).catch(() => {});
    };
    const lines = new LineInput({
      echo: (text) => void session.terminal.value?.write(encodeUtf8(text)),
      line: send,
      end: () => {
        writer ??= session.process?.stdin.getWriter() ?? null;
        writer?.close().catch(() => {});
      },
      interrupt: () => void session.process?.signal("INT").catch(() => {}),
    });
    const terminal = openTerminal({
      screenReader: this.#settings.screenReader.value,
      convertLineFeeds: !session.tty,
      onInput: (bytes) => (session.tty ? send(bytes) : lines.input(bytes)),
      onResize: (columns, rows) => session.resize({ columns, rows }),
    });
    session.terminal.value = terminal;
    return terminal;
  }
}

/**
 * Gives the terminal what comes, and waits when it is far behind: a flood of output slows its program down, not the
 * page. The terminal takes what it is given a frame at a time, so waiting for each small piece would be slow.
 */
async function pump(stream: ReadableStream<Uint8Array>, terminal: TerminalView): Promise<void> {
  const reader = stream.getReader();
  let aheadBytes = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      aheadBytes += value.length;
      const taken = terminal.write(value).then(() => (aheadBytes -= value.length));
      if (aheadBytes > limits.terminalAheadBytes) await taken;
    }
  } catch {
    // The process or its worker went away; the status says so.
  }
}
