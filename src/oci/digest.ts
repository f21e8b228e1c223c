/** Digests, "algorithm:hex" (image-spec/descriptor.md#digests). Only SHA-256 is computed; it is what images use. */
import { WherryError } from "../base/errors.ts";
import type { CreateHasher } from "../base/hasher.ts";

export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** The hexadecimal part. */
export function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** Where a layout keeps a blob. */
export function blobPath(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

export async function digestOf(bytes: Uint8Array, createHasher: CreateHasher): Promise<string> {
  const hasher = await createHasher();
  hasher.update(bytes);
  return hasher.digest();
}

export function digestMismatch(what: string, expected: string, actual: string): WherryError {
  return new WherryError("digest-mismatch", `${what}: the digest is ${actual}, but should be ${expected}`, {
    data: { expected, actual },
  });
}

export function sizeMismatch(what: string, expected: number, actual: number): WherryError {
  return new WherryError("size-mismatch", `${what}: the size is ${actual} bytes, but should be ${expected}`, {
    data: { expected, actual },
  });
}
