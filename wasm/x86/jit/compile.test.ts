/**
 * Whatever a profile says of where control goes, and however little of that is so, what is compiled is a valid module.
 * WHERRY_SEED chooses others.
 */
import { expect, test } from "vitest";
import { Dice } from "../../../test/differential/operands.ts";
import { assemble, codeAddress } from "../../../test/x86/machine.ts";
import { readOperation, type CodeSource } from "./code.ts";
import { compileRegions } from "./compile.ts";
import { discover, type Guide, type Region } from "./region.ts";

/** Functions that call one another, loops in loops and with several entries, computed jumps, strings, a vector loop. */
const program = `
  even: test edi, edi
    je 1f
    sub rsp, 8
    dec edi
    call odd
    add rsp, 8
    ret
  1: mov eax, 1
    ret
  odd: test edi, edi
    je 1f
    sub rsp, 8
    dec edi
    call even
    add rsp, 8
    ret
  1: xor eax, eax
    ret
  sum: xor eax, eax
    xor ecx, ecx
  1: mov rdx, [rdi + rcx*8]
    cmp rdx, [rsi + 16]
    jb 2f
    add [rsi], rdx
    call odd
    movups xmm0, [rdi]
    addps xmm0, xmm1
    movups [rdi + 16], xmm0
  2: add rax, [rsi + 8]
    inc rcx
    cmp rcx, r8
    jne 1b
    jmp [rbx + rax*8]
  twice: test eax, eax
    jne 3f
  1: add ecx, 1
    mov [rdi], ecx
    cmp ecx, [rsi]
    je 9f
  3: sub ecx, [rdi + 4]
    push rax
    call [rbx]
    pop rax
    jns 1b
    rep movsb
    cpuid
    divsd xmm0, xmm2
    ucomisd xmm0, xmm1
    jp 3b
    jmp sum
  9: leave
    ret`;

const frame = 4096;

function sourceOf(bytes: Uint8Array): CodeSource {
  const memory = new Uint8Array(3 * frame);
  memory.set(bytes, frame);
  return {
    level: "x86-64-v2",
    bytes: () => memory,
    frameOf: (page) => (page === codeAddress ? frame : 0),
  };
}

function operationsOf(source: CodeSource, bytes: number): number[] {
  const places: number[] = [];
  for (let at = codeAddress; at < codeAddress + bytes;) {
    places.push(at);
    at += readOperation(source, at, codeAddress)!.length;
  }
  return places;
}

/** Where control is said to go is up to the dice, but the same each time that is asked. */
function randomGuide(dice: Dice, places: readonly number[]): Guide {
  const once = <T>(answer: () => T): ((...key: readonly number[]) => T) => {
    const known = new Map<string, T>();
    return (...key) => {
      const name = key.join(" ");
      if (!known.has(name)) known.set(name, answer());
      return known.get(name)!;
    };
  };
  const coverage = dice.below(4);
  const weight = once(() => (dice.chance(4) ? 0 : 1 + dice.below(100)));
  return {
    blocksMax: 4 + dice.below(60),
    instructionsMax: 10 + dice.below(200),
    repeatedMax: dice.below(3) * 20,
    covered: once(() => dice.below(8) < coverage),
    weight,
    targets: once(() =>
      Array.from({ length: dice.below(4) }, () => [places[dice.below(places.length)]!, 1 + dice.below(50)] as const),
    ),
  };
}

test("regions of random profiles", () => {
  const seed = Number(process.env["WHERRY_SEED"] ?? 1);
  const bytes = assemble(program);
  const source = sourceOf(bytes);
  const places = operationsOf(source, bytes.length);
  for (let i = 0; i < 400; i++) {
    const dice = new Dice(seed * 1000 + i);
    const regions: Region[] = [];
    for (let n = 1 + dice.below(3); n > 0; n--) {
      const region = discover(source, randomGuide(dice, places), places[dice.below(places.length)]!);
      if (region === null) continue;
      // What other regions lead to is an entry, too.
      for (const { offset } of region.blocks) if (dice.chance(6)) region.entries.add(offset);
      regions.push(region);
    }
    const options = { lean: dice.chance(2), resolvesMisses: dice.chance(2), inMemory: dice.chance(3) };
    const { bytes: module } = compileRegions(regions, options);
    expect(WebAssembly.validate(module), `seed ${seed}, ${i}`).toBe(true);
  }
});
