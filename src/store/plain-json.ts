/**
 * Documents as JSON text. JSON lacks bytes, big integers, NaN and infinities, so these become objects with one `$` key;
 * a real key that starts with `$` gets a second one. Whatever else structured clone could carry (Map, Date, functions)
 * is refused: documents are plain data.
 */
import { WherryError } from "../base/errors.ts";

export function toPlainJson(value: unknown): string {
  return JSON.stringify(encode(value, 0));
}

export function fromPlainJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Most documents hold nothing special: do not walk them.
  return text.includes('"$') ? decode(value) : value;
}

const depthMax = 100;

function encode(value: unknown, depth: number): unknown {
  if (depth > depthMax) throw new WherryError("internal", "a document nested this deep cannot be stored");
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value;
    case "number":
      return Number.isFinite(value) ? value : { $number: String(value) };
    case "bigint":
      return { $bigint: String(value) };
    case "object":
      break;
    default:
      throw new WherryError("internal", `a ${typeof value} cannot be stored in a document`);
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) };
  if (Array.isArray(value)) return value.map((item) => encode(item, depth + 1) ?? null);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new WherryError("internal", `a ${value.constructor.name} cannot be stored in a document`);
  const plain: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value))
    define(plain, key.startsWith("$") ? `$${key}` : key, encode(item, depth + 1));
  return plain;
}

function decode(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decode);
  const object = value as Record<string, unknown>;
  if (typeof object.$bytes === "string") return fromBase64(object.$bytes);
  if (typeof object.$bigint === "string") return BigInt(object.$bigint);
  if (typeof object.$number === "string") return Number(object.$number);
  const plain: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(object))
    define(plain, key.startsWith("$") ? key.slice(1) : key, decode(item));
  return plain;
}

/** Plain assignment would take the key `__proto__` for the prototype. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x2000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x2000));
  return btoa(binary);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
