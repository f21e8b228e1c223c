/**
 * The command line end to end, through the built bundle, with a real image under real namespaces: as root, and as an
 * ordinary user (with and without subordinate ids).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { processStart } from "../../src/runtime/native/process-start.ts";
import { makeBusyboxArchive } from "./image.ts";
import { makeRunner, program } from "./program.ts";
import type { Runner } from "./program.ts";

const hasFuse = existsSync("/dev/fuse") && spawnSync("fuse-overlayfs", ["--version"]).status === 0;
const isRoot = process.getuid?.() === 0;

/** An ordinary user to run as, made when there is none; null where that is not possible. */
function ordinaryUser(name: string, subordinate: boolean): { uid: number; gid: number } | null {
  if (!isRoot) return null;
  if (spawnSync("id", [name]).status !== 0 && spawnSync("useradd", ["--create-home", name]).status !== 0) return null;
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    const lines = readFileSync(file, "utf8").split("\n");
    const others = lines.filter((line) => line !== "" && !line.startsWith(`${name}:`));
    // Away from what useradd gives to others.
    if (subordinate) others.push(`${name}:700000:65536`);
    writeFileSync(file, others.map((line) => `${line}\n`).join(""));
  }
  const [uid, gid] = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, name], { encoding: "utf8" })));
  return { uid: uid!, gid: gid! };
}

const scratch = mkdtempSync(join(tmpdir(), "wherry-native-"));
chmodSync(scratch, 0o755);
let archive = "";
beforeAll(async () => {
  archive = await makeBusyboxArchive(scratch);
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

interface Mode {
  readonly name: string;
  readonly user: string | null;
  readonly subordinate: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

const modes: readonly Mode[] = [
  { name: isRoot ? "root" : "the user who runs the tests", user: null, subordinate: false },
  { name: "an ordinary user with subordinate ids", user: "wherry-subids", subordinate: true },
  { name: "an ordinary user with one id", user: "wherry-oneid", subordinate: false },
];

describe.each(modes)("native containers as $name", ({ name, user, subordinate }) => {
  const ids = user === null ? null : ordinaryUser(user, subordinate);
  const possible = user === null || ids !== null;
  const folder = join(scratch, name.replaceAll(" ", "-"));
  const store = join(folder, "store");
  const prefix = ids === null ? [] : ["setpriv", `--reuid=${ids.uid}`, `--regid=${ids.gid}`, "--clear-groups", "--"];
  const wherry: Runner = makeRunner({ store, prefix });
  const oneId = user !== null && !subordinate;
  const ok = async (words: readonly string[], input?: string): Promise<string> => {
    const result = await wherry(words, input);
    expect(result.stderr).toBe("");
    expect(result.code).toBe(0);
    return result.stdout;
  };
  const sh = (script: string, flags: readonly string[] = []): Promise<string> =>
    ok(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);

  // What does not depend on the number of ids is tested in the other two ways of running.
  const thorough = (title: string, body: () => Promise<void>): void => {
    if (!oneId) test(title, body);
  };

  describe.skipIf(!possible)("with the store of its own", () => {
    beforeAll(async () => {
      mkdirSync(folder, { recursive: true });
      if (ids !== null) execFileSync("chown", ["-R", `${ids.uid}:${ids.gid}`, folder]);
      const loaded = await wherry(["load", "-i", archive]);
      expect(loaded).toEqual({ code: 0, stdout: "Loaded image: busybox:latest\n", stderr: "" });
    }, 120_000);

    afterAll(async () => {
      const left = (await wherry(["ps", "-aq"])).stdout.split("\n").filter((line) => line !== "");
      if (left.length > 0) await wherry(["rm", "-f", ...left]);
    });

    test("says which OCI runtime it uses", async () => {
      expect(await ok(["info"])).toMatch(/native: (runc|crun): works here as (root|rootless)/);
    });

    test("runs a command and gives its exit code", async () => {
      expect(await wherry(["run", "--rm", "busybox", "echo", "hello"])).toEqual({
        code: 0,
        stdout: "hello\n",
        stderr: "",
      });
      expect(await wherry(["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 42"])).toEqual({
        code: 42,
        stdout: "out\n",
        stderr: "err\n",
      });
      expect((await wherry(["ps", "-aq"])).stdout).toBe("");
    });

    test("ends with 127 for a missing command, 126 for one that may not be executed, 125 for its own errors", async () => {
      const missing = await wherry(["run", "--rm", "busybox", "nosuch"]);
      expect(missing.code).toBe(127);
      expect(missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH');
      const text = await wherry(["run", "--rm", "busybox", "/etc/passwd"]);
      expect(text.code).toBe(126);
      expect(text.stderr).toContain("permission denied");
      expect((await wherry(["run", "--rm", "busybox", "/place"])).code).toBe(126);
      const broken = await wherry(["run", "--rm", "busybox", "/place/broken"]);
      expect(broken.code).toBe(126);
      expect(broken.stderr).toContain('exec: "/place/broken": exec format error');
      const image = await wherry(["run", "--rm", "nosuchimage"]);
      expect(image.code).toBe(125);
      expect(image.stderr).toContain("No such image: nosuchimage:latest");
      expect((await wherry(["run", "--nosuchflag", "busybox"])).code).toBe(125);
      expect((await wherry(["ps", "-aq"])).stdout).toBe("");
    });

    test("gives 128 and the signal's number for a killed process", async () => {
      expect((await wherry(["run", "--rm", "busybox", "sh", "-c", "(sh -c 'kill -KILL $$'); exit $?"])).code).toBe(137);
      const id = (await ok(["run", "-d", "busybox", "sleep", "100"])).trim();
      await ok(["kill", id]);
      expect((await ok(["inspect", "-f", "{{.State.ExitCode}}", id])).trim()).toBe("137");
      await ok(["rm", id]);
    });

    test("shows the layers as overlayfs does", async () => {
      expect(await sh("ls /place; cat /place/added/file; ls -ld /place | cut -c1-10")).toBe(
        "added\nbroken\nfrom the second layer\ndrwxr-xr-x\n",
      );
    });

    test("sets the environment, the working directory, the host name and the user", async () => {
      const env = await sh("env | grep -v -e SHLVL -e PWD | sort", [
        "-e",
        "B=two words",
        "-e",
        "FROM_IMAGE=no",
        "-h",
        "box",
      ]);
      expect(env).toBe("B=two words\nFROM_IMAGE=no\nHOME=/root\nHOSTNAME=box\nPATH=/bin\n");
      expect(await sh("pwd; hostname", ["-w", "/made/here", "-h", "box"])).toBe("/made/here\nbox\n");
      if (oneId) return;
      expect(await sh("id; echo $HOME", ["-u", "user"])).toBe(
        "uid=1000(user) gid=1000(user) groups=10(wheel)\n/home/user\n".replace("groups=10(wheel)", "groups=10(wheel)"),
      );
      expect(await sh("id -u; id -g", ["-u", "12:34"])).toBe("12\n34\n");
    });

    thorough("reads variables from a file", async () => {
      const file = join(folder, "variables");
      writeFileSync(file, "# comment\nONE=1\n\nTWO=a b\n");
      expect(await sh("echo $ONE $TWO", ["--env-file", file])).toBe("1 a b\n");
    });

    test("mounts folders, read-only ones and tmpfs, and keeps a read-only root", async () => {
      const shared = join(folder, "shared");
      mkdirSync(shared, { recursive: true });
      chmodSync(shared, 0o777);
      writeFileSync(join(shared, "in"), "from outside\n");
      expect(await sh("cat /data/in; echo from inside > /data/out", ["-v", `${shared}:/data`])).toBe("from outside\n");
      expect(readFileSync(join(shared, "out"), "utf8")).toBe("from inside\n");
      const readOnly = await wherry(["run", "--rm", "-v", `${shared}:/data:ro`, "busybox", "touch", "/data/no"]);
      expect(readOnly.code).toBe(1);
      expect(readOnly.stderr).toContain("Read-only file system");
      const rootOnly = await wherry([
        "run",
        "--rm",
        "--read-only",
        "--tmpfs",
        "/tmp",
        "busybox",
        "sh",
        "-c",
        "touch /tmp/yes && touch /no",
      ]);
      expect(rootOnly.stderr).toContain("/no: Read-only file system");
      expect(await sh("mount | grep ' /scratch '", ["--tmpfs", "/scratch:size=1m"])).toMatch(/size=1024k/);
    });

    test("has a loopback interface and its own namespaces", async () => {
      expect(await sh("ip addr show lo | grep -c 127.0.0.1; echo $$; ls /sys/class/net")).toBe("1\n1\nlo\n");
    });

    test("reads standard input to its end, and half-closes", async () => {
      expect(await ok(["run", "--rm", "-i", "busybox", "sh", "-c", "wc -c; echo after"], "x".repeat(300_000))).toBe(
        "300000\nafter\n",
      );
      expect(await ok(["run", "--rm", "busybox", "wc", "-c"], "ignored without -i")).toBe("0\n");
    });

    test("lets programs open their standard streams again", async () => {
      const result = await wherry(
        ["run", "--rm", "-i", "busybox", "sh", "-c", "cat /dev/stdin > /dev/stdout; echo no >/dev/stderr"],
        "yes\n",
      );
      expect(result).toEqual({ code: 0, stdout: "yes\n", stderr: "no\n" });
    });

    thorough("delivers a lot of output whole", async () => {
      const text = await sh("dd if=/dev/zero bs=1024 count=4096 2>/dev/null | tr '\\0' x; echo end");
      expect(text.length).toBe(4096 * 1024 + 4);
      expect(text.endsWith("xend\n")).toBe(true);
    });

    test("gives a terminal: size, resizing, Ctrl-C, exit code", async () => {
      const terminal = wherry.terminal(["run", "--rm", "-it", "busybox"]);
      await terminal.expect(/\/ # /);
      terminal.type("tty; stty size\r");
      await terminal.expect(/\/dev\/pts\/0\r\n24 80\r\n/);
      terminal.resize(100, 30);
      terminal.type("until stty size | grep '30 100'; do sleep 0.1; done\r");
      await terminal.expect(/\n30 100\r\n/);
      // What it prints is not what was typed: it runs, in the foreground.
      terminal.type("sh -c 'echo run\"\"ning; exec sleep 1000'\r");
      await terminal.expect(/running\r\n/);
      terminal.type("\u0003");
      await terminal.expect(/\/ # /);
      terminal.type("exit 7\r");
      expect(await terminal.exited).toBe(7);
    });

    thorough("gives a terminal without node-pty too", async () => {
      const other = makeRunner({ store, prefix, environment: { WHERRY_PTY: "script" } });
      const terminal = other.terminal(["run", "--rm", "-it", "busybox"]);
      await terminal.expect(/\/ # /);
      terminal.type("tty; stty size\r");
      await terminal.expect(/\/dev\/pts\/0\r\n24 80\r\n/);
      terminal.type("exit 6\r");
      expect(await terminal.exited).toBe(6);
    });

    test.skipIf(!hasFuse)("runs over fuse-overlayfs where the kernel's overlay is refused", async () => {
      const other = makeRunner({ store, prefix, environment: { WHERRY_OVERLAY: "fuse" } });
      const result = await other([
        "run",
        "--rm",
        "busybox",
        "sh",
        "-c",
        "mount | head -1 | cut -c1-19; ls /place; rm /etc/group && ls /etc/group",
      ]);
      expect(result.stdout).toBe("fuse-overlayfs on /\nadded\nbroken\n");
    });

    test("detaches with Ctrl-P Ctrl-Q and attaches again", async () => {
      const first = wherry.terminal(["run", "-it", "--name", "shell", "busybox"]);
      await first.expect(/\/ # /);
      first.type("X=kept\r");
      await first.expect(/\/ # /);
      first.type("\u0010\u0011");
      expect(await first.exited).toBe(0);
      expect((await ok(["ps", "--format", "{{.Names}}"])).trim()).toBe("shell");
      const second = wherry.terminal(["attach", "shell"]);
      second.type("\recho $X\r");
      await second.expect(/\nkept\r\n/);
      second.type("exit 3\r");
      expect(await second.exited).toBe(3);
      await ok(["rm", "shell"]);
    });

    test("runs in the background: ps, logs, exec, inspect, stop, start, rm", async () => {
      const script = 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done';
      const id = (await ok(["run", "-d", "--name", "daemon", "busybox", "sh", "-c", script])).trim();
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      expect((await ok(["ps", "-q"])).trim()).toBe(id.slice(0, 12));
      expect(await ok(["ps"])).toMatch(
        /^CONTAINER ID {3}IMAGE {5}COMMAND .*\n[0-9a-f]{12} {3}busybox .* Up .* daemon\n$/,
      );
      expect(await ok(["exec", id.slice(0, 8), "echo", "inside"])).toBe("inside\n");
      expect((await wherry(["exec", "daemon", "sh", "-c", "exit 9"])).code).toBe(9);
      expect((await wherry(["exec", "daemon", "nosuch"])).code).toBe(127);
      expect(
        await ok(["exec", "-i", "-e", "A=b", "-w", "/tmp", "daemon", "sh", "-c", "cat; echo $A; pwd"], "typed\n"),
      ).toBe("typed\nb\n/tmp\n");
      const terminal = wherry.terminal(["exec", "-it", "daemon", "sh"]);
      await terminal.expect(/\/ # /);
      terminal.type("tty; exit 6\r");
      await terminal.expect(/\/dev\/pts\/\d/);
      expect(await terminal.exited).toBe(6);
      await ok(["exec", "-d", "daemon", "touch", "/tmp/made"]);
      expect((await ok(["inspect", "-f", "{{.State.Running}} {{json .Config.Entrypoint}}", "daemon"])).trim()).toBe(
        "true null",
      );
      const start = Date.now();
      expect(await ok(["stop", "daemon"])).toBe("daemon\n");
      // It is given ten seconds, and needs none of them.
      expect(Date.now() - start).toBeLessThan(9000);
      expect(await ok(["logs", "daemon"])).toBe("ready\nbye\n");
      expect(await ok(["ps", "-a", "--format", "{{.Names}} {{.Status}}"])).toMatch(/^daemon Exited \(5\) .* ago\n$/);
      expect((await wherry(["exec", "daemon", "true"])).stderr).toContain(`container ${id} is not running`);
      await ok(["start", "daemon"]);
      expect(await ok(["exec", "daemon", "ls", "/tmp"])).toBe("made\n");
      expect((await wherry(["rm", "daemon"])).stderr).toContain(
        'cannot remove container "daemon": container is running',
      );
      await ok(["rm", "-f", "daemon"]);
      expect(await ok(["ps", "-aq"])).toBe("");
    });

    thorough("kills a container that does not stop in time", async () => {
      await ok(["run", "-d", "--name", "stubborn", "busybox", "sh", "-c", 'trap "" TERM; while :; do sleep 1; done']);
      const start = Date.now();
      await ok(["stop", "-t", "1", "stubborn"]);
      expect(Date.now() - start).toBeGreaterThan(900);
      expect(Date.now() - start).toBeLessThan(9000);
      expect((await ok(["wait", "stubborn"])).trim()).toBe("137");
      await ok(["rm", "stubborn"]);
    });

    thorough("follows logs to the end", async () => {
      await ok([
        "run",
        "-d",
        "--name",
        "talker",
        "busybox",
        "sh",
        "-c",
        "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done",
      ]);
      expect(await ok(["logs", "-f", "talker"])).toBe("line 1\nline 2\nline 3\nline 4\nline 5\n");
      expect(await ok(["logs", "-n", "2", "talker"])).toBe("line 4\nline 5\n");
      await ok(["rm", "-f", "talker"]);
    });

    thorough("a broken pipe ends the program that writes to it", async () => {
      const line = `"$0" "$@" | head -n 2`;
      const words = [...prefix, process.execPath, program, "run", "--rm", "busybox", "yes"];
      const { stdout } = spawnSync("/bin/sh", ["-c", line, ...words], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], WHERRY_HOME: store },
        timeout: 60_000,
      });
      expect(stdout).toBe("y\ny\n");
      expect(await ok(["ps", "-aq"])).toBe("");
    });

    thorough("passes signals on, in the foreground too", async () => {
      const run = wherry([
        "run",
        "--rm",
        "--name",
        "signalled",
        "busybox",
        "sh",
        "-c",
        'trap "exit 11" USR1; echo up; while :; do sleep 0.1; done',
      ]);
      await expect.poll(async () => (await wherry(["logs", "signalled"])).stdout, { timeout: 60_000 }).toBe("up\n");
      await ok(["kill", "-s", "USR1", "signalled"]);
      expect(await run).toEqual({ code: 11, stdout: "up\n", stderr: "" });
    });

    test("copies both ways, running and stopped", async () => {
      const local = join(folder, "copies");
      mkdirSync(local, { recursive: true });
      chmodSync(local, 0o777);
      writeFileSync(join(local, "file"), "copied in\n");
      await ok(["run", "-d", "--name", "copied", "busybox", "sleep", "100"]);
      await ok(["cp", join(local, "file"), "copied:/tmp"]);
      await ok(["cp", join(local, "file"), "copied:/tmp/renamed"]);
      expect(await ok(["exec", "copied", "sh", "-c", "cd /tmp; cat file renamed"])).toBe("copied in\ncopied in\n");
      await ok(["exec", "copied", "sh", "-c", "mkdir -p /tmp/d/e && echo deep > /tmp/d/e/f && ln -s /etc /tmp/d/link"]);
      await ok(["cp", "copied:/tmp/d", local]);
      expect(readFileSync(join(local, "d/e/f"), "utf8")).toBe("deep\n");
      await ok(["cp", "copied:/tmp/d/.", join(local, "content")]);
      expect(readFileSync(join(local, "content/e/f"), "utf8")).toBe("deep\n");
      // A link inside the container never leads out of it.
      await ok(["exec", "copied", "ln", "-s", folder, "/tmp/out"]);
      expect((await wherry(["cp", join(local, "file"), "copied:/tmp/out/escaped"])).code).toBe(1);
      expect((await wherry(["cp", "copied:/nosuch", local])).stderr).toContain(
        "Could not find the file /nosuch in container",
      );
      await ok(["stop", "-t", "0", "copied"]);
      await ok(["cp", join(local, "file"), "copied:/tmp/later"]);
      await ok(["cp", "copied:/tmp/later", join(local, "back")]);
      expect(readFileSync(join(local, "back"), "utf8")).toBe("copied in\n");
      const tar = await ok(["cp", "copied:/tmp/later", "-"]);
      expect(tar).toContain("copied in");
      await ok(["start", "copied"]);
      expect(await ok(["exec", "copied", "cat", "/tmp/later"])).toBe("copied in\n");
      await ok(["rm", "-f", "copied"]);
    });

    thorough("keeps two containers apart", async () => {
      await Promise.all([
        ok(["run", "-d", "--name", "one", "busybox", "sleep", "100"]),
        ok(["run", "-d", "--name", "two", "busybox", "sleep", "100"]),
      ]);
      await ok(["exec", "one", "touch", "/only-here"]);
      expect((await wherry(["exec", "two", "ls", "/only-here"])).code).toBe(1);
      expect(await ok(["stop", "-t", "0", "one", "two"])).toBe("one\ntwo\n");
      const both = await wherry(["rm", "one", "nosuch", "two"]);
      expect(both).toEqual({ code: 1, stdout: "one\ntwo\n", stderr: "Error: No such container: nosuch\n" });
    });

    thorough("does not give a name away twice, nor remove an image in use", async () => {
      await ok(["create", "--name", "taken", "busybox"]);
      const again = await wherry(["run", "--name", "taken", "busybox", "true"]);
      expect(again.code).toBe(125);
      expect(again.stderr).toContain('The container name "/taken" is already in use by container');
      const removed = await wherry(["rmi", "busybox"]);
      expect(removed.code).toBe(1);
      expect(removed.stderr).toMatch(
        /conflict: unable to remove repository reference "busybox" \(must force\) - container/,
      );
      await ok(["rm", "taken"]);
    });

    test("notices that a container's supervising process died", async () => {
      const id = (await ok(["run", "-d", "--name", "orphan", "busybox", "sleep", "1000"])).trim();
      const pid = Number(await ok(["inspect", "-f", "{{.State.Pid}}", "orphan"]));
      const record = JSON.parse(readFileSync(join(store, "documents/container", `${id}.json`), "utf8")) as object;
      const supervisor = Number(/"host":\{[^}]*"pid":(\d+)/.exec(JSON.stringify(record))?.[1]);
      expect(supervisor).toBeGreaterThan(1);
      process.kill(supervisor, "SIGKILL");
      await expect
        .poll(() => ok(["ps", "-a", "--format", "{{.Names}} {{.Status}}"]), { timeout: 60_000 })
        .toMatch(/^orphan Exited \(137\)/);
      await expect.poll(() => processStart(pid), { timeout: 60_000 }).toBeNull();
      await ok(["rm", "orphan"]);
    });

    test("removes the image with all that was made of it", async () => {
      expect(await ok(["rmi", "busybox"])).toMatch(/^Untagged: busybox:latest\nDeleted: sha256:[0-9a-f]{64}\n/);
      expect(await ok(["images", "-q"])).toBe("");
      const layers = spawnSync("ls", [join(store, "native/l")], { encoding: "utf8" });
      expect(layers.stdout.trim()).toBe("");
      await ok(["load", "-q", "-i", archive]);
    });
  });
});
