/**
 * A user namespace to work in without being root (man 7 user_namespaces): the user is root in it, and has subordinate
 * ids where /etc/subuid and /etc/subgid grant some. It lives as long as the process that holds it, which in turn ends
 * with us: it waits for the end of a pipe.
 */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { WherryError } from "../../base/errors.ts";
import { findProgram } from "./host.ts";
import type { Host } from "./host.ts";

const run = promisify(execFile);

export class UserNamespace {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async create(host: Host): Promise<UserNamespace> {
    const unshare = findProgram("unshare");
    if (unshare === null || findProgram("nsenter") === null)
      throw new WherryError("unsupported", "running without root needs the programs unshare and nsenter (util-linux)");
    const holder = spawn(unshare, ["--user", "--", "sh", "-c", "echo && exec cat"], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    let complaint = "";
    holder.stderr.on("data", (bytes: Buffer) => (complaint += bytes.toString()));
    const ready = await new Promise<boolean>((resolve) => {
      holder.stdout.once("data", () => resolve(true));
      holder.once("error", () => resolve(false));
      holder.once("close", () => resolve(false));
    });
    if (!ready || holder.pid === undefined)
      throw new WherryError(
        "unsupported",
        `no user namespace can be made here: ${complaint.trim() || "unshare failed"}`,
      );
    // The holder must not keep the event loop alive.
    holder.unref();
    for (const stream of [holder.stdin, holder.stdout, holder.stderr]) (stream as { unref?: () => void }).unref?.();
    try {
      await mapIds(holder.pid, host);
    } catch (error) {
      holder.kill("SIGKILL");
      throw error;
    }
    return new UserNamespace(holder);
  }

  /** What to put before a command so that it runs in here, as root. */
  get prefix(): readonly string[] {
    return ["nsenter", "--user", "--preserve-credentials", `--target=${this.#holder.pid}`, "--"];
  }

  close(): void {
    this.#holder.stdin?.end();
    this.#holder.kill("SIGKILL");
  }
}

async function mapIds(pid: number, host: Host): Promise<void> {
  const { subordinateUids: uids, subordinateGids: gids } = host;
  if (uids !== null && gids !== null) {
    const map = (program: string, own: number, range: { start: number; count: number }) =>
      run(findProgram(program) ?? program, [pid, 0, own, 1, 1, range.start, range.count].map(String));
    await Promise.all([map("newuidmap", host.uid, uids), map("newgidmap", host.gid, gids)]);
    return;
  }
  // Without subordinate ids only the own id can be mapped, and setgroups(2) must be given up first.
  await writeFile(`/proc/${pid}/setgroups`, "deny");
  await writeFile(`/proc/${pid}/uid_map`, `0 ${host.uid} 1\n`);
  await writeFile(`/proc/${pid}/gid_map`, `0 ${host.gid} 1\n`);
}
