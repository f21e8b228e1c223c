// Compiles the programs of rehearsals with gcc into program.ts beside them: that of the processor, flat, and that of a
// container, an ELF file. What comes out is committed, because building needs no C compiler: run it after a change.
//
//   node scripts/rehearsal.mjs
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const common =
  "-O2 -msse4.2 -nostdlib -fcf-protection -fno-builtin -fno-math-errno -fno-stack-protector -fno-asynchronous-unwind-tables -Wl,--no-warn-rwx-segments,--build-id=none";
const folder = mkdtempSync(join(tmpdir(), "wherry-rehearsal-"));
const elf = join(folder, "program");

function compile(source, flags) {
  execFileSync("gcc", [...common.split(" "), ...flags.split(" "), "-o", elf, source], { stdio: "inherit" });
}

function write(source, file, what) {
  const lines = readFileSync(file)
    .toString("base64")
    .match(/.{1,110}/g);
  const text = [
    `/** Made by scripts/rehearsal.mjs from program.c: do not edit. ${what} */`,
    "export const program = [",
    ...lines.map((line) => `  "${line}",`),
    '].join("");',
    "",
  ];
  writeFileSync(source.replace(/\.c$/, ".ts"), text.join("\n"));
}

try {
  const processor = join(import.meta.dirname, "../wasm/x86/rehearsal/program.c");
  compile(processor, "-fpie -static -Wl,-N,-Ttext=0,-e0");
  const flat = join(folder, "program.bin");
  execFileSync("objcopy", ["-O", "binary", "-j", ".text", "-j", ".rodata", elf, flat]);
  write(processor, flat, "Code and constants, to lie at any page, entered at its start.");
  const container = join(import.meta.dirname, "../src/runtime/emulator/rehearsal/program.c");
  compile(container, "-fno-pie -no-pie -static -s -Wl,-z,noseparate-code");
  write(container, elf, "An ELF file.");
} finally {
  rmSync(folder, { recursive: true });
}
