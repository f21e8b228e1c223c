/**
 * Modules of regions taken apart and put together: all have the same types and imports, so the code of one region fits
 * into any of them. What is taken is a function's body preceded by what is known of its
 * branches:
 *
 *     length of the hints (unsigned LEB128), the hints as they stand in their section, locals and code
 */
import { pushUnsigned } from "../../encode/expression.ts";
import { branchHintsName, customSection, ModuleBuilder } from "../../encode/module.ts";
import { frameBase } from "../layout.ts";
import { importRegionFunctions, regionSignature } from "./interface.ts";

const section = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const headerBytes = 8;
/** Behind the place of a hint: its length and value. */
const hintBytes = 2;

interface Sections {
  /** Header, types and imports: what the code of a region depends on. */
  readonly prelude: Uint8Array;
  readonly functions: Uint8Array;
  readonly code: Uint8Array;
  /** Content of the one custom section there may be, or null. */
  readonly hints: Uint8Array | null;
}

function sectionsOf(module: Uint8Array): Sections {
  let at = headerBytes;
  let preludeEnd = at;
  const found = new Map<number, Uint8Array>();
  while (at < module.length) {
    const id = module[at]!;
    const [size, body] = readUnsigned(module, at + 1);
    found.set(id, module.subarray(body, body + size));
    at = body + size;
    if (id === section.type || id === section.import) preludeEnd = at;
  }
  return {
    prelude: module.subarray(0, preludeEnd),
    functions: found.get(section.function)!,
    code: found.get(section.code)!,
    hints: found.get(section.custom) ?? null,
  };
}

/** Hints by the number of their function. */
function hintsOf(content: Uint8Array | null): Map<number, Uint8Array> {
  const hints = new Map<number, Uint8Array>();
  if (content === null) return hints;
  const [nameBytes, name] = readUnsigned(content, 0);
  let [count, at] = readUnsigned(content, name + nameBytes);
  for (; count > 0; count--) {
    const [index, list] = readUnsigned(content, at);
    let [places, end] = readUnsigned(content, list);
    for (; places > 0; places--) end = readUnsigned(content, end)[1] + hintBytes;
    hints.set(index, content.subarray(list, end));
    at = end;
  }
  return hints;
}

function readUnsigned(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

interface Template {
  readonly prelude: Uint8Array;
  /** Number of a region's type; how many functions are imported. */
  readonly type: number;
  readonly imports: number;
}

let template: Template | undefined;

function templateOf(): Template {
  if (template === undefined) {
    const m = new ModuleBuilder();
    m.importMemory("region", "memory", frameBase >> 16);
    importRegionFunctions(m);
    const f = m.function("0", regionSignature.params, regionSignature.results);
    f.unreachable();
    const { prelude, functions } = sectionsOf(m.bytes());
    // One function: its count, then its type.
    template = { prelude, type: readUnsigned(functions, 1)[0], imports: f.index };
  }
  return template;
}

/** What all modules of regions begin with. */
export function regionPrelude(): Uint8Array {
  return templateOf().prelude;
}

/** The functions of a module of regions, or null if it is not made as the others are. */
export function regionBodies(module: Uint8Array): Uint8Array[] | null {
  const { prelude, code, hints } = sectionsOf(module);
  const expected = regionPrelude();
  if (prelude.length !== expected.length || !prelude.every((byte, i) => byte === expected[i])) return null;
  const { imports } = templateOf();
  const hinted = hintsOf(hints);
  const bodies: Uint8Array[] = [];
  let [, at] = readUnsigned(code, 0);
  while (at < code.length) {
    const [size, body] = readUnsigned(code, at);
    const own = hinted.get(imports + bodies.length) ?? none;
    const head: number[] = [];
    pushUnsigned(head, own.length);
    bodies.push(joined([Uint8Array.from(head), own, code.subarray(body, body + size)]));
    at = body + size;
  }
  return bodies;
}

const none = new Uint8Array();

/** A module whose exports "0", "1"… are functions taken from others. */
export function linkRegions(bodies: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const { prelude, type, imports } = templateOf();
  const functions: number[] = [];
  const exports: number[] = [];
  const codeHead: number[] = [];
  for (const list of [functions, exports, codeHead]) pushUnsigned(list, bodies.length);
  const code: Uint8Array[] = [Uint8Array.from(codeHead)];
  const hints: Uint8Array[] = [];
  bodies.forEach((whole, i) => {
    pushUnsigned(functions, type);
    const name = `${i}`;
    exports.push(name.length);
    for (let c = 0; c < name.length; c++) exports.push(name.charCodeAt(c));
    exports.push(0);
    pushUnsigned(exports, imports + i);
    const [length, start] = readUnsigned(whole, 0);
    const body = whole.subarray(start + length);
    if (length > 0) {
      const index: number[] = [];
      pushUnsigned(index, imports + i);
      hints.push(Uint8Array.from(index), whole.subarray(start, start + length));
    }
    const size: number[] = [];
    pushUnsigned(size, body.length);
    code.push(Uint8Array.from(size), body);
  });
  const parts: Uint8Array[] = [prelude];
  const add = (id: number, content: readonly Uint8Array[]): void => {
    const head = [id];
    pushUnsigned(
      head,
      content.reduce((sum, part) => sum + part.length, 0),
    );
    parts.push(Uint8Array.from(head), ...content);
  };
  add(section.function, [Uint8Array.from(functions)]);
  add(section.export, [Uint8Array.from(exports)]);
  if (hints.length > 0) {
    const head = customSection(branchHintsName);
    pushUnsigned(head, hints.length / 2);
    add(section.custom, [Uint8Array.from(head), ...hints]);
  }
  add(section.code, code);
  return joined(parts);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
