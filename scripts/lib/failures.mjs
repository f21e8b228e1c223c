// What failed in a test step, bounded, for the end of the output: a log is often seen by its last lines only.

/** How much is shown: failures in all, lines of each one's message, characters of a line. */
const failuresMax = 20;
const linesMax = 3;
const columnsMax = 200;

// oxlint-disable-next-line no-control-regex -- colours are control sequences
const colours = /\x1b\[[0-9;]*[A-Za-z]/g;

/** The first lines that say something. */
function firstLines(message) {
  return String(message ?? "")
    .replaceAll(colours, "")
    .split("\n")
    .map((line) => line.trim().slice(0, columnsMax))
    .filter((line) => line !== "")
    .slice(0, linesMax);
}

/** The failures in vitest's JSON report: tests, and files that could not be loaded. */
export function reportedFailures(step, report, root) {
  const failures = [];
  for (const file of report.testResults) {
    const name = file.name.startsWith(`${root}/`) ? file.name.slice(root.length + 1) : file.name;
    const failed = file.assertionResults.filter((test) => test.status === "failed");
    for (const test of failed)
      failures.push({ name: `${step}: ${name}: ${test.fullName}`, lines: firstLines(test.failureMessages.join("\n")) });
    if (file.status === "failed" && failed.length === 0)
      failures.push({ name: `${step}: ${name}`, lines: firstLines(file.message || "the file's tests did not run") });
  }
  return failures;
}

/** A failure that no report names: the last lines the step printed. */
export function stepFailure(step, code, tail) {
  const lines = tail
    .replaceAll(colours, "")
    .split("\n")
    .map((line) => line.trimEnd().slice(0, columnsMax))
    .filter((line) => line !== "");
  return { name: `${step}: ended with ${code}`, lines: lines.slice(-5 * linesMax) };
}

/** Names with the first lines of the messages. */
export function failureDetails(failures) {
  const lines = [];
  for (const failure of failures.slice(0, failuresMax)) {
    lines.push(`FAILED ${failure.name}`);
    for (const line of failure.lines) lines.push(`       ${line}`);
  }
  if (failures.length > failuresMax) lines.push(`… and ${failures.length - failuresMax} more`);
  return lines;
}

/** One line each. */
export function failureNames(failures) {
  return failures
    .slice(0, failuresMax)
    .map((failure) => `failed: ${failure.name}${failure.lines.length > 0 ? `: ${failure.lines[0]}` : ""}`);
}
