// qemu-user on the image's files. Programs that it starts would run natively: what is measured starts none, except
// through `command`, which names qemu again.
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { benchRootfs } from "../image.mjs";
import { compilePrograms } from "../programs.mjs";

const program = "qemu-x86_64";

export const hasQemu = () => spawnSync(program, ["--version"]).status === 0;

export function qemuPlace() {
  const rootfs = benchRootfs();
  const programs = compilePrograms();
  const environment = { PATH: process.env.PATH };

  /** The words that run one of the image's programs. */
  const command = ([first, ...rest]) => {
    if (first.startsWith("/bench/")) return [program, join(programs, first.slice(7)), ...rest];
    return [program, "-L", rootfs, join(rootfs, first.includes("/") ? first : `usr/bin/${first}`), ...rest];
  };
  const execute = async ([file, ...words]) => {
    const started = performance.now();
    const { stdout } = await promisify(execFile)(file, words, { env: environment, timeout: 300_000 });
    return { stdout, ms: performance.now() - started };
  };
  return {
    name: "qemu",
    kind: "qemu",
    version: spawnSync(program, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0],
    command,
    async run(words) {
      // The stopwatch is outside, native.
      if (words[0] === "/bench/timed") return execute([join(programs, "timed"), words[1], ...command(words.slice(2))]);
      return execute(command(words));
    },
    forget: async () => {},
  };
}
