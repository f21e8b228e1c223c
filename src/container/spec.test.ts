import { describe, expect, test } from "vitest";
import type { ResolvedImage } from "./image.ts";
import { makeContainerSpec, makeExecSpec } from "./spec.ts";
import type { RunOptions } from "./types.ts";

const id = "ab".repeat(32);

function spec(options: Partial<RunOptions>, config: ResolvedImage["config"] = {}) {
  const image: ResolvedImage = { id: "sha256:1", layers: [], platform: { os: "linux", architecture: "amd64" }, config };
  return makeContainerSpec(id, { image: "test", ...options }, image);
}

describe("the command line of a container", () => {
  const config = { Entrypoint: ["/entry", "-x"], Cmd: ["default"] };

  test.each<[string, Partial<RunOptions>, ResolvedImage["config"], readonly string[]]>([
    ["the image's entrypoint and command", {}, config, ["/entry", "-x", "default"]],
    ["arguments replace the command", { command: ["a", "b"] }, config, ["/entry", "-x", "a", "b"]],
    ["an entrypoint drops the command too", { entrypoint: ["/mine"] }, config, ["/mine"]],
    ["entrypoint and arguments", { entrypoint: ["/mine"], command: ["a"] }, config, ["/mine", "a"]],
    ["an empty entrypoint clears the image's", { entrypoint: [""], command: ["ls"] }, config, ["ls"]],
    ["only a command", {}, { Cmd: ["sh"] }, ["sh"]],
  ])("%s", (_, options, given, expected) => {
    expect(spec(options, given).process.arguments).toEqual(expected);
  });

  test("nothing to run is an error", () => {
    expect(() => spec({})).toThrow("no command specified");
    expect(() => spec({ entrypoint: [""] }, config)).toThrow("no command specified");
  });
});

const run = { command: ["true"] };

test("the environment: defaults, the user's, then the image's", () => {
  const config = { Env: ["PATH=/bin", "LANG=C", "KEEP=1"] };
  expect(
    spec({ ...run, tty: true, hostname: "box", environment: ["LANG=de", "X=1", "X=2"] }, config).process.environment,
  ).toEqual(["PATH=/bin", "HOSTNAME=box", "TERM=xterm", "LANG=de", "X=2", "KEEP=1"]);
});

test("the host name is the beginning of the id", () => {
  expect(spec(run).hostname).toBe("abababababab");
});

test("mounts come outermost first, and wrong ones are refused", () => {
  const volume = (target: string) => ({ source: "/s", target, readOnly: false });
  expect(
    spec({ ...run, volumes: [volume("/a/b/c"), volume("/a//x/..")], tmpfs: ["/a/b:size=1m"] }).mounts.map(
      ({ target }) => target,
    ),
  ).toEqual(["/a", "/a/b", "/a/b/c"]);
  expect(() => spec({ ...run, volumes: [volume("a")] })).toThrow("mount path must be absolute");
  expect(() => spec({ ...run, volumes: [volume("/")] })).toThrow("destination can't be '/'");
  expect(() => spec({ ...run, tmpfs: ["/a", "/a/"] })).toThrow("Duplicate mount point: /a");
});

test("a relative working directory and an unknown stop signal are refused", () => {
  expect(() => spec({ ...run, workingDirectory: "x" })).toThrow("the working directory 'x' is invalid");
  expect(() => spec(run, { StopSignal: "SIGNOPE" })).toThrow("Invalid signal: SIGNOPE");
  expect(spec(run, { StopSignal: "SIGRTMIN+3" }).stopSignal).toBe("SIGRTMIN+3");
});

test("exec inherits from the container", () => {
  const container = spec({ ...run, user: "me", workingDirectory: "/w", environment: ["A=1"] });
  const exec = makeExecSpec(container, { command: ["ls"], environment: ["B=2"], tty: true });
  expect(exec).toMatchObject({ arguments: ["ls"], user: "me", workingDirectory: "/w", tty: true, interactive: false });
  expect(exec.environment).toContain("A=1");
  expect(exec.environment).toContain("B=2");
  expect(exec.environment).toContain("TERM=xterm");
});

test("what is removed when it ends is temporary", () => {
  expect(spec({ ...run, remove: true }).temporary).toBe(true);
  expect(spec(run).temporary).toBeUndefined();
});
