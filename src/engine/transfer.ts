/**
 * Carries what structured clone cannot over a message port: streams, functions, promises, abort signals and typed
 * errors, wherever they sit in plain data. `pack` replaces each by a placeholder with a port of its own; `unpack` makes
 * the thing again on the far side.
 *
 *     ReadableStream, WritableStream   base/port-stream.ts
 *     Promise                          settles on the far side too
 *     AbortSignal                      aborts on the far side too
 *     function                         a function that returns a promise; arguments and results are packed again
 *     WherryError                      the same class, code, message and data
 *
 * Everything else must be structured-clonable: plain objects, arrays, bytes, Blobs, bigints.
 */
import { WherryError } from "../base/errors.ts";
import type { PlainError } from "../base/errors.ts";
import { readableFromPort, writableToPort } from "../base/port-stream.ts";

/** The placeholder's key: no plain data of the engine has it. */
const mark = "wherry:transfer";

interface Placeholder {
  readonly [mark]: "readable" | "writable" | "promise" | "signal" | "function" | "error";
  readonly port?: MessagePort;
  readonly error?: PlainError;
  readonly aborted?: boolean;
}

interface Packed {
  readonly value: unknown;
  readonly transfer: Transferable[];
}

interface Settled {
  readonly ok: boolean;
  readonly value: unknown;
}

interface Call {
  readonly number: number;
  readonly arguments: readonly unknown[];
}

interface Answer extends Settled {
  readonly number: number;
}

export function pack(value: unknown): Packed {
  const transfer: Transferable[] = [];
  return { value: packValue(value, transfer), transfer };
}

/** What a failed call carries: a WherryError with its code, anything else as `internal`. */
export function packError(error: unknown): unknown {
  return { [mark]: "error", error: WherryError.from(error).toPlain() } satisfies Placeholder;
}

function packValue(value: unknown, transfer: Transferable[]): unknown {
  if (typeof value === "function") {
    return hand("function", (port) => serveFunction(value as AnyFunction, port), transfer);
  }
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof ReadableStream) {
    return hand("readable", (port) => void value.pipeTo(writableToPort(port)).catch(() => {}), transfer);
  }
  if (value instanceof WritableStream) {
    return hand(
      "writable",
      (port) =>
        void readableFromPort(port)
          .pipeTo(value)
          .catch(() => {}),
      transfer,
    );
  }
  if (value instanceof Promise) return hand("promise", (port) => servePromise(value, port), transfer);
  if (value instanceof AbortSignal) {
    const placeholder = hand("signal", (port) => serveSignal(value, port), transfer);
    return { ...placeholder, aborted: value.aborted };
  }
  if (value instanceof Error) return packError(value);
  if (Array.isArray(value)) return value.map((item) => packValue(item, transfer));
  if (!isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = packValue(item, transfer);
  return copy;
}

function hand(
  kind: Placeholder[typeof mark],
  serve: (port: MessagePort) => void,
  transfer: Transferable[],
): Placeholder {
  const { port1, port2 } = new MessageChannel();
  serve(port1);
  transfer.push(port2);
  return { [mark]: kind, port: port2 };
}

export function unpack(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(unpack);
  if (!isPlain(value)) return value;
  if (mark in value) return restore(value as unknown as Placeholder);
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = unpack(item);
  return copy;
}

function restore(placeholder: Placeholder): unknown {
  if (placeholder.error !== undefined) return WherryError.from(placeholder.error);
  const port = placeholder.port!;
  switch (placeholder[mark]) {
    case "readable":
      return readableFromPort(port);
    case "writable":
      return writableToPort(port);
    case "promise":
      return remotePromise(port);
    case "signal":
      return remoteSignal(port, placeholder.aborted === true);
    case "function":
      return remoteFunction(port);
    case "error":
      return new WherryError("internal", "An error arrived without its text.");
  }
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

// oxlint-disable-next-line no-explicit-any -- the bridge carries functions of every shape; the engine's types state them.
type AnyFunction = (...parameters: any[]) => unknown;

function servePromise(promise: Promise<unknown>, port: MessagePort): void {
  const settle = (ok: boolean, value: unknown) => {
    const packed = ok ? pack(value) : { value: packError(value), transfer: [] };
    port.postMessage({ ok, value: packed.value } satisfies Settled, packed.transfer);
  };
  promise.then(
    (value) => settle(true, value),
    (error: unknown) => settle(false, error),
  );
}

function remotePromise(port: MessagePort): Promise<unknown> {
  const promise = new Promise((resolve, reject) => {
    port.onmessage = (event: MessageEvent) => {
      const settled = event.data as Settled;
      port.close();
      if (settled.ok) resolve(unpack(settled.value));
      else reject(unpack(settled.value) as WherryError);
    };
  });
  // Nobody may be waiting for it; whoever waits still gets the rejection.
  promise.catch(() => {});
  return promise;
}

function serveSignal(signal: AbortSignal, port: MessagePort): void {
  const tell = () => port.postMessage(packError(abortReason(signal)));
  if (signal.aborted) tell();
  else signal.addEventListener("abort", tell, { once: true });
}

function abortReason(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason;
  return reason instanceof WherryError ? reason : new WherryError("cancelled", "Cancelled.");
}

function remoteSignal(port: MessagePort, aborted: boolean): AbortSignal {
  const controller = new AbortController();
  port.onmessage = (event: MessageEvent) => {
    controller.abort(unpack(event.data));
    port.close();
  };
  if (aborted) controller.abort(new WherryError("cancelled", "Cancelled."));
  return controller.signal;
}

function serveFunction(serve: AnyFunction, port: MessagePort): void {
  port.onmessage = (event: MessageEvent) => {
    const { number, arguments: given } = event.data as Call;
    const answer = (ok: boolean, value: unknown) => {
      const packed = ok ? pack(value) : { value: packError(value), transfer: [] };
      port.postMessage({ number, ok, value: packed.value } satisfies Answer, packed.transfer);
    };
    void (async () => {
      try {
        answer(true, await serve(...given.map(unpack)));
      } catch (error) {
        answer(false, error);
      }
    })();
  };
}

function remoteFunction(port: MessagePort): AnyFunction {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  let next = 0;
  port.onmessage = (event: MessageEvent) => {
    const answer = event.data as Answer;
    const call = waiting.get(answer.number);
    waiting.delete(answer.number);
    if (answer.ok) call?.resolve(unpack(answer.value));
    else call?.reject(unpack(answer.value));
  };
  return (...given: unknown[]) => {
    const number = next++;
    const packed = pack(given);
    const answer = new Promise((resolve, reject) => waiting.set(number, { resolve, reject }));
    answer.catch(() => {});
    port.postMessage({ number, arguments: packed.value as unknown[] } satisfies Call, packed.transfer);
    return answer;
  };
}
