/**
 * Reading JSON that others wrote: each step knows where it is, so that a mistake is named by its place, as in
 * `manifest.json: entry 0 has no Config`.
 */
import { WherryError } from "../base/errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function invalid(where: string, problem: string): WherryError {
  return new WherryError("invalid-manifest", `${where} ${problem}`);
}

export function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid(`${file}:`, "is not valid JSON");
  }
}

export function asObject(value: unknown, where: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(where, "is not an object");
  return value as JsonObject;
}

export function asArray(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(where, "is not a list");
  return value;
}

/** A field that must be there. */
export function required(object: JsonObject, key: string, where: string): unknown {
  const value = object[key];
  if (value === undefined || value === null) throw invalid(where, `has no ${key}`);
  return value;
}

export function requiredString(object: JsonObject, key: string, where: string): string {
  const value = required(object, key, where);
  if (typeof value !== "string") throw invalid(where, `has a ${key} that is not a string`);
  return value;
}

export function optionalString(object: JsonObject, key: string, where: string): string | undefined {
  return object[key] === undefined || object[key] === null ? undefined : requiredString(object, key, where);
}

export function requiredStrings(object: JsonObject, key: string, where: string): readonly string[] {
  const value = required(object, key, where);
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw invalid(where, `has a ${key} that is not a list of strings`);
  return value as readonly string[];
}

export function optionalStrings(object: JsonObject, key: string, where: string): readonly string[] | undefined {
  return object[key] === undefined || object[key] === null ? undefined : requiredStrings(object, key, where);
}

/** A map of strings, as labels and annotations are. */
export function optionalStringMap(
  object: JsonObject,
  key: string,
  where: string,
): Readonly<Record<string, string>> | undefined {
  if (object[key] === undefined || object[key] === null) return undefined;
  const map = asObject(object[key], `${where}: its ${key}`);
  for (const value of Object.values(map))
    if (typeof value !== "string") throw invalid(where, `has a ${key} whose values are not all strings`);
  return map as Readonly<Record<string, string>>;
}

/** A map whose values mean nothing, as exposed ports and volumes are. */
export function optionalSet(
  object: JsonObject,
  key: string,
  where: string,
): Readonly<Record<string, object>> | undefined {
  if (object[key] === undefined || object[key] === null) return undefined;
  const keys = Object.keys(asObject(object[key], `${where}: its ${key}`));
  return Object.fromEntries(keys.map((name) => [name, {}]));
}
