import { expect, test } from "vitest";
import { geometricMean, median, medianRatio, settled } from "./statistics.mjs";

test("the median is the middle one, or lies between the two in the middle", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 100, 2])).toBe(3);
  expect(median([])).toBe(null);
});

test("the geometric mean of ratios does not care which way round they are", () => {
  expect(geometricMean([2, 8])).toBeCloseTo(4);
  expect(geometricMean([1 / 2, 1 / 8])).toBeCloseTo(1 / 4);
  expect(geometricMean([])).toBe(null);
});

test("warm-up is no part of the settled time", () => {
  expect(settled([900, 500, 100, 104, 102])).toBe(102);
  expect(settled([7])).toBe(7);
  expect(settled([900, 100])).toBe(100);
});

test("each round is compared with its own base, and rounds with a hole are left out", () => {
  expect(medianRatio([20, 60, 20], [10, 20, 10])).toBe(2);
  expect(medianRatio([20, null, 30], [10, 20, null])).toBe(2);
  expect(medianRatio([null], [1])).toBe(null);
});
