/** Opens whatever an image is loaded from: an archive as a stream of bytes, or a folder that is an OCI layout. */
import { WherryError } from "../../base/errors.ts";
import { type ByteStream, fromReadable } from "../../codec/stream.ts";
import type { ImageSource } from "../types.ts";
import type { ImagesHost, OpenedPath } from "./host.ts";
import { layoutAt } from "./layout.ts";

export async function openSource(
  source: ImageSource,
  host: ImagesHost,
  signal: AbortSignal | undefined,
): Promise<OpenedPath> {
  switch (source.kind) {
    case "blob": {
      const { blob } = source;
      return {
        kind: "file",
        stream: interruptible(blob.stream(), signal),
        sizeBytes: blob.size,
        slice: (offset, length) => interruptible(blob.slice(offset, offset + length).stream(), signal),
      };
    }
    case "stream":
      return { kind: "file", stream: interruptible(source.stream, signal), sizeBytes: source.sizeBytes ?? null };
    case "path":
      if (!host.openPath)
        throw new WherryError("unsupported", "a page has no paths: hand in a file, a stream or an address");
      return host.openPath(source.path);
    case "url":
      return openUrl(source.url, host, signal);
  }
}

async function openUrl(url: string, host: ImagesHost, signal: AbortSignal | undefined): Promise<OpenedPath> {
  const get = (address: string) => fetchFile(address, host, signal);
  const { pathname, href } = parseUrl(url);
  const isIndex = pathname.endsWith("/index.json");
  // A name with an extension is an archive; anything else may be a folder, which its index.json tells.
  if (isIndex || !/\.[A-Za-z0-9]+$/.test(pathname)) {
    const base = isIndex || pathname.endsWith("/") ? href : `${href.replace(/[?#].*$/s, "")}/`;
    const folder = layoutAt(base, get);
    if (await hasIndex(folder)) return { kind: "folder", folder };
    if (isIndex || pathname.endsWith("/"))
      throw new WherryError("invalid-archive", `${url}: there is no OCI layout, since it has no index.json`);
  }
  const file = await get(href);
  if (!file) throw new WherryError("network", `cannot load ${url}: not found (HTTP status 404)`);
  if (host.spool === undefined) return { kind: "file", ...file };
  return openSource({ kind: "blob", blob: await host.spool(file.stream, file.sizeBytes) }, host, signal);
}

/** Static servers may answer anything for a file that is not there, often a page. */
async function hasIndex(folder: ReturnType<typeof layoutAt>): Promise<boolean> {
  const index = await folder.open("index.json");
  if (!index) return false;
  for await (const chunk of index.stream)
    if (chunk.length > 0) return /^\s*\{/.test(String.fromCharCode(...chunk.subarray(0, 64)));
  return false;
}

async function fetchFile(
  url: string,
  host: ImagesHost,
  signal: AbortSignal | undefined,
): Promise<{ readonly stream: ByteStream; readonly sizeBytes: number | null } | null> {
  const get = host.fetch ?? ((address, options) => fetch(address, options));
  let response: Response;
  try {
    response = await get(url, signal ? { signal } : {});
  } catch (error) {
    if (signal?.aborted) throw new WherryError("cancelled", "cancelled");
    throw new WherryError(
      "network",
      `cannot load ${url}: the server does not answer, or does not let this page read it (CORS)`,
      { cause: error },
    );
  }
  if (response.status === 404) return null;
  if (!response.ok || !response.body)
    throw new WherryError("network", `cannot load ${url}: HTTP status ${response.status}`);
  // A length that counts compressed bytes says nothing about what is read.
  const length = response.headers.has("content-encoding") ? null : response.headers.get("content-length");
  const body = response.body;
  async function* stream(): AsyncGenerator<Uint8Array> {
    try {
      yield* fromReadable(body);
    } catch (error) {
      if (signal?.aborted) throw new WherryError("cancelled", "cancelled");
      throw new WherryError("network", `the connection broke while loading ${url}`, { cause: error });
    }
  }
  return { stream: stream(), sizeBytes: length === null ? null : Number(length) };
}

function parseUrl(url: string): URL {
  try {
    return new URL(url, globalThis.location?.href);
  } catch {
    throw new WherryError("usage", `"${url}" is not an address`);
  }
}

/** A read that waits for bytes which never come must end too when the load is cancelled. */
async function* interruptible(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (!signal) return yield* fromReadable(stream);
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  let finished = false;
  try {
    for (;;) {
      if (signal.aborted) throw new WherryError("cancelled", "cancelled");
      const { done, value } = await reader.read();
      if (signal.aborted) throw new WherryError("cancelled", "cancelled");
      if (done) {
        finished = true;
        return;
      }
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    if (!finished) await reader.cancel().catch(() => {});
  }
}
