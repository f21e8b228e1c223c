/** Tells compressed data by its first bytes, as docker load does, and undoes the compression. */
import { gunzip, gunzipReopenable } from "./gzip.ts";
import { type ByteStream, peek } from "./stream.ts";
import { unzstd } from "./zstd.ts";

export type Compression = "gzip" | "zstd" | "none";

/** Bytes `detectCompression` wants to see. */
export const magicBytes = 4;

export function detectCompression(prefix: Uint8Array): Compression {
  if (prefix[0] === 0x1f && prefix[1] === 0x8b && prefix[2] === 8) return "gzip";
  const isZstd = prefix[0] === 0x28 && prefix[1] === 0xb5 && prefix[2] === 0x2f && prefix[3] === 0xfd;
  const isSkippable = (prefix[0]! & 0xf0) === 0x50 && prefix[1] === 0x2a && prefix[2] === 0x4d && prefix[3] === 0x18;
  return isZstd || isSkippable ? "zstd" : "none";
}

/** Decoders a host has that are better than ours: Node's zlib. */
export interface NativeDecoders {
  readonly gunzip?: (source: ByteStream) => ByteStream;
  readonly unzstd?: (source: ByteStream) => ByteStream;
}

/** Plain bytes of a stream that comes only once. */
export async function decompress(
  source: ByteStream,
  native: NativeDecoders = {},
): Promise<{ compression: Compression; stream: ByteStream }> {
  const { prefix, stream } = await peek(source, magicBytes);
  const compression = detectCompression(prefix);
  return { compression, stream: decoded(compression, stream, native) };
}

/** Plain bytes of data that can be opened again, which lets the browser's own decoder be tried first. */
export async function decompressReopenable(
  open: () => ByteStream,
  native: NativeDecoders = {},
): Promise<{ compression: Compression; stream: ByteStream }> {
  const { prefix, stream } = await peek(open(), magicBytes);
  const compression = detectCompression(prefix);
  if (compression !== "gzip" || native.gunzip) return { compression, stream: decoded(compression, stream, native) };
  let first: ByteStream | null = stream;
  const reopen = () => {
    const opened = first ?? open();
    first = null;
    return opened;
  };
  return { compression, stream: gunzipReopenable(reopen) };
}

function decoded(compression: Compression, source: ByteStream, native: NativeDecoders): ByteStream {
  if (compression === "gzip") return (native.gunzip ?? gunzip)(source);
  if (compression === "zstd") return (native.unzstd ?? unzstd)(source);
  return source;
}
