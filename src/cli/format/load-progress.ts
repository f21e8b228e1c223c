/** Progress bars of `load` on a terminal: one line a layer, rewritten in place, at most a dozen times a second. */
import type { LoadProgress } from "../../engine/types.ts";
import type { Context } from "../command.ts";
import { humanSize } from "./human.ts";

const intervalMs = 80;
const barCells = 30;

export class LoadProgressView {
  readonly #context: Context;
  readonly #layers = new Map<number, LoadProgress>();
  #drawn = 0;
  #lastMs = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  show(progress: LoadProgress): void {
    this.#layers.set(progress.layer, progress);
    const nowMs = this.#context.nowMs();
    const over = progress.phase === "done" || progress.phase === "exists";
    if (!over && nowMs - this.#lastMs < intervalMs) return;
    this.#lastMs = nowMs;
    const lines = [...this.#layers.values()].toSorted((a, b) => a.layer - b.layer).map(progressLine);
    // Up to the first line drawn before, then each line anew.
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : "";
    this.#drawn = lines.length;
    void this.#context.stdout.write(up + lines.map((line) => `\r\u001b[K${line}\n`).join("")).catch(() => {});
  }
}

export function progressLine(progress: LoadProgress): string {
  const id = progress.digest.replace("sha256:", "").slice(0, 12);
  if (progress.phase === "exists") return `${id}: Layer already exists`;
  if (progress.phase === "done") return `${id}: Loaded ${humanSize(progress.doneBytes)}`;
  const { doneBytes, totalBytes } = progress;
  if (totalBytes === null || totalBytes === 0) return `${id}: Loading layer ${humanSize(doneBytes)}`;
  const filled = Math.min(barCells, Math.floor((doneBytes / totalBytes) * barCells));
  const bar = `${"=".repeat(filled)}>`.padEnd(barCells + 1);
  return `${id}: Loading layer [${bar}] ${humanSize(doneBytes)}/${humanSize(totalBytes)}`;
}
