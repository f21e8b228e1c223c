import { expect, test } from "vitest";
import { syscallNumbers } from "../abi/unistd.ts";
import { syscallTable } from "./table.ts";

test("every row is at its number and names its call as the header does", () => {
  for (const [number, row] of syscallTable.entries()) {
    if (row === undefined) continue;
    expect(row.number).toBe(number);
    expect(syscallNumbers[row.name as keyof typeof syscallNumbers]).toBe(number);
    expect(row.handler === null).toBe(row.support.level === "missing");
    expect(row.arguments.length).toBeLessThanOrEqual(6);
  }
});

test("every call of the header has a row", () => {
  const without = Object.entries(syscallNumbers).filter(([, number]) => syscallTable[number] === undefined);
  expect(without.map(([name]) => name)).toEqual([]);
});
