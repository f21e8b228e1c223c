/** The parts of the page that need no browser. */
import { describe, expect, test } from "vitest";
import { WherryError } from "../base/errors.ts";
import type { LoadProgress } from "../engine/types.ts";
import { asCommandLine, parseEnvironment, runOptions } from "./dialogs/run-options.ts";
import type { RunFields } from "./dialogs/run-options.ts";
import { formatAge, formatBytes, formatPercent, shortId } from "./format.ts";
import { hintFor } from "./hints.ts";
import { hasReference, parseDemos } from "./state/demos.ts";
import { totals } from "./state/loads.ts";
import { stripEscapes } from "./terminal/escapes.ts";
import { LineInput } from "./terminal/line-input.ts";

describe("formats", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [48_343_552, "48 MB"],
    [999_600, "1.0 MB"],
    [9_960_000, "10 MB"],
    [4_200_000_000, "4.2 GB"],
  ])("%d bytes", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [0, "just now"],
    [61, "1 minute ago"],
    [7200, "2 hours ago"],
    [86_400 * 3, "3 days ago"],
    [86_400 * 400, "13 months ago"],
    [86_400 * 800, "2 years ago"],
  ])("%d seconds", (age, text) => expect(formatAge(1000, 1000 + age)).toBe(text));

  test("percent and ids", () => {
    expect(formatPercent(1, 3)).toBe("33 %");
    expect(formatPercent(9, 3)).toBe("100 %");
    expect(formatPercent(1, null)).toBe("");
    expect(shortId(`sha256:${"ab".repeat(32)}`)).toBe("abababababab");
  });
});

describe("run options", () => {
  const fields: RunFields = {
    image: "debian",
    command: "",
    entrypoint: "",
    environment: "",
    workingDirectory: "",
    user: "",
    name: "",
    hostname: "",
    tty: true,
    remove: false,
    readOnly: false,
    cpu: "x86-64-v2",
    jit: "on",
  };

  test("empty fields leave everything to the image", () => {
    expect(runOptions(fields)).toEqual({ image: "debian", interactive: true, tty: true });
  });

  test("all of them, and the command line that says the same", () => {
    const options = runOptions({
      image: "debian",
      command: "-c 'echo a b'",
      entrypoint: "sh",
      environment: "A=1\n\n# none\nB=x y",
      workingDirectory: "/tmp",
      user: "nobody",
      name: "one",
      hostname: "host",
      tty: false,
      remove: true,
      readOnly: true,
      cpu: "x86-64-v3",
      jit: "off",
    });
    expect(options).toMatchObject({ command: ["-c", "echo a b"], entrypoint: ["sh"], environment: ["A=1", "B=x y"] });
    expect(asCommandLine(options)).toBe(
      "wherry run -i --rm --read-only --name one -h host -u nobody -w /tmp --cpu x86-64-v3 --jit off -e A=1 -e 'B=x y' --entrypoint sh debian -c 'echo a b'",
    );
  });

  test.each([
    [{ image: "" }, "Choose an image"],
    [{ name: "-x" }, "at least two characters"],
    [{ workingDirectory: "tmp" }, "must begin with /"],
    [{ command: "'" }, "never closed"],
    [{ environment: "=x" }, "write KEY=value"],
  ])("%o is refused", (change, reason) => expect(() => runOptions({ ...fields, ...change })).toThrow(reason));

  test("environment lines", () => expect(parseEnvironment(" A=b \r\nC=")).toEqual(["A=b", "C="]));
});

describe("demos", () => {
  test("the list is read with care", () => {
    expect(parseDemos("no list", "http://h/")).toEqual([]);
    expect(parseDemos([{ name: "a", file: "a.tar" }, { name: 1 }], "http://h/images/")).toEqual([
      { name: "a", reference: "a:latest", description: "", command: [], url: "http://h/images/a.tar", sizeBytes: 0 },
    ]);
  });

  test("references are compared as docker reads them", () => {
    expect(hasReference(["debian:latest"], "debian")).toBe(true);
    expect(hasReference(["docker.io/library/debian:12"], "debian:12")).toBe(true);
    expect(hasReference(["host:5000/debian"], "host:5000/debian:latest")).toBe(true);
    expect(hasReference(["debian:12"], "debian")).toBe(false);
  });
});

test("progress of all layers together; the total is unknown while a layer's is", () => {
  const layer = (doneBytes: number, totalBytes: number | null) => ({ doneBytes, totalBytes }) as LoadProgress;
  expect(totals([])).toEqual({ done: 0, total: null });
  expect(totals([layer(1, 10), layer(2, 20)])).toEqual({ done: 3, total: 30 });
  expect(totals([layer(1, 10), layer(2, null)])).toEqual({ done: 3, total: null });
});

test("every kind of error has something to do about it", () => {
  expect(hintFor(new WherryError("storage-full", "no room"))).toContain("Remove images");
  expect(hintFor(new WherryError("no-platform", "arm64 only"))).toContain("linux/amd64");
});

test("text without control sequences", () => {
  expect(stripEscapes("\x1b[32mgreen\x1b[0m \x1b]0;title\x07plain\r\n50%\r100%\r\n\x1b(B.")).toBe(
    "green plain\n100%\n.",
  );
});

describe("lines for a process without a terminal", () => {
  function type(text: string) {
    const heard = { echo: "", lines: [] as string[], ended: 0, interrupts: 0 };
    const input = new LineInput({
      echo: (shown) => (heard.echo += shown),
      line: (bytes) => heard.lines.push(new TextDecoder().decode(bytes)),
      end: () => heard.ended++,
      interrupt: () => heard.interrupts++,
    });
    input.input(new TextEncoder().encode(text));
    return heard;
  }

  test("editing", () => {
    expect(type("abx\x7fc\r").lines).toEqual(["abc\n"]);
    expect(type("wrong\x15right\r").lines).toEqual(["right\n"]);
    expect(type("é\x7fe\r").lines).toEqual(["e\n"]);
    expect(type("\x1b[A").echo).toBe("");
  });

  test("Ctrl-D ends an empty line's input and sends a begun one; Ctrl-C interrupts", () => {
    expect(type("\x04")).toMatchObject({ ended: 1, lines: [] });
    expect(type("ab\x04")).toMatchObject({ ended: 0, lines: ["ab"] });
    expect(type("ab\x03\r")).toMatchObject({ interrupts: 1, lines: ["\n"] });
  });
});
