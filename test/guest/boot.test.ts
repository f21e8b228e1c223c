/** First light: images of real packages start, and their programs say what they should. */
import { describe, expect, test } from "vitest";
import { engines } from "../x86/mode.ts";
import { machine } from "./image-machine.ts";

describe.each(engines)("busybox, %s", async (engine) => {
  const busybox = await machine("public/images/busybox.tar", engine);

  test("true and false end with 0 and 1", async () => {
    expect(await busybox.run(["true"])).toEqual({ stdout: "", stderr: "", exitCode: 0 });
    expect(await busybox.run(["false"])).toEqual({ stdout: "", stderr: "", exitCode: 1 });
  });

  test("echo and a pipe in its shell", async () => {
    expect(await busybox.run(["sh", "-c", "echo hello | tr a-z A-Z; exit 3"])).toEqual({
      stdout: "HELLO\n",
      stderr: "",
      exitCode: 3,
    });
  });
});

describe.each(engines)("Debian, %s", async (engine) => {
  const debian = await machine("public/images/debian.tar", engine);

  test("bash, dynamically linked, runs a loop and a pipe", async () => {
    expect(await debian.run(["bash", "-c", "for i in 1 2 3; do echo $i; done | tac; exit 4"])).toEqual({
      stdout: "3\n2\n1\n",
      stderr: "",
      exitCode: 4,
    });
  });

  test("perl and python3 compute", async () => {
    expect(await debian.run(["perl", "-e", 'printf("%.3f\\n", sqrt(2))'])).toMatchObject({ stdout: "1.414\n" });
    const python = ["python3", "-c", "import json,sys;print(json.dumps(sys.version_info[:2]))"];
    expect(await debian.run(python)).toEqual({ stdout: "[3, 11]\n", stderr: "", exitCode: 0 });
  });
});
