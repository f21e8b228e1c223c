/** The Node program: `wherry …`. What a command does not need is not loaded. */
import module from "node:module";
import { fileURLToPath } from "node:url";

// Compiled code is kept between runs where Node can (22.1 and later).
(module as { enableCompileCache?: () => void }).enableCompileCache?.();

const self = [process.execPath, fileURLToPath(import.meta.url)];
const words = process.argv.slice(2);

async function main(): Promise<number> {
  if (words[0] === "internal") {
    const { runInternal } = await import("./cli/node/internal.ts");
    return runInternal(words.slice(1), self);
  }
  const { nodeContext } = await import("./cli/node/context.ts");
  const { runCommandLine } = await import("./cli/main.ts");
  let close = async (): Promise<void> => {};
  const context = nodeContext(async () => {
    const { openNodeHost } = await import("./cli/node/engine.ts");
    const { storeFolder } = await import("./cli/node/store-folder.ts");
    const { engine } = await openNodeHost({ storePath: storeFolder(process.env), self });
    close = () => engine.close();
    return engine;
  });
  const code = await runCommandLine(context, words);
  await close();
  return code;
}

// Some handle may stay open (a terminal, a pipe nobody ends): the program is over when its command is.
process.exit(await main());
