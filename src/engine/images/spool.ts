/**
 * Takes in a whole download before it is unpacked, as a Blob, which browsers keep outside the page and on disk when it
 * is large. It can then be read in slices, which lets the browser's own gunzip do the work: much quicker than one that
 * has to take bytes as they come.
 */
import { concat } from "../../base/bytes.ts";
import { limits } from "../../base/limits.ts";
import type { ByteStream } from "../../codec/stream.ts";

export async function spoolToBlob(stream: ByteStream, onProgress: (doneBytes: number) => void): Promise<Blob> {
  const pieces: Blob[] = [];
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let doneBytes = 0;
  // One Blob a piece, so that what has come does not pile up here.
  const flush = () => {
    pieces.push(new Blob([concat(waiting)]));
    waiting = [];
    waitingBytes = 0;
  };
  for await (const chunk of stream) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    doneBytes += chunk.length;
    if (waitingBytes >= limits.spoolPieceBytes) flush();
    onProgress(doneBytes);
  }
  flush();
  return new Blob(pieces);
}
