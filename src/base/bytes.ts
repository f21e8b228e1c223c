/**
 * Bytes and text. Linux file names are bytes, ours are strings: bytes that are not UTF-8 map to lone surrogates
 * U+DC80–U+DCFF and back, as Python's `surrogateescape` does (PEP 383), so that every name survives the round trip.
 */
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** A file name or other kernel string to bytes; the inverse of `decodeName`. */
export function encodeName(name: string): Uint8Array<ArrayBuffer> {
  let escaped = false;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit >= 0xdc80 && unit <= 0xdcff && !isHighSurrogate(name.charCodeAt(i - 1))) {
      escaped = true;
      break;
    }
  }
  if (!escaped) return encoder.encode(name);
  const parts: number[] = [];
  for (let i = 0; i < name.length; i++) {
    const point = name.codePointAt(i)!;
    if (point >= 0xdc80 && point <= 0xdcff) parts.push(point - 0xdc00);
    else parts.push(...encoder.encode(String.fromCodePoint(point)));
    if (point > 0xffff) i++;
  }
  return Uint8Array.from(parts);
}

/** Kernel bytes to a string; never fails and loses nothing. */
export function decodeName(bytes: Uint8Array): string {
  // A TextDecoder refuses shared or resizable buffers in some browsers: decode a plain copy.
  const copy = bytes.slice();
  try {
    return strictDecoder.decode(copy);
  } catch {
    return decodeEscaped(copy);
  }
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]!;
    const length =
      lead < 0x80
        ? 1
        : lead >= 0xc2 && lead < 0xe0
          ? 2
          : lead >= 0xe0 && lead < 0xf0
            ? 3
            : lead >= 0xf0 && lead < 0xf5
              ? 4
              : 0;
    if (length > 0 && i + length <= bytes.length) {
      try {
        text += strictDecoder.decode(bytes.slice(i, i + length));
        i += length;
        continue;
      } catch {
        // Not UTF-8 after all: the lead byte alone is escaped.
      }
    }
    text += String.fromCharCode(0xdc00 + lead);
    i++;
  }
  return text;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
