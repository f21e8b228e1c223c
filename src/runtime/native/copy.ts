/** Streams a tar out of, or into, a `wherry internal copy-…` process that stands where the container's files are. */
import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { WherryError } from "../../base/errors.ts";
import { mountFailedCode } from "./start-error.ts";

function start(command: readonly string[], input: "pipe" | "ignore") {
  const [program, ...rest] = command;
  const child = spawn(program!, rest, { stdio: [input, "pipe", "pipe"] });
  let complaint = "";
  child.stderr!.on("data", (bytes: Buffer) => (complaint += bytes.toString()));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else if (code === mountFailedCode)
        reject(new WherryError("unsupported", `the container's file system cannot be mounted: ${complaint.trim()}`));
      else reject(internalError(complaint));
    });
  });
  ended.catch(() => {});
  return { child, ended };
}

/** An internal command tells its error as one JSON line. */
function internalError(complaint: string): WherryError {
  try {
    return WherryError.from(JSON.parse(complaint));
  } catch {
    return new WherryError("internal", complaint.trim() || "the copy ended unexpectedly");
  }
}

export async function copyOut(command: readonly string[]): Promise<ReadableStream<Uint8Array>> {
  const { child, ended } = start(command, "ignore");
  const source = child.stdout!;
  // The first bytes, or the reason there are none: a missing path is said here, not in the middle of the stream.
  await Promise.race([new Promise((resolve) => source.once("readable", resolve)), ended]);
  // The end alone makes it readable too.
  if (source.readableLength === 0) await ended;
  const chunks = (async function* () {
    for await (const bytes of source) yield bytes as Uint8Array;
    await ended;
  })();
  return Readable.toWeb(Readable.from(chunks, { objectMode: true })) as ReadableStream<Uint8Array>;
}

export async function copyIn(command: readonly string[], tar: ReadableStream<Uint8Array>): Promise<void> {
  const { child, ended } = start(command, "pipe");
  const target = child.stdin!;
  target.on("error", () => {});
  const writing = (async () => {
    for await (const bytes of tar as unknown as AsyncIterable<Uint8Array>) {
      if (target.destroyed) return;
      if (!target.write(bytes))
        await new Promise<void>((resolve) => {
          target.once("drain", resolve);
          target.once("close", resolve);
        });
    }
    target.end();
  })();
  writing.catch(() => target.destroy());
  await ended;
  await writing;
}
