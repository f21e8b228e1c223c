/**
 * What a command is: name, summary, arguments, flags, run. Help, the parser and the errors for wrong use come from
 * here. A command's logic knows the engine and the streams it is given, never the process or the page, so that the
 * same commands serve the Node program and the page's console.
 */
import type { Engine } from "../engine/types.ts";

export interface Flag {
  /** Long name without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** Shown after the name in help; null: a switch without a value. */
  readonly value: string | null;
  readonly summary: string;
  /** May be given several times; its value is then a list. */
  readonly list?: boolean;
}

export interface Command {
  /** Noun and verb: ["container", "run"]. */
  readonly path: readonly [string, string];
  /** Other ways to say it: ["run"], ["container", "ps"]. */
  readonly aliases: readonly (readonly string[])[];
  readonly summary: string;
  /** As usage shows them: "IMAGE [COMMAND] [ARG...]". */
  readonly parameters: string;
  /** How many there must and may be. */
  readonly parametersMin: number;
  readonly parametersMax: number | null;
  readonly flags: readonly Flag[];
  /** The first parameter ends the flags: what follows belongs to the program that is run. */
  readonly passThrough?: boolean;
  /** Resolves to the exit code. */
  run(context: Context, input: Input): Promise<number>;
}

/** A command line, taken apart. */
export class Input {
  readonly parameters: readonly string[];
  readonly #values: ReadonlyMap<string, boolean | string | readonly string[]>;

  constructor(parameters: readonly string[], values: ReadonlyMap<string, boolean | string | readonly string[]>) {
    this.parameters = parameters;
    this.#values = values;
  }

  has(flag: string): boolean {
    return this.#values.get(flag) === true;
  }

  text(flag: string): string | undefined {
    const value = this.#values.get(flag);
    return typeof value === "string" ? value : undefined;
  }

  list(flag: string): readonly string[] {
    const value = this.#values.get(flag);
    return Array.isArray(value) ? (value as readonly string[]) : [];
  }
}

export interface Output {
  readonly isTerminal: boolean;
  /** Resolves when it has gone out; rejects when nobody reads any more. */
  write(data: string | Uint8Array): Promise<void>;
}

export interface Context {
  engine(): Promise<Engine>;
  readonly stdin: {
    readonly isTerminal: boolean;
    /** Chunks as they come; only one reader at a time. */
    open(): ReadableStream<Uint8Array>;
    /** Keys as they are pressed, without echo. */
    setRaw(raw: boolean): void;
  };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  size(): { readonly columns: number; readonly rows: number };
  /** Returns how to stop. */
  onResize(callback: () => void): () => void;
  /** Signals sent to the command itself, by name; returns how to stop. */
  onSignal(callback: (name: string) => void): () => void;
  /** Files of the machine the command runs on; null where there are none (a page). */
  readonly files: LocalFiles | null;
  nowMs(): number;
}

export interface LocalFiles {
  readText(path: string): Promise<string>;
  /** Absolute, against the current folder. */
  resolve(path: string): string;
  /** A tar of a file or folder; its members are named `name` and below. */
  pack(path: string, name: string): ReadableStream<Uint8Array>;
  unpack(tar: ReadableStream<Uint8Array>, folder: string, rename: (name: string) => string): Promise<void>;
  kind(path: string): Promise<"file" | "directory" | null>;
}
