// The bench's image: the Debian demo image with the bench programs in /bench.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeImageArchive } from "../../scripts/lib/image-archive.mjs";
import { root } from "../../scripts/lib/run.mjs";
import { references } from "./places/common.mjs";
import { compilePrograms } from "./programs.mjs";

/** Path of the archive, made where it is missing or older than its parts. */
export async function benchImage() {
  const programs = compilePrograms();
  const debian = join(root, "public/images/debian.tar");
  const target = join(root, ".cache/bench-image.tar");
  if (!existsSync(debian)) throw new Error("The Debian demo image is missing: npm run demo-images builds it");
  const newest = Math.max(statSync(debian).mtimeMs, statSync(programs).mtimeMs);
  if (existsSync(target) && statSync(target).mtimeMs > newest) return target;
  const scratch = mkdtempSync(join(tmpdir(), "wherry-bench-"));
  try {
    execFileSync("tar", ["-xf", debian, "-C", scratch]);
    const manifest = JSON.parse(execFileSync("tar", ["-xOf", debian, "manifest.json"], { encoding: "utf8" }));
    const layers = manifest[0].Layers.map((name, index) => {
      const layer = join(scratch, `layer${index}.tar`);
      execFileSync("sh", ["-c", 'gzip -dc "$1" > "$2"', "sh", join(scratch, name), layer]);
      return layer;
    });
    mkdirSync(join(scratch, "tree"));
    execFileSync("cp", ["-r", programs, join(scratch, "tree/bench")]);
    const layer = join(scratch, "programs.tar");
    execFileSync("tar", ["--owner=0", "--group=0", "-C", join(scratch, "tree"), "-cf", layer, "bench"]);
    await writeImageArchive(target, {
      reference: references.debian,
      layers: [...layers, layer],
      config: { Cmd: ["bash"] },
    });
    return target;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The same files in a folder, for qemu-user. */
export function benchRootfs() {
  const rootfs = debianRootfs();
  cpSync(compilePrograms(), join(rootfs, "bench"), { recursive: true });
  return rootfs;
}

/** Unpacked once, and again when the image is newer. */
function debianRootfs() {
  const debian = join(root, "public/images/debian.tar");
  const target = join(root, ".cache/bench-rootfs");
  const mark = join(root, ".cache/bench-rootfs.done");
  if (existsSync(mark) && statSync(mark).mtimeMs > statSync(debian).mtimeMs) return target;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const manifest = JSON.parse(execFileSync("tar", ["-xOf", debian, "manifest.json"], { encoding: "utf8" }));
  for (const name of manifest[0].Layers)
    execFileSync("sh", ["-c", 'tar -xOf "$1" "$2" | tar -xzf - -C "$3" --exclude=dev', "sh", debian, name, target]);
  writeFileSync(mark, "");
  return target;
}
