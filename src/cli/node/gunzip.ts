/** Node's own gzip decoder, which takes multi-member files too. */
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { WherryError } from "../../base/errors.ts";
import type { ByteStream } from "../../codec/stream.ts";

export async function* gunzip(source: ByteStream): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source, { objectMode: false });
  const decoder = createGunzip({ chunkSize: 1 << 18 });
  // What is wrong with the source is told as it is, not as a fault of the gzip data.
  input.once("error", (error) => decoder.destroy(error));
  try {
    for await (const bytes of input.pipe(decoder)) yield bytes as Uint8Array;
  } catch (error) {
    if (error instanceof WherryError) throw error;
    throw new WherryError("invalid-archive", `the gzip data is damaged: ${(error as Error).message}`, { cause: error });
  } finally {
    input.destroy();
  }
}
