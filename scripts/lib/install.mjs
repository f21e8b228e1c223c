// Installs what is missing: npm packages, and system packages through apt where we may.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { has, must, root, run } from "./run.mjs";

/** Installs node_modules when it is missing or older than the lock file. */
export function installModules() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules", ".wherry-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.error("Installing npm packages…");
  // The command that npm runs us from may be older than the lock file: `npm ci` gives exactly what it names.
  must("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { stdio: ["ignore", 2, 2] });
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stamp, lock);
}

let updated = false;

/**
 * Makes the given programs available, each named with the Debian package that has it. Installs with apt-get when we
 * are root; otherwise returns the ones that are missing, for the caller to say so.
 */
export function installPrograms(wanted) {
  let missing = wanted.filter(({ program }) => !has(program));
  if (missing.length === 0) return [];
  if (has("apt-get") && process.getuid?.() === 0) {
    const packages = missing.flatMap((entry) => entry.package.split(" "));
    console.error(`Installing system packages: ${packages.join(" ")}`);
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const options = { stdio: ["ignore", "ignore", 2], env: environment };
    if (!updated) run("apt-get", ["update", "-qq"], options);
    updated = true;
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], options);
    missing = missing.filter(({ program }) => !has(program));
  }
  return missing;
}

/** One line that says what to install. */
export function missingLine(missing, purpose) {
  return `Missing for ${purpose}: ${missing.map((entry) => entry.program).join(", ")}. Install with: sudo apt-get install ${missing.map((entry) => entry.package).join(" ")}`;
}
