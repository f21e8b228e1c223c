// Builds the demo images into public/images (git-ignored) from the distribution's own packages, and the list the page
// shows (public/images/index.json). An image whose recipe has not changed is kept.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { symlink, chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installModules, installPrograms, missingLine } from "./lib/install.mjs";
import { capture, has, root, run } from "./lib/run.mjs";

const folder = join(root, "public", "images");

const recipes = [
  {
    name: "busybox",
    reference: "busybox:latest",
    description: "One static binary with 270 commands: the smallest Linux there is",
    command: ["sh"],
    programs: [{ program: "busybox", package: "busybox-static" }],
    build: buildBusybox,
  },
  {
    name: "debian",
    reference: "debian:demo",
    description: "Debian 12 with bash, coreutils, perl, python3, vi and nano",
    command: ["bash"],
    programs: [{ program: "mmdebstrap", package: "mmdebstrap" }],
    build: buildDebian,
  },
  {
    name: "wasi",
    reference: "wasi-hello:latest",
    description: "A WebAssembly program (WASI), built from source in wasm/guest",
    command: [],
    programs: [],
    build: buildWasi,
  },
];

/** Everything the archive depends on: its recipe, the archive writer, and for WASI its source. */
function recipeKey(recipe) {
  const hash = createHash("sha256").update(JSON.stringify(recipe) + recipe.build.toString() + tarTree.toString());
  hash.update(readFileSync(join(root, "scripts/lib/image-archive.mjs")));
  const source = join(root, "wasm/guest", `${recipe.name}.ts`);
  if (existsSync(source)) hash.update(readFileSync(source));
  return hash.digest("hex");
}

async function buildBusybox(scratch) {
  const tree = join(scratch, "root");
  for (const name of [
    "bin",
    "dev",
    "etc",
    "home",
    "proc",
    "root",
    "sys",
    "tmp",
    "usr/bin",
    "usr/sbin",
    "sbin",
    "var/log",
  ])
    await mkdir(join(tree, name), { recursive: true });
  await chmod(join(tree, "tmp"), 0o1777);
  await chmod(join(tree, "root"), 0o700);
  const program = capture("sh", ["-c", "command -v busybox"]).trim();
  await copyFile(program, join(tree, "bin/busybox"));
  await chmod(join(tree, "bin/busybox"), 0o755);
  for (const applet of capture(program, ["--list"]).trim().split("\n"))
    if (applet !== "busybox") await symlink("busybox", join(tree, "bin", applet));
  await writeFile(
    join(tree, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
  );
  await writeFile(join(tree, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
  await writeFile(join(tree, "etc/profile"), 'export PS1="\\u@\\h:\\w\\$ "\n');
  const layer = join(scratch, "layer.tar");
  tarTree(tree, layer);
  return {
    layers: [layer],
    config: { Cmd: ["sh"], Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] },
  };
}

/** A tar whose bytes depend only on the tree: fixed owner, order and times. */
function tarTree(tree, target) {
  const options = ["--sort=name", "--mtime=@1704067200", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
  if (run("tar", [...options, "-C", tree, "-cf", target, "."]) !== 0) throw new Error("tar failed");
}

async function buildDebian(scratch) {
  const layer = join(scratch, "layer.tar");
  const excluded = [
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
  ];
  const arguments_ = [
    "--quiet",
    "--variant=essential",
    "--include=mawk,less,nano,procps,python3,vim-tiny",
    ...excluded.map((path) => `--dpkgopt=path-exclude=${path}`),
    // Caches that differ from build to build and that nothing needs.
    '--customize-hook=rm -rf "$1"/var/log/* "$1"/var/cache/* "$1"/var/lib/apt/lists/*',
    '--customize-hook=echo wherry > "$1/etc/hostname"',
    "bookworm",
    layer,
  ];
  console.error("Building the Debian image from packages (about a minute)…");
  if (
    run("mmdebstrap", arguments_, {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, SOURCE_DATE_EPOCH: "1704067200" },
    }) !== 0
  )
    throw new Error("mmdebstrap failed: its messages are above");
  return {
    layers: [layer],
    config: { Cmd: ["bash"], Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] },
  };
}

async function buildWasi(scratch) {
  const tree = join(scratch, "root");
  await mkdir(tree, { recursive: true });
  const asc = join(root, "node_modules/assemblyscript/bin/asc.js");
  const source = join(root, "wasm/guest/wasi.ts");
  if (!existsSync(source)) throw new Error("wasm/guest/wasi.ts is missing");
  if (
    run(
      process.execPath,
      [
        asc,
        source,
        "--optimize",
        "--runtime",
        "stub",
        "--use",
        "abort=wasm/guest/wasi/wasi_abort",
        "-o",
        join(tree, "hello.wasm"),
      ],
      { stdio: ["ignore", 2, 2] },
    ) !== 0
  )
    throw new Error("the AssemblyScript compiler failed");
  await writeFile(join(tree, "greeting.txt"), "Hello from a file of the image.\n");
  const layer = join(scratch, "layer.tar");
  tarTree(tree, layer);
  return { layers: [layer], config: { Entrypoint: ["/hello.wasm"] }, os: "wasi", architecture: "wasm" };
}

/** Builds what is missing or stale. Returns the recipes that could not be built, each with a line that says why. */
export async function buildDemoImages() {
  const { writeImageArchive } = await import("./lib/image-archive.mjs");
  mkdirSync(folder, { recursive: true });
  const problems = [];
  const list = [];
  for (const recipe of recipes) {
    const file = join(folder, `${recipe.name}.tar`);
    const stamp = `${file}.recipe`;
    const key = recipeKey(recipe);
    if (!existsSync(file) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== key) {
      if (recipe.programs.length > 0 && !has("apt-get")) {
        problems.push(
          `${recipe.name}: needs a Debian or Ubuntu host to be built from packages; load an archive of your own instead`,
        );
        continue;
      }
      const missing = installPrograms(recipe.programs);
      if (missing.length > 0) {
        problems.push(`${recipe.name}: ${missingLine(missing, `the ${recipe.name} demo image`)}`);
        continue;
      }
      const scratch = mkdtempSync(join(tmpdir(), "wherry-demo-"));
      try {
        const image = await recipe.build(scratch);
        await writeImageArchive(`${file}.part`, { reference: recipe.reference, ...image });
        renameSync(`${file}.part`, file);
        writeFileSync(stamp, key);
      } catch (error) {
        problems.push(`${recipe.name}: ${error.message}`);
        continue;
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    }
    const { name, reference, description, command } = recipe;
    list.push({ name, reference, description, command, file: `${name}.tar`, sizeBytes: statSync(file).size });
  }
  writeFileSync(join(folder, "index.json"), JSON.stringify(list, null, 2));
  return problems;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  installModules();
  const problems = await buildDemoImages();
  for (const problem of problems) console.error(`Demo image not built: ${problem}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
