/**
 * The one error class a user ever sees. It carries a code that survives a worker boundary (structured clone drops
 * prototypes, so `toPlain`/`fromPlain` carry it over) and the exit code the command line ends with.
 *
 * Kernel paths do not throw: they return negative errno values.
 */
export type ErrorCode =
  | "usage"
  | "not-found"
  | "conflict"
  | "invalid-archive"
  | "digest-mismatch"
  | "size-mismatch"
  | "invalid-manifest"
  | "no-platform"
  | "unsafe-path"
  | "limit-exceeded"
  | "storage-full"
  | "command-not-found"
  | "not-executable"
  | "invalid-executable"
  | "unsupported"
  | "cancelled"
  | "network"
  | "internal";

export interface PlainError {
  readonly wherryError: true;
  readonly code: ErrorCode;
  readonly message: string;
  readonly exitCode: number;
  readonly data: Readonly<Record<string, string | number>>;
}

const exitCodes: Partial<Record<ErrorCode, number>> = { "command-not-found": 127, "not-executable": 126 };

export class WherryError extends Error {
  readonly code: ErrorCode;
  /** What the command line exits with: docker's 125 for an engine error, 126 not executable, 127 not found. */
  readonly exitCode: number;
  readonly data: Readonly<Record<string, string | number>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { data?: Record<string, string | number>; exitCode?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WherryError";
    this.code = code;
    this.exitCode = options.exitCode ?? exitCodes[code] ?? 1;
    this.data = options.data ?? {};
  }

  toPlain(): PlainError {
    return {
      wherryError: true,
      code: this.code,
      message: this.message,
      exitCode: this.exitCode,
      data: this.data,
    };
  }

  /** Rebuilds the error on the far side of a message port; anything else becomes an `internal` error. */
  static from(value: unknown): WherryError {
    if (value instanceof WherryError) return value;
    if (typeof value === "object" && value !== null && "wherryError" in value) {
      const plain = value as PlainError;
      return new WherryError(plain.code, plain.message, {
        data: { ...plain.data },
        exitCode: plain.exitCode,
      });
    }
    const message = value instanceof Error ? value.message : String(value);
    return new WherryError("internal", message, { cause: value });
  }
}
