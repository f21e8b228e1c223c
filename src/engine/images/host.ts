/** What the images part of the engine asks of its host. Everything has a default that works in a page. */
import type { CreateHasher } from "../../base/hasher.ts";
import type { NativeDecoders } from "../../codec/decompress.ts";
import type { ByteStream } from "../../codec/stream.ts";

/** A path of the host: an archive, or a folder that is an OCI layout. */
export type OpenedPath =
  | {
      readonly kind: "file";
      readonly stream: ByteStream;
      readonly sizeBytes: number | null;
      /** A part of the file, as often as wanted, where the host can: a browser's own gzip decoder needs that. */
      readonly slice?: (offset: number, length: number) => ByteStream;
    }
  | { readonly kind: "folder"; readonly folder: LayoutFolder };

export interface LayoutFolder {
  /** A file by its path in the folder, from its beginning; null when there is none. */
  open(path: string): Promise<{ readonly stream: ByteStream; readonly sizeBytes: number | null } | null>;
}

export interface ImagesHost {
  /** hash-wasm unless the host has something quicker. */
  readonly createHasher?: CreateHasher;
  readonly decoders?: NativeDecoders;
  readonly openPath?: (path: string) => Promise<OpenedPath>;
  /** Takes in a whole download first, so that it can be read in slices (`spool.ts`); without it, it is read as it comes. */
  readonly spool?: (stream: ByteStream, sizeBytes: number | null) => Promise<Blob>;
  readonly fetch?: (url: string, options: { readonly signal?: AbortSignal }) => Promise<Response>;
}
