/** What the emulator's engine has done, for people and as a document: `stats --engine` and `info`. */
import type { ContainerStats, RuntimeCounters } from "../../engine/types.ts";
import { binarySize } from "./human.ts";
import { table } from "./table.ts";

type Accounts = NonNullable<ContainerStats["engine"]>["accounts"];

/** The kinds of time there are, in the order they are shown. */
export const accountNames: readonly (readonly [keyof Accounts, string])[] = [
  ["interpreterMs", "interpreter"],
  ["compiledMs", "compiled code"],
  ["compilingMs", "compiling"],
  ["decodingMs", "decoding"],
  ["faultsMs", "page faults"],
  ["kernelMs", "system calls"],
  ["idleMs", "idle"],
];

/** Counters by what people call them; one that has no words here is shown by its name. */
const counterWords: Readonly<Record<string, string>> = {
  instructions: "guest instructions",
  compiledRun: "of them in compiled code",
  regionEntries: "entries into compiled code",
  blocksDecoded: "blocks decoded",
  instructionsDecoded: "instructions decoded",
  tlbMisses: "TLB misses",
  codeInvalidations: "code invalidations",
  regions: "regions compiled",
  modules: "modules",
  compiledInstructions: "instructions compiled",
  compileMs: "milliseconds of compiling",
  cacheHits: "translations found",
  cacheMisses: "translations not found",
  invalidatedRegions: "regions invalidated",
};

export function counterRows(counters: Partial<RuntimeCounters>): readonly (readonly [string, string])[] {
  return Object.entries(counters).map(([name, value]) => [
    counterWords[name] ?? name,
    Math.round(Number(value)).toLocaleString("en-US"),
  ]);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)}s`;
const percent = (part: number, whole: number): string => `${(whole > 0 ? (part / whole) * 100 : 0).toFixed(1)}%`;
const total = (accounts: Accounts): number => Object.values(accounts).reduce((sum, ms) => sum + ms, 0);

/** What was added to each account between two readings. */
function since(before: Accounts, now: Accounts): Accounts {
  const entries = accountNames.map(([key]) => [key, Math.max(0, now[key] - before[key])]);
  return Object.fromEntries(entries) as unknown as Accounts;
}

export function engineReport(before: ContainerStats | null, now: ContainerStats): string {
  const engine = now.engine!;
  const { accounts } = engine;
  const recent = since(before?.engine?.accounts ?? accounts, accounts);
  const [all, lately] = [total(accounts), total(recent)];
  const parts = [
    `${now.name} (${now.id.slice(0, 12)}): ${engine.cpu}, jit ${engine.jit}, ${seconds(now.cpuMs)} of processor time, ${binarySize(engine.wasmBytes)} of memory\n`,
    table([
      ["WHERE", "TIME", "SHARE", "NOW"],
      ...accountNames.map(([key, words]) => [
        words,
        seconds(accounts[key]),
        percent(accounts[key], all),
        percent(recent[key], lately),
      ]),
    ]),
    table([
      ["SYSTEM CALL", "COUNT", "TIME"],
      ...engine.topSyscalls.map(({ name, count, ms }) => [name, String(count), `${ms.toFixed(1)}ms`]),
      ["all", String(engine.syscalls), `${accounts.kernelMs.toFixed(1)}ms`],
      ["(page faults)", String(engine.pageFaults), `${accounts.faultsMs.toFixed(1)}ms`],
    ]),
    table([["COUNTER", "VALUE"], ...counterRows(engine.counters)]),
  ];
  if (engine.missing.length > 0)
    parts.push(
      table([
        ["MISSING", "KIND", "COUNT"],
        ...engine.missing.map(({ name, kind, count }) => [name, kind, String(count)]),
      ]),
    );
  return parts.join("\n");
}

/** The same as a document: milliseconds since the start, and of the time since the reading before. */
export function engineDocument(before: ContainerStats | null, now: ContainerStats): Record<string, unknown> {
  const engine = now.engine!;
  const recent = since(before?.engine?.accounts ?? engine.accounts, engine.accounts);
  const times = (accounts: Accounts) =>
    Object.fromEntries(accountNames.map(([key]) => [capital(key), Number(accounts[key].toFixed(3))]));
  return {
    ID: now.id,
    Name: now.name,
    Cpu: engine.cpu,
    Jit: engine.jit,
    WasmBytes: engine.wasmBytes,
    Time: times(engine.accounts),
    Now: times(recent),
    PageFaults: engine.pageFaults,
    Syscalls: engine.syscalls,
    TopSyscalls: engine.topSyscalls.map(({ name, count, ms }) => ({
      Name: name,
      Count: count,
      Ms: Number(ms.toFixed(3)),
    })),
    Counters: Object.fromEntries(Object.entries(engine.counters).map(([name, value]) => [capital(name), value])),
    Missing: engine.missing.map(({ kind, name, count }) => ({ Kind: kind, Name: name, Count: count })),
  };
}

export const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
