import { expect, test } from "vitest";
import { parseArguments, UsageError, usage } from "./arguments.mjs";
import { groups } from "./rows.mjs";

const refusal = (...words) => {
  try {
    parseArguments(words);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).not.toContain("\n");
    return error.message;
  }
  return "accepted";
};

test("without arguments everything is measured three times, on all places", () => {
  expect(parseArguments([])).toEqual({
    groups: Object.keys(groups),
    rows: null,
    rounds: 3,
    nodes: [],
    without: [],
    json: null,
    markdown: false,
    record: false,
    help: false,
  });
});

test("groups keep the order they run in", () => {
  expect(parseArguments(["loops", "kernels"]).groups).toEqual(["kernels", "loops"]);
});

test("rows choose the groups that have them", () => {
  expect(parseArguments(["--rows", "python"])).toMatchObject({
    groups: ["loops", "start", "warmup"],
    rows: ["python"],
  });
  expect(parseArguments(["loops", "--rows=bash,gzip"])).toMatchObject({ groups: ["loops"], rows: ["bash", "gzip"] });
});

test("all options", () => {
  const words = ["--rounds", "5", "--node", "/opt/a", "--node", "/opt/b", "--no-qemu", "--no-chromium"];
  expect(parseArguments([...words, "--json", "x.json", "--markdown", "--record"])).toMatchObject({
    rounds: 5,
    nodes: ["/opt/a", "/opt/b"],
    without: ["qemu", "chromium"],
    json: "x.json",
    markdown: true,
    record: true,
  });
});

test("what makes no sense is refused in one line that names it", () => {
  expect(refusal("kernel")).toMatch(/^no group is named 'kernel': there are kernels, /);
  expect(refusal("--rows", "hsah")).toMatch(/is named 'hsah'$/);
  expect(refusal("loops", "--rows", "hash")).toBe("no row of loops is named 'hash'");
  expect(refusal("--rounds", "0")).toBe("--rounds wants a number from 1 to 1000, not '0'");
  expect(refusal("--rounds", "many")).toBe("--rounds wants a number from 1 to 1000, not 'many'");
  expect(refusal("--frist")).toMatch(/'--frist'/);
  expect(refusal("--json")).toMatch(/--json/);
  expect(refusal("--json=")).toBe("--json wants a path");
  expect(refusal("--markdown=yes")).toMatch(/--markdown/);
});

test("the help names every group", () => {
  for (const name of Object.keys(groups)) expect(usage).toContain(name);
});
