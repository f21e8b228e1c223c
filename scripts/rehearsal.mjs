// Compiles the programs of rehearsals with gcc: that of the processor, flat, and that of a container, an ELF file. They
// are built, so they are not committed: scripts/lib/generate.mjs keeps them fresh. Without gcc there are none, and workers
// that wait do not rehearse.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const common =
  "-O2 -msse4.2 -nostdlib -fcf-protection -fno-builtin -fno-math-errno -fno-stack-protector -fno-asynchronous-unwind-tables -Wl,--no-warn-rwx-segments,--build-id=none";

/** By folder: what gcc is told, and whether only code and constants are wanted. */
export const rehearsals = [
  {
    folder: "wasm/x86/rehearsal",
    what: "Code and constants, to lie at any page, entered at its start.",
    flags: "-fpie -static -Wl,-N,-Ttext=0,-e0",
    flat: true,
  },
  {
    folder: "src/runtime/emulator/rehearsal",
    what: "An ELF file.",
    flags: "-fno-pie -no-pie -static -s -Wl,-z,noseparate-code",
    flat: false,
  },
];

export function hasCompiler() {
  return ["gcc", "objcopy"].every((program) => spawnSync(program, ["--version"]).status === 0);
}

/** A module that exports a program as `program`, in base64; empty without a compiler. */
export function rehearsalSource(root, { folder, what, flags, flat }, compiler) {
  const bytes = compiler ? compile(join(root, folder, "program.c"), flags, flat) : Buffer.alloc(0);
  return `/** program.c, compiled. ${what} */\nexport const program: string = "${bytes.toString("base64")}";\n`;
}

function compile(source, flags, flat) {
  const folder = mkdtempSync(join(tmpdir(), "wherry-rehearsal-"));
  try {
    const elf = join(folder, "program");
    execFileSync("gcc", [...common.split(" "), ...flags.split(" "), "-o", elf, source], { stdio: "inherit" });
    if (!flat) return readFileSync(elf);
    const code = join(folder, "program.bin");
    execFileSync("objcopy", ["-O", "binary", "-j", ".text", "-j", ".rodata", elf, code]);
    return readFileSync(code);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
