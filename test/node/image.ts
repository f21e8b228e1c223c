/** A small real image for tests of the command line: busybox from the distribution, with users and odd files. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
// @ts-expect-error -- the archive writer is a script without types
import { writeImageArchive } from "../../scripts/lib/image-archive.mjs";

const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));

/** Writes `busybox:latest` to `target`, a `docker save` archive. */
export async function makeBusyboxArchive(folder: string): Promise<string> {
  if (busybox === undefined) throw new Error("the tests need /bin/busybox: install the package busybox-static");
  const root = join(folder, "root");
  for (const name of ["bin", "etc", "tmp", "root", "home/user", "place"])
    mkdirSync(join(root, name), { recursive: true });
  execFileSync("cp", [busybox, join(root, "bin/busybox")]);
  const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n");
  for (const applet of applets)
    if (applet !== "busybox") execFileSync("ln", ["-sf", "busybox", join(root, "bin", applet)]);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:User:/home/user:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nwheel:x:10:user\nuser:x:1000:\n");
  writeFileSync(join(root, "place/text"), "not a program\n");
  writeFileSync(join(root, "place/broken"), "\u007fELF garbage", { mode: 0o755 });
  const base = join(folder, "base.tar");
  execFileSync("tar", ["--numeric-owner", "--owner=0", "--group=0", "-cf", base, "-C", root, "."]);
  // A second layer: a whiteout, a hard link to a file only the first layer has, a folder it does not list.
  const upper = join(folder, "upper");
  mkdirSync(join(upper, "place/added"), { recursive: true });
  writeFileSync(join(upper, "place/added/file"), "from the second layer\n");
  writeFileSync(join(upper, "place/.wh.text"), "");
  const second = join(folder, "second.tar");
  execFileSync("tar", [
    "--numeric-owner",
    "--owner=0",
    "--group=0",
    "-cf",
    second,
    "-C",
    upper,
    "place/added/file",
    "place/.wh.text",
  ]);
  const archive = join(folder, "busybox.tar");
  await writeImageArchive(archive, {
    reference: "busybox:latest",
    layers: [base, second],
    config: { Cmd: ["sh"], Env: ["PATH=/bin", "FROM_IMAGE=yes"] },
  });
  rmSync(root, { recursive: true });
  rmSync(upper, { recursive: true });
  return archive;
}
