/** Progress at a rate worth sending to another worker: a layer's news wait, unless its phase changes. */
import type { LoadProgress } from "./types.ts";

const everyMs = 50;

export function atCappedRate(
  send: (progress: LoadProgress) => void,
  nowMs: () => number = () => performance.now(),
): (progress: LoadProgress) => void {
  const sent = new Map<number, { phase: LoadProgress["phase"]; atMs: number }>();
  return (progress) => {
    const last = sent.get(progress.layer);
    const atMs = nowMs();
    if (last?.phase === progress.phase && atMs - last.atMs < everyMs) return;
    sent.set(progress.layer, { phase: progress.phase, atMs });
    send(progress);
  };
}
