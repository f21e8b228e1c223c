import { expect, test } from "vitest";
import { assemble, codeAddress, Machine } from "../../../test/x86/machine.ts";
import { exit, pte, type TranslationPack, type TranslationStore } from "../types.ts";
import { linkRegions, regionBodies } from "./link.ts";
import { decodePack, encodePack, entryKey, type Translation } from "./pack.ts";

let nextKey = 0;

/** Keeps packs as they were written. */
class Kept implements TranslationStore {
  readonly packs = new Map<string, { pack: Uint8Array; entries: Uint32Array }>();
  reads = 0;

  async list(): Promise<TranslationPack[]> {
    return [...this.packs].map(([key, { entries }]) => ({ key, entries, likely: true }));
  }
  async read(key: string): Promise<Uint8Array | null> {
    this.reads++;
    return this.packs.get(key)?.pack.slice() ?? null;
  }
  async write(pack: Uint8Array, entries: Uint32Array): Promise<string> {
    const key = `${nextKey++}`;
    this.packs.set(key, { pack, entries });
    return key;
  }
  async remove(key: string): Promise<void> {
    this.packs.delete(key);
  }
  /** The same packs, but none of those that this worker knows. */
  elsewhere(): Kept {
    const other = new Kept();
    for (const pack of this.packs.values()) other.packs.set(`${nextKey++}`, pack);
    return other;
  }
}

/** Adds 1 + … + n, n in ECX, by a function in the next page, whose first bytes may be chosen. */
const program = (inner = "add rax, rcx") =>
  assemble(`
    xor eax, eax
  1: call add
    dec rcx
    jnz 1b
    syscall
    .balign 4096
  add:
    ${inner}
    ret`);
/** Far more instructions than it takes until stored code is read. */
const rounds = 16_000_000;
const sum = (BigInt(rounds) * BigInt(rounds + 1)) / 2n;

/** The host's event loop. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

async function run(
  store: Kept,
  code: Uint8Array,
  at = codeAddress,
  prepare: (machine: Machine) => void = () => {},
): Promise<Machine> {
  const machine = new Machine(undefined, "on");
  machine.load(code, at);
  prepare(machine);
  machine.cpu.rip = at;
  const { cpu } = machine;
  await cpu.useTranslations(store);
  cpu.setRegisterNumber(1, rounds);
  // As the kernel does, the host's loop gets its turns: packs arrive then.
  let left: number = exit.budget;
  while (left === exit.budget) {
    left = cpu.run(400_000);
    await turn();
  }
  expect(left).toBe(exit.syscall);
  await cpu.keepTranslations();
  return machine;
}

test("a second run compiles nothing, wherever the code lies", async () => {
  let store = new Kept();
  const first = await run(store, program());
  expect(first.cpu.register(0)).toBe(sum);
  expect(first.cpu.counters).toMatchObject({ cacheHits: 0 });
  expect(first.cpu.counters.cacheMisses).toBeGreaterThan(0);
  expect(store.packs.size).toBe(1);
  for (const address of [codeAddress, 0x7f1234567000]) {
    store = store.elsewhere();
    const again = await run(store, program(), address);
    expect(again.cpu.register(0)).toBe(sum);
    expect(again.cpu.counters).toMatchObject({ regions: 0, cacheMisses: 0, compileMs: 0 });
    expect(again.cpu.counters.cacheHits).toBeGreaterThan(0);
    expect(store.packs.size).toBe(1);
    expect(store.reads).toBe(1);
  }
});

test("what this worker has compiled or read is used at once, and not read again", async () => {
  const store = new Kept();
  await run(store, program());
  const interpreted = async (from: Kept): Promise<number> => {
    const { counters } = (await run(from, program())).cpu;
    expect(counters).toMatchObject({ regions: 0, cacheMisses: 0 });
    return counters.instructions - counters.compiledRun;
  };
  expect(await interpreted(store)).toBeLessThan(100);
  expect(store.reads).toBe(0);
  const read = store.elsewhere();
  expect(await interpreted(read)).toBeGreaterThan(1_000_000);
  expect(await interpreted(read)).toBeLessThan(100);
  expect(read.reads).toBe(1);
});

test("in a program that has run for long, what is new is compiled soon, though nothing has been yet", async () => {
  const store = new Kept();
  await run(store, program());
  const machine = await run(store, program());
  const { cpu } = machine;
  const after = (): number => {
    const { instructions, compiledRun } = cpu.counters;
    return instructions - compiledRun;
  };
  expect(cpu.counters.modules).toBe(0);
  expect(cpu.counters.instructions).toBeLessThan(100_000_000);
  cpu.rip = codeAddress;
  cpu.setRegisterNumber(1, rounds);
  while (cpu.run(400_000) === exit.budget);
  const before = after();
  const other = 0x600000;
  // More than a small loop, which is compiled soon in any case.
  const steps = Array.from({ length: 100 }, () => "test eax, eax\n jns 2f\n inc eax\n 2: add eax, 3").join("\n");
  machine.load(assemble(`1: ${steps}\n dec rcx\n jnz 1b\n syscall`), other);
  cpu.setRegisterNumber(1, rounds);
  while (cpu.counters.modules === 0 && after() - before < 30_000_000) cpu.run(400_000);
  expect(after() - before).toBeLessThan(7_000_000);
});

test("a program and a library far from it", async () => {
  const store = new Kept();
  const distance = 0x2a96_a26d_7000;
  const far = (at: number) => (machine: Machine) => {
    machine.load(assemble("add rax, rcx\n ret"), at + distance);
    machine.cpu.setRegisterNumber(3, at + distance);
  };
  const code = assemble("xor eax, eax\n 1: call rbx\n dec rcx\n jnz 1b\n syscall");
  const first = await run(store, code, codeAddress, far(codeAddress));
  expect(first.cpu.register(0)).toBe(sum);
  const moved = 0x5555_5555_4000;
  const again = await run(store.elsewhere(), code, moved, far(moved));
  expect(again.cpu.register(0)).toBe(sum);
  expect(again.cpu.counters).toMatchObject({ regions: 0, cacheMisses: 0 });
});

test("other code at the same place is not taken for it, not even in another page of the region", async () => {
  const store = new Kept();
  await run(store, program("lea rax, [rax+rcx]"));
  const both = store.elsewhere();
  const other = await run(both, program("lea rax, [rax+rdx]"));
  expect(other.cpu.counters.cacheHits).toBe(0);
  expect(other.cpu.register(0)).toBe(0n);
  expect(other.cpu.counters.cacheMisses).toBeGreaterThan(0);
  // Both are known now.
  expect((await run(both, program("lea rax, [rax+rcx]"))).cpu.counters).toMatchObject({ regions: 0 });
  expect((await run(both, program("lea rax, [rax+rdx]"))).cpu.counters).toMatchObject({ regions: 0 });
});

test("code that changes after it has been bound is not run any more", async () => {
  const store = new Kept();
  await run(store, program("lea rax, [rax+rcx]"));
  const machine = new Machine(undefined, "on");
  const { cpu } = machine;
  machine.load(program("lea rax, [rax+rcx]"));
  await cpu.useTranslations(store.elsewhere());
  cpu.setRegisterNumber(1, rounds);
  while (cpu.counters.cacheHits === 0) {
    expect(cpu.run(200_000)).toBe(exit.budget);
    await turn();
  }
  const before = cpu.register(0);
  machine.write(codeAddress + 4096, assemble("lea rax, [rax+rdx]"));
  cpu.invalidateCode(machine.host(codeAddress + 4096) & -4096);
  while (cpu.run(1e9) === exit.budget) expect(cpu.register(0)).toBe(before);
  expect(cpu.register(0)).toBe(before);
  expect(cpu.counters.invalidatedRegions).toBeGreaterThan(0);
});

test("a region waits for a page that is not there yet", async () => {
  const store = new Kept();
  await run(store, program());
  const machine = new Machine(undefined, "on");
  const { cpu } = machine;
  machine.load(program());
  const absent = codeAddress + 4096;
  const entry = cpu.words[machine.leaf(absent) >> 2]!;
  machine.set(absent, 0);
  await cpu.useTranslations(store.elsewhere());
  cpu.setRegisterNumber(1, rounds);
  for (let i = 0; i < 20; i++) {
    expect(cpu.run(1000)).toBe(exit.pageFault);
    await turn();
  }
  expect(cpu.counters.cacheHits).toBe(0);
  machine.set(absent, entry | pte.execute);
  while (cpu.run(400_000) === exit.budget) await turn();
  expect(cpu.register(0)).toBe(sum);
  expect(cpu.counters.cacheHits).toBeGreaterThan(0);
  expect(cpu.counters.regions).toBe(0);
});

test("damaged packs are removed, and everything is compiled anew", async () => {
  const store = new Kept();
  await run(store, program());
  const { pack } = [...store.packs.values()][0]!;
  for (const at of [0, 5, 17, 40, pack.length - 1]) {
    const damaged = pack.slice();
    damaged[at]! ^= 4;
    expect(decodePack(damaged)).toBeNull();
  }
  expect(decodePack(pack.subarray(0, pack.length - 3))).toBeNull();
  expect(decodePack(new Uint8Array(0))).toBeNull();
  pack[pack.length >> 1]! ^= 1;
  const damagedStore = store.elsewhere();
  const [key] = damagedStore.packs.keys();
  const again = await run(damagedStore, program());
  expect(again.cpu.register(0)).toBe(sum);
  expect(again.cpu.counters.cacheHits).toBe(0);
  expect(damagedStore.packs.has(key!)).toBe(false);
});

test("a pack is decoded as it was encoded", () => {
  const translations: Translation[] = [
    {
      entries: [
        { offset: 16, key: 0xfffffff0 },
        { offset: -8192, key: 7 },
      ],
      code: [
        { offset: -8192, bytes: Uint8Array.of(1, 2, 3) },
        { offset: 16, bytes: Uint8Array.of(4) },
      ],
      instructions: 2,
      age: 3,
      body: Uint8Array.of(9, 8, 7),
    },
    { entries: [{ offset: 0, key: 1 }], code: [], instructions: 0, age: 0, body: new Uint8Array(0) },
  ];
  expect(decodePack(encodePack(translations))).toEqual(translations);
});

test("functions are taken out of modules and put into others", () => {
  // i32.const 5; the same with a branch of which something is known; one more.
  const hinted = [0, 0x41, 5, 0x41, 1, 0x04, 0x40, 0x0b, 0x0b];
  const bodies = [
    Uint8Array.of(0, 0, 0x41, 5, 0x0b),
    Uint8Array.of(4, 1, 5, 1, 0, ...hinted),
    Uint8Array.of(0, 0, 0x41, 6, 0x0b),
  ];
  const module = linkRegions(bodies);
  expect(WebAssembly.Module.exports(new WebAssembly.Module(module)).map(({ name }) => name)).toEqual(["0", "1", "2"]);
  expect(regionBodies(module)).toEqual(bodies);
  // Another memory: not a module of ours.
  const other = module.slice();
  other[8 + 4]! ^= 1;
  expect(regionBodies(other)).toBeNull();
});

test("keys tell places apart", () => {
  const bytes = new Uint8Array(8192);
  const key = entryKey(bytes, 4096);
  expect(entryKey(bytes, 4097)).not.toBe(key);
  expect(entryKey(bytes, 0)).toBe(key);
  bytes[4100] = 1;
  expect(entryKey(bytes, 4096)).not.toBe(key);
});
