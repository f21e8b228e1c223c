/** Commands that take several names do what they can, print each success, and join the errors at the end. */
import { WherryError } from "../base/errors.ts";
import type { Context } from "./command.ts";

export async function forEach(
  context: Context,
  names: readonly string[],
  one: (name: string) => Promise<string | null>,
): Promise<number> {
  const errors: WherryError[] = [];
  for (const name of names) {
    try {
      const line = await one(name);
      if (line !== null) await context.stdout.write(`${line}\n`);
    } catch (reason) {
      errors.push(WherryError.from(reason));
    }
  }
  for (const error of errors) await context.stderr.write(`Error: ${error.message}\n`);
  return errors.length === 0 ? 0 : errors[0]!.exitCode === 125 ? 125 : 1;
}
