/** What Node gives the images part of the engine: files and folders by path, and its own SHA-256 and gunzip. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { WherryError } from "../../base/errors.ts";
import type { Hasher } from "../../base/hasher.ts";
import type { ByteStream } from "../../codec/stream.ts";
import type { ImagesHost, LayoutFolder, OpenedPath } from "../../engine/images/host.ts";

/** Read and decompressed at a time. */
const chunkBytes = 256 * 1024;

export const nodeImagesHost: ImagesHost = {
  createHasher: async (): Promise<Hasher> => {
    const hash = createHash("sha256");
    return { update: (bytes) => void hash.update(bytes), digest: () => `sha256:${hash.digest("hex")}` };
  },
  decoders: { gunzip },
  openPath,
};

async function openPath(path: string): Promise<OpenedPath> {
  let about: Awaited<ReturnType<typeof stat>>;
  try {
    about = await stat(path);
  } catch (error) {
    throw fileError(path, error);
  }
  if (about.isDirectory()) return { kind: "folder", folder: layoutFolder(path) };
  return { kind: "file", stream: readFile(path), sizeBytes: about.isFile() ? about.size : null };
}

function layoutFolder(root: string): LayoutFolder {
  return {
    async open(path) {
      const file = join(root, path);
      try {
        const { size } = await stat(file);
        return { stream: readFile(file), sizeBytes: size };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw fileError(file, error);
      }
    },
  };
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) yield chunk as Uint8Array;
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Worded as docker words it: "open x.tar: no such file or directory". */
function fileError(path: string, error: unknown): unknown {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EPERM: "operation not permitted",
    ENOTDIR: "not a directory",
  };
  const reason = reasons[(error as NodeJS.ErrnoException).code ?? ""];
  return reason ? new WherryError("not-found", `open ${path}: ${reason}`, { cause: error }) : error;
}

/** Takes several members, and works in a thread of its own. */
async function* gunzip(source: ByteStream): AsyncGenerator<Uint8Array> {
  let sourceFailure: { readonly error: unknown } | null = null;
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      sourceFailure = { error };
      throw error;
    }
  }
  const decoder = createGunzip({ chunkSize: chunkBytes });
  // Its error is the decoder's too, which the loop below meets.
  const piping = pipeline(Readable.from(watched(), { objectMode: false }), decoder).catch(() => {});
  try {
    for await (const chunk of decoder) yield chunk as Uint8Array;
  } catch (error) {
    const failure = sourceFailure as { readonly error: unknown } | null;
    if (failure) throw failure.error;
    const isCut = (error as NodeJS.ErrnoException).code === "Z_BUF_ERROR";
    throw new WherryError(
      "invalid-archive",
      isCut
        ? "the gzip data ends too early: the archive is truncated"
        : `the gzip data is damaged: ${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    decoder.destroy();
    await piping;
  }
}
