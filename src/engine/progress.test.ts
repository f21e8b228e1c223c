import { expect, test } from "vitest";
import { atCappedRate } from "./progress.ts";
import type { LoadProgress } from "./types.ts";

test("news of one layer are capped, changes of phase and other layers are not", () => {
  let now = 0;
  const seen: string[] = [];
  const tell = atCappedRate(
    ({ layer, phase, doneBytes }) => seen.push(`${layer} ${phase} ${doneBytes}`),
    () => now,
  );
  const at = (ms: number, layer: number, phase: LoadProgress["phase"], doneBytes: number) => {
    now = ms;
    tell({ layer, layers: 2, phase, doneBytes, totalBytes: 9, digest: "" });
  };
  at(0, 0, "unpacking", 1);
  at(10, 0, "unpacking", 2);
  at(20, 1, "unpacking", 1);
  at(60, 0, "unpacking", 3);
  at(61, 0, "done", 9);
  expect(seen).toEqual(["0 unpacking 1", "1 unpacking 1", "0 unpacking 3", "0 done 9"]);
});
