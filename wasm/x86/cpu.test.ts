import { expect, test } from "vitest";
import { assemble, codeAddress, Machine, runCode, stackTop } from "../../test/x86/machine.ts";
import { exit, pte, access } from "./types.ts";

test("a loop, calls and the stack", () => {
  const { machine, code } = runCode(`
    mov edi, 30
    call fib
    mov rbx, rax
    xor ecx, ecx
    xor edx, edx
  1: add rdx, rcx
    inc rcx
    cmp rcx, 1000
    jne 1b
    syscall
  fib: cmp edi, 1
    jle 2f
    push rbx
    push rdi
    lea edi, [rdi-1]
    call fib
    mov ebx, eax
    pop rdi
    sub edi, 2
    call fib
    add eax, ebx
    pop rbx
    ret
  2: mov eax, edi
    ret
  `);
  expect(code).toBe(exit.syscall);
  expect(machine.cpu.register(3)).toBe(832040n);
  expect(machine.cpu.register(2)).toBe(499500n);
  expect(machine.cpu.registerNumber(4)).toBe(stackTop - 0x1000);
});

test("page faults leave everything as it was", () => {
  const { machine, code } = runCode(`
    mov eax, 5
    mov rbx, 0x12345000
    add eax, [rbx+8]
    syscall`);
  expect(code).toBe(exit.pageFault);
  expect(machine.cpu.faultAddress).toBe(0x12345008);
  expect(machine.cpu.faultAccess).toBe(access.read);
  expect(machine.cpu.register(0)).toBe(5n);
  const before = machine.cpu.rip;
  machine.map(0x12345000, 4096, pte.read);
  machine.cpu.bytes[machine.host(0x12345008)] = 7;
  expect(machine.cpu.run(1000)).toBe(exit.syscall);
  expect(machine.cpu.register(0)).toBe(12n);
  expect(machine.cpu.rip).toBeGreaterThan(before);
});

test("where a product of DPPS raises an unmasked exception, sums raise nothing", () => {
  const { machine, code } = runCode(`
    ldmxcsr [rip + 1f]
    movups xmm2, [rip + 2f]
    dpps xmm2, xmm2, 0xb0
    syscall
    # Inexact is unmasked; the last product is a denormal, which sums would tell.
  1: .long 0x8a0
  2: .long 0x16f52c6e, 0xc081be85, 0xc340da8b, 0x9a7a8382`);
  expect(code).toBe(exit.simdError);
  const image = new DataView(new ArrayBuffer(512));
  machine.cpu.saveFx(new Uint8Array(image.buffer));
  expect(image.getUint32(24, true)).toBe(0x8b0);
});

test("a straddling write is all or nothing", () => {
  const { machine, code } = runCode(
    `
    mov rbx, 0x10000ffc
    mov rax, 0x1122334455667788
    mov [rbx], rax
    add qword ptr [rbx], 1
    mov rdx, [rbx]
    syscall`,
    (m) => m.map(0x10000000, 4096, pte.read | pte.write),
  );
  expect(code).toBe(exit.pageFault);
  expect(machine.cpu.faultAddress).toBe(0x10001000);
  expect(machine.cpu.faultAccess).toBe(access.write);
  expect([...machine.read(0x10000ffc, 4)]).toEqual([0, 0, 0, 0]);
  machine.map(0x10001000, 4096, pte.read | pte.write);
  expect(machine.cpu.run(1000)).toBe(exit.syscall);
  expect(machine.read64(0x10000ffc)).toBe(0x1122334455667789n);
  expect(machine.cpu.register(2)).toBe(0x1122334455667789n);
  expect(machine.cpu.words[machine.leaf(0x10000000) >> 2]! & pte.dirty).toBe(pte.dirty);
});

test("writes to a read-only page fault, reads of it do not", () => {
  const { machine, code } = runCode(
    `
    mov rbx, 0x10000000
    mov rax, [rbx]
    mov [rbx], rax
    syscall`,
    (m) => m.map(0x10000000, 4096, pte.read),
  );
  expect(code).toBe(exit.pageFault);
  expect(machine.cpu.faultAccess).toBe(access.write);
});

test("non-canonical addresses are general protection faults", () => {
  expect(runCode("mov rax, 0x800000000000\n mov rax, [rax]").code).toBe(exit.generalProtection);
  expect(runCode("mov rax, 0x8000000000000000\n jmp rax").code).toBe(exit.generalProtection);
});

test("execution needs the execute bit", () => {
  const { machine, code } = runCode("mov rax, 0x10000000\n jmp rax", (m) => m.map(0x10000000, 4096, pte.read));
  expect(code).toBe(exit.pageFault);
  expect(machine.cpu.faultAccess).toBe(access.execute);
  expect(machine.cpu.rip).toBe(0x10000000);
});

test("self-modifying code in the same block", () => {
  const { machine, code } = runCode(`
    mov ecx, 3
    xor eax, eax
  again:
    lea rbx, [rip+patch+1]
    add byte ptr [rbx], 1
  patch: mov edx, 0
    add eax, edx
    dec ecx
    jnz again
    syscall`);
  expect(code).toBe(exit.syscall);
  expect(machine.cpu.register(0)).toBe(6n);
});

test("instructions that cross pages follow remapping", () => {
  const machine = new Machine();
  const code = assemble(`
    mov eax, 0x11111111
    ret`);
  const call = assemble("mov rbx, 0x500ffe\n call rbx\n syscall");
  machine.load(call);
  machine.map(0x500000, 8192, pte.read | pte.execute);
  machine.write(0x500ffe, code);
  expect(machine.cpu.run(100)).toBe(exit.syscall);
  expect(machine.cpu.register(0)).toBe(0x11111111n);
  // Another frame for the second page, with another immediate.
  machine.map(0x501000, 4096, pte.read | pte.execute);
  machine.write(0x501000, Uint8Array.of(0x22, 0x22, 0x22, 0xc3));
  machine.cpu.rip = codeAddress;
  expect(machine.cpu.run(100)).toBe(exit.syscall);
  expect(machine.cpu.register(0)).toBe(0x22222211n);
});

test("repeated string instructions fault with the progress made", () => {
  const { machine, code } = runCode(
    `
    mov rsi, 0x10000000
    mov rdi, 0x20000100
    mov ecx, 8192
    rep movsb
    mov rdi, 0x20000000
    mov ecx, 0x300
    xor eax, eax
    repne scasb
    mov r8, rcx
    syscall`,
    (m) => {
      m.map(0x10000000, 8192, pte.read);
      m.map(0x20000000, 4096, pte.read | pte.write);
      m.write(0x10000000, new Uint8Array(8192).fill(7));
      m.write(0x10001fff, Uint8Array.of(9));
    },
  );
  expect(code).toBe(exit.pageFault);
  expect(machine.cpu.faultAddress).toBe(0x20001000);
  expect(machine.cpu.register(1)).toBe(BigInt(8192 - 0xf00));
  expect(machine.cpu.register(7)).toBe(0x20001000n);
  machine.map(0x20001000, 8192, pte.read | pte.write);
  expect(machine.cpu.run(1e6)).toBe(exit.syscall);
  expect(machine.read(0x200020ff, 1)[0]).toBe(9);
  expect(machine.cpu.register(8)).toBe(0x2ffn);
});

test("overlapping rep movsb repeats the pattern", () => {
  const { machine } = runCode(
    `
    mov rdi, 0x20000003
    mov rsi, 0x20000000
    mov ecx, 9
    rep movsb
    syscall`,
    (m) => {
      m.map(0x20000000, 4096, pte.read | pte.write);
      m.write(0x20000000, Uint8Array.of(1, 2, 3));
    },
  );
  expect([...machine.read(0x20000000, 12)]).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
});

test("division traps exactly", () => {
  expect(runCode("mov edx, 1\n mov ecx, 1\n div ecx\n syscall").code).toBe(exit.divideError);
  expect(runCode("mov rax, 0x8000000000000000\n cqo\n mov rcx, -1\n idiv rcx\n syscall").code).toBe(exit.divideError);
  const { machine } = runCode(`
    mov rdx, 0x123456789abcdef
    mov rax, 0xfedcba9876543210
    mov rcx, 0xf123456789abcdef
    div rcx
    syscall`);
  const n = (0x123456789abcdefn << 64n) | 0xfedcba9876543210n;
  expect(machine.cpu.register(0)).toBe(n / 0xf123456789abcdefn);
  expect(machine.cpu.register(2)).toBe(n % 0xf123456789abcdefn);
});

test("an unknown instruction is named", () => {
  const { machine, code } = runCode("vaddps ymm0, ymm1, ymm2");
  expect(code).toBe(exit.invalidOpcode);
  expect(machine.cpu.rip).toBe(codeAddress);
  expect(machine.cpu.describeIllegal().name).toBe("VADDPS (x86-64-v3)");
});

test("the budget ends a busy loop", () => {
  const machine = new Machine();
  machine.load(assemble("1: jmp 1b"));
  expect(machine.cpu.run(1e6)).toBe(exit.budget);
  expect(machine.cpu.rip).toBe(codeAddress);
});

test("address spaces keep apart, also after everything was invalidated", () => {
  const machine = new Machine();
  machine.load(assemble("mov eax, [0x10000000]\n syscall"));
  machine.map(0x10000000, 4096, pte.read);
  const other = machine.frame();
  // The other space shares the code, but has another page of data.
  machine.set(codeAddress, machine.cpu.words[machine.leaf(codeAddress) >> 2]!, other);
  machine.set(0x10000000, machine.frame() | pte.read, other);
  machine.cpu.words[machine.host(0x10000000) >> 2] = 1;
  machine.cpu.words[(machine.cpu.words[machine.leaf(0x10000000, other) >> 2]! & pte.frameMask) >> 2] = 2;
  const load = (): bigint => {
    machine.cpu.rip = codeAddress;
    expect(machine.cpu.run(100)).toBe(exit.syscall);
    return machine.cpu.register(0);
  };
  machine.cpu.setAddressSpace(machine.root, 7);
  expect(load()).toBe(1n);
  machine.cpu.invalidateAll();
  expect(load()).toBe(1n);
  machine.cpu.setAddressSpace(other, 8);
  expect(load()).toBe(2n);
  machine.cpu.setAddressSpace(machine.root, 7);
  expect(load()).toBe(1n);
  expect(machine.cpu.counters.blocksDecoded).toBe(1);
});

test("a full code arena is emptied and filled anew", () => {
  const machine = new Machine(32 << 20);
  // Each round writes the page of a function that is called, so that it is decoded again: records are used up.
  const code = assemble(`
    mov ecx, 14000
  1: mov byte ptr [f+1], cl
    call f
    add rdx, rax
    dec ecx
    jnz 1b
    syscall
    .balign 4096
  f: mov eax, 0
    .rept 60
    add r8, 1
    .endr
    ret`);
  machine.load(code);
  expect(machine.cpu.run(1e9)).toBe(exit.syscall);
  let sum = 0n;
  for (let i = 14000; i > 0; i--) sum += BigInt(i & 255);
  expect(machine.cpu.register(2)).toBe(sum);
  expect(machine.cpu.register(8)).toBe(840000n);
});

test("a page that is mapped anew is seen anew, wherever it lies", () => {
  for (const address of [0x7f3_0000_0000, 0x5555_5555_4000, 0x7fff_f7ff_f000, 0x12_3456_7000]) {
    const machine = new Machine();
    const [first, second] = [machine.frame(), machine.frame()];
    machine.cpu.words[first >> 2] = 1;
    machine.cpu.words[second >> 2] = 2;
    machine.load(assemble("1: mov eax, [rbx]\n syscall\n jmp 1b"));
    machine.cpu.setRegisterNumber(3, address);
    machine.set(address, first | pte.read);
    expect(machine.cpu.run(100)).toBe(exit.syscall);
    machine.set(address, second | pte.read);
    expect(machine.cpu.run(100)).toBe(exit.syscall);
    expect(machine.cpu.register(0)).toBe(2n);
  }
});
