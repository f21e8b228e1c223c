// What every script does first: the npm packages, then the generated sources.
import { installModules } from "./install.mjs";

export async function prepare() {
  installModules();
  const { generate } = await import("./generate.mjs");
  await generate();
}
