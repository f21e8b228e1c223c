/** The errors all stores share, worded once. */
import { WherryError } from "../base/errors.ts";

export function noSuchPack(digest: string): WherryError {
  return new WherryError("not-found", `no such pack in the store: ${digest}`, { data: { digest } });
}

/** A read outside a pack is a mistake of the caller or a damaged index, never the user's. */
export function checkPackRange(digest: string, offset: number, length: number, sizeBytes: number): void {
  if (offset < 0 || length < 0 || offset + length > sizeBytes)
    throw new WherryError(
      "internal",
      `read of ${length} bytes at ${offset} is outside pack ${digest} of ${sizeBytes} bytes`,
    );
}

export function storageFull(cause?: unknown): WherryError {
  return new WherryError(
    "storage-full",
    "no space left in the store: remove images or containers, or raise the quota",
    {
      cause,
    },
  );
}

/** A pack writer is used up once committed or aborted. */
export function writerClosed(): WherryError {
  return new WherryError("internal", "this pack writer is already committed or aborted");
}
