/** What the three `inspect` commands share: a JSON array of what was found, or one line each by a template. */
import { WherryError } from "../base/errors.ts";
import type { Context, Flag, Input } from "./command.ts";
import { renderTemplate } from "./format/template.ts";

export const inspectFlags: readonly Flag[] = [
  { name: "format", short: "f", value: "string", summary: 'Format output using a Go template, or "json"' },
  { name: "size", short: "s", value: null, summary: "Accepted for compatibility" },
];

export async function inspectAll(
  context: Context,
  input: Input,
  inspect: (name: string) => Promise<Record<string, unknown>>,
): Promise<number> {
  const found: Record<string, unknown>[] = [];
  const errors: WherryError[] = [];
  for (const name of input.parameters) {
    try {
      found.push(await inspect(name));
    } catch (reason) {
      errors.push(WherryError.from(reason));
    }
  }
  const format = input.text("format");
  if (format === undefined) await context.stdout.write(`${JSON.stringify(found, null, 4)}\n`);
  else
    for (const document of found)
      await context.stdout.write(
        `${format === "json" ? JSON.stringify(document) : renderTemplate(format, document)}\n`,
      );
  for (const error of errors) await context.stderr.write(`Error: ${error.message}\n`);
  return errors.length === 0 ? 0 : 1;
}
