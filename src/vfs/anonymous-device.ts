/** Device numbers of file systems without a disk: major 0, a minor each (Linux: get_anon_bdev). */
import { makeDevice } from "../abi/stat.ts";

let nextMinor = 20;

export function anonymousDevice(): number {
  return makeDevice(0, nextMinor++);
}
