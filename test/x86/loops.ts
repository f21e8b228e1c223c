/**
 * Programs of the Debian demo image under the emulator in this process: processor time of this thread (ms) and what the
 * engine counted. For profiling: WHERRY_ENGINE chooses the tiers.
 *
 *     node test/x86/loops.mjs [name…]
 */
import { readFileSync } from "node:fs";
import { machine } from "../guest/image-machine.ts";

const loops: Record<string, readonly string[]> = {
  bash: ["bash", "-c", "i=0; while ((i < 120000)); do ((i += 1)); done"],
  awk: ["awk", "BEGIN { for (i = 0; i < 1500000; i++) s += i * i; print s }"],
  perl: ["perl", "-e", "my $s = 0; for my $i (1 .. 1500000) { $s += $i * $i } print $s"],
  python: ["python3", "-c", "s = 0\nfor i in range(1000000): s += i * i\nprint(s)"],
  gzip: ["sh", "-c", "head -c 4000000 /usr/bin/python3.11 | gzip -6 | wc -c"],
  sha256sum: ["sha256sum", "/usr/bin/python3.11"],
  start: ["python3", "-c", "print(1)"],
};

/** Processor time of this thread in ms (proc(5): /proc/pid/schedstat). */
function threadTime(): number {
  return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[0]) / 1e6;
}

export async function measure(names: readonly string[]): Promise<void> {
  const image = await machine(new URL("../../public/images/debian.tar", import.meta.url).pathname);
  for (const [name, command] of Object.entries(loops)) {
    if (names.length > 0 && !names.includes(name)) continue;
    for (let i = 0; i < 2; i++) {
      const before = threadTime();
      const { stdout, exitCode } = await image.run(command);
      const { counters } = image;
      const time = threadTime() - before;
      console.log(
        `${name.padEnd(10)}${time.toFixed(0).padStart(6)} ms, exit ${exitCode} ${stdout.trim().slice(0, 20)}`,
      );
      const million = (count: number): string => (count / 1e6).toFixed(1);
      const interpreted = counters.instructions - counters.compiledRun;
      console.log(
        `  million: ${million(interpreted)} interpreted, ${million(counters.compiledRun)} compiled, ${million(counters.regionEntries)} entries;` +
          ` ${counters.compiledInstructions} instructions in ${counters.regions} regions in ${counters.compileMs.toFixed(0)} ms, ${counters.cacheHits} stored`,
      );
    }
  }
}
