/** What to do about an error, by its code: the message says what happened, this says what helps. */
import type { ErrorCode, WherryError } from "../base/errors.ts";

const hints: Readonly<Record<ErrorCode, string>> = {
  usage: "Change what was entered and try again.",
  "not-found": "It may have been removed, perhaps in another tab.",
  conflict: "Another tab or an earlier command may be using it. Stop it there first, or choose another name.",
  "invalid-archive": "Wherry reads what “docker save” or “skopeo copy … oci-archive:” writes. Make the file again.",
  "digest-mismatch": "The file is damaged. Get or make it again.",
  "size-mismatch": "The file is damaged or was cut off. Get or make it again.",
  "invalid-manifest": "The image is not complete. Make the archive again from its source.",
  "no-platform": "Wherry runs linux/amd64 and WASI images. Save the image with “--platform linux/amd64”.",
  "unsafe-path": "The archive tries to write outside the image, so it was refused. Do not trust it.",
  "limit-exceeded": "The image is larger than Wherry accepts.",
  "storage-full": "Remove images or containers you no longer need, or free space on this device, then try again.",
  "command-not-found": "Check the spelling, or run a command the image has, such as sh.",
  "not-executable": "The file has no permission to be run, or it is a folder.",
  "invalid-executable": "Wherry runs 64-bit x86 Linux programs, scripts and WASI modules.",
  unsupported: "Wherry cannot do this yet.",
  cancelled: "Nothing was kept.",
  network: "Check the address and your connection. The other server must allow this page to read it (CORS).",
  internal: "This is a fault in Wherry. Reload the page; if it comes again, please report it.",
};

export function hintFor(error: WherryError): string {
  return hints[error.code];
}
