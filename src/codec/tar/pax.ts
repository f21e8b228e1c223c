/** PAX extended headers (POSIX.1-2017, pax, "pax Extended Header"): lines of "length keyword=value\n". */
import { concat, decodeName, encodeName, encodeUtf8 } from "../../base/bytes.ts";
import { badHeader } from "./header.ts";

export interface PaxRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

/** In their order, which matters to GNU sparse files of format 0.0. */
export function parsePax(bytes: Uint8Array): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 || space - at > 9 ? "" : decodeName(bytes.subarray(at, space));
    const length = /^[0-9]+$/.test(digits) ? Number.parseInt(digits, 10) : 0;
    const end = at + length;
    const equals = bytes.indexOf(0x3d, space);
    if (length === 0 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end - 1)
      throw badHeader("an extended header is not well formed");
    records.push({ key: decodeName(bytes.subarray(space + 1, equals)), value: bytes.slice(equals + 1, end - 1) });
    at = end;
  }
  return records;
}

export function encodePax(
  records: readonly { readonly key: string; readonly value: string | Uint8Array }[],
): Uint8Array {
  return concat(
    records.map(({ key, value }) => {
      const body = concat([
        encodeName(` ${key}=`),
        typeof value === "string" ? encodeName(value) : value,
        Uint8Array.of(0x0a),
      ]);
      // The length counts its own digits.
      let length = body.length + String(body.length).length;
      length = body.length + String(length).length;
      return concat([encodeUtf8(String(length)), body]);
    }),
  );
}

export function paxInteger(value: Uint8Array, key: string): number {
  const digits = decodeName(value);
  const result = /^[0-9]+$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(result)) throw badHeader(`${key} is not a number`);
  return result;
}

/** A time as decimal seconds with a fraction, possibly before 1970. Digits past nanoseconds are cut. */
export function paxTime(value: Uint8Array, key: string): { seconds: number; nanoseconds: number } {
  const match = /^(-?)([0-9]+)(?:\.([0-9]*))?$/.exec(decodeName(value));
  if (!match || !Number.isSafeInteger(Number(match[2]))) throw badHeader(`${key} is not a time`);
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? "").padEnd(9, "0").slice(0, 9));
  if (match[1] === "") return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}
