import { expect, test } from "vitest";
import { failureDetails, failureNames, reportedFailures, stepFailure } from "./lib/failures.mjs";

const passed = { fullName: "adds", status: "passed", failureMessages: [] };
const failed = {
  fullName: "group subtracts",
  status: "failed",
  failureMessages: ["\u001b[31mAssertionError: expected 1 to be 2\u001b[39m\n\n    at one\n    at two\n    at three"],
};
const report = {
  testResults: [
    { name: "/root/test/a.test.ts", status: "failed", message: "", assertionResults: [passed, failed] },
    { name: "/root/test/b.test.ts", status: "failed", message: "Error: no such module", assertionResults: [] },
    { name: "/root/test/c.test.ts", status: "passed", message: "", assertionResults: [passed] },
  ],
};

test("tests that failed and files that did not load are named, with the first lines of why", () => {
  expect(failureDetails(reportedFailures("guest", report, "/root"))).toEqual([
    "FAILED guest: test/a.test.ts: group subtracts",
    "       AssertionError: expected 1 to be 2",
    "       at one",
    "       at two",
    "FAILED guest: test/b.test.ts",
    "       Error: no such module",
  ]);
});

test("a step without a report shows the last lines it printed", () => {
  const failure = stepFailure("lint", 3, "\u001b[1mone\u001b[0m\n\n  two\n");
  expect(failure).toEqual({ name: "lint: ended with 3", lines: ["one", "  two"] });
  expect(failureNames([failure])).toEqual(["failed: lint: ended with 3: one"]);
});

test("what is shown is bounded", () => {
  const many = Array.from({ length: 50 }, (_, index) => ({ name: `t${index}`, lines: ["x", "y", "z"] }));
  expect(failureNames(many)).toHaveLength(20);
  expect(failureDetails(many)).toHaveLength(81);
  expect(stepFailure("lint", 1, "x\n".repeat(1000)).lines).toHaveLength(15);
});
