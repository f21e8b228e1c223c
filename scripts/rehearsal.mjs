// Compiles the program of the rehearsal (wasm/x86/rehearsal/program.c) with gcc into program.ts beside it. What comes out
// is committed, because building needs no C compiler: run it after a change of the program.
//
//   node scripts/rehearsal.mjs
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const source = join(import.meta.dirname, "../wasm/x86/rehearsal/program.c");
const flags =
  "-O2 -msse4.2 -fpie -static -nostdlib -fcf-protection -fno-builtin -fno-math-errno -fno-stack-protector -fno-asynchronous-unwind-tables -Wl,-N,--no-warn-rwx-segments,--build-id=none,-Ttext=0,-e0";

const folder = mkdtempSync(join(tmpdir(), "wherry-rehearsal-"));
try {
  const [elf, flat] = [join(folder, "program.elf"), join(folder, "program.bin")];
  execFileSync("gcc", [...flags.split(" "), "-o", elf, source], { stdio: "inherit" });
  execFileSync("objcopy", ["-O", "binary", "-j", ".text", "-j", ".rodata", elf, flat]);
  const lines = readFileSync(flat)
    .toString("base64")
    .match(/.{1,110}/g);
  const text = [
    "/** Made by scripts/rehearsal.mjs from program.c: do not edit. Code and constants, to lie at any page, entered at its start. */",
    "export const program = [",
    ...lines.map((line) => `  "${line}",`),
    '].join("");',
    "",
  ];
  writeFileSync(source.replace(/\.c$/, ".ts"), text.join("\n"));
} finally {
  rmSync(folder, { recursive: true });
}
