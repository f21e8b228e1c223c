/**
 * `wherry internal …`: work of the native runtime that has to happen inside a user or mount namespace, so in a process
 * of its own. Not for users; errors go to stderr as one JSON line, for the process that asked.
 */
import { WherryError } from "../../base/errors.ts";
import { unpackLayers } from "../../runtime/native/bundle.ts";
import { nativeLayout } from "../../runtime/native/layout.ts";
import { packPath, unpackInto } from "../../runtime/native/copy-files.ts";
import { DirectoryStore } from "../../store/directory.ts";

export async function runInternal(parameters: readonly string[], self: readonly string[]): Promise<number> {
  const [command, first = "", ...rest] = parameters;
  try {
    if (command === "supervise") {
      const { supervise } = await import("./supervise.ts");
      await supervise(first, rest[0] ?? "", self);
    } else if (command === "unpack") {
      const store = await DirectoryStore.open(first);
      await unpackLayers(nativeLayout(first), store, rest, true);
      await store.close();
    } else if (command === "copy-out") {
      await packPath(first, rest[0] ?? "/", process.stdout);
    } else if (command === "copy-in") {
      await unpackInto(first, rest[0] ?? "/", process.stdin);
    } else {
      throw new WherryError("usage", `unknown internal command: ${command}`);
    }
    return 0;
  } catch (error) {
    process.stderr.write(`${JSON.stringify(WherryError.from(error).toPlain())}\n`);
    return 1;
  }
}
