/**
 * A share link: what to run, in the address's hash, so it never reaches a server and works on any static host.
 *
 *     #v1/run/debian?cmd=python3&cmd=-c&cmd=print(1)&e=LANG=C&w=/tmp&u=nobody
 *     #v1/run/https:/example.org/image.tar?t=0
 *     #v1/z/…          the same, deflated and base64url, where the readable form is long
 *
 * IMAGE is the name of a demo image, or the http(s) address of an archive or OCI layout. One `cmd` with spaces is a
 * command line as a shell splits it; several are its words. Reading a link gives plain data and runs nothing.
 */
import type { CpuLevel, JitMode } from "../../wasm/x86/types.ts";
import { WherryError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { defaultCpuLevel, defaultJitMode, parseCpuLevel, parseJitMode } from "../container/processor.ts";
import { joinWords, splitWords } from "./words.ts";

export interface SharedRun {
  /** A demo's name, or an address. */
  readonly image: string;
  /** Empty: the image's own command. */
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly tty: boolean;
  readonly name: string;
  /** The emulator's processor and whether it compiles, where the link says so. */
  readonly cpu?: CpuLevel;
  readonly jit?: JitMode;
}

const readablePrefix = "#v1/run/";
const compressedPrefix = "#v1/z/";

export function isShareLink(hash: string): boolean {
  return /^#v\d+\//.test(hash);
}

export async function encodeShare(run: SharedRun): Promise<string> {
  const readable = encodeReadable(run);
  if (readable.length <= limits.shareReadableCharactersMax) return readable;
  const packed = compressedPrefix + toBase64Url(await deflate(readable.slice(readablePrefix.length)));
  return packed.length < readable.length ? packed : readable;
}

export async function decodeShare(hash: string): Promise<SharedRun> {
  if (hash.startsWith(compressedPrefix)) {
    return decodeReadable(await inflate(fromBase64Url(hash.slice(compressedPrefix.length))));
  }
  if (hash.startsWith(readablePrefix)) return decodeReadable(hash.slice(readablePrefix.length));
  throw new WherryError("usage", "This share link was made by another version of Wherry, and this one cannot read it.");
}

function encodeReadable(run: SharedRun): string {
  const pairs: [string, string][] = [];
  if (run.command.length > 0) pairs.push(["cmd", joinWords(run.command)]);
  for (const variable of run.environment) pairs.push(["e", variable]);
  if (run.workingDirectory !== "") pairs.push(["w", run.workingDirectory]);
  if (run.user !== "") pairs.push(["u", run.user]);
  if (run.name !== "") pairs.push(["name", run.name]);
  if (!run.tty) pairs.push(["t", "0"]);
  if (run.cpu !== undefined && run.cpu !== defaultCpuLevel) pairs.push(["cpu", run.cpu]);
  if (run.jit !== undefined && run.jit !== defaultJitMode) pairs.push(["jit", run.jit]);
  const query = pairs.map(([key, value]) => `${key}=${escapeValue(value)}`).join("&");
  return readablePrefix + escapeImage(run.image) + (query === "" ? "" : `?${query}`);
}

function decodeReadable(text: string): SharedRun {
  const at = text.indexOf("?");
  const image = unescape(at < 0 ? text : text.slice(0, at));
  if (image === "") throw new WherryError("usage", "This share link names no image.");
  const query = at < 0 ? "" : text.slice(at + 1);
  const commands: string[] = [];
  const environment: string[] = [];
  let [workingDirectory, user, name, tty] = ["", "", "", true];
  let cpu: CpuLevel | undefined;
  let jit: JitMode | undefined;
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const key = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? "" : unescape(pair.slice(equals + 1));
    if (key === "cmd") commands.push(value);
    else if (key === "e") environment.push(value);
    else if (key === "w") workingDirectory = value;
    else if (key === "u") user = value;
    else if (key === "name") name = value;
    else if (key === "t") tty = value !== "0";
    else if (key === "cpu") cpu = parseCpuLevel(value);
    else if (key === "jit") jit = parseJitMode(value);
    else throw new WherryError("usage", `This share link asks for "${key}", which this version does not know.`);
  }
  const command = commands.length === 1 ? splitWords(commands[0]!) : commands;
  return {
    image,
    command,
    environment,
    workingDirectory,
    user,
    tty,
    name,
    ...(cpu !== undefined && { cpu }),
    ...(jit !== undefined && { jit }),
  };
}

/** Leaves readable what an address's hash may hold as it is; a space is "+", as in forms. */
function escapeValue(text: string): string {
  return encodeURIComponent(text).replaceAll("%20", "+").replaceAll("%2F", "/").replaceAll("%3A", ":");
}

function escapeImage(image: string): string {
  return encodeURIComponent(image).replaceAll("%2F", "/").replaceAll("%3A", ":");
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new WherryError("usage", "This share link is damaged: it has a broken % escape.");
  }
}

async function deflate(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
      if (text.length > limits.shareCharactersMax) break;
    }
  } catch (cause) {
    throw new WherryError("usage", "This share link is damaged: part of it is missing or was changed.", { cause });
  }
  await reader.cancel();
  throw new WherryError("limit-exceeded", "This share link unpacks to more than a share link may hold.");
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new WherryError("usage", "This share link is damaged: it holds characters no link has.", { cause });
  }
}
