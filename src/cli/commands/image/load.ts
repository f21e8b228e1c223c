/** `wherry load`: archives and OCI layouts, with progress bars on a terminal. */
import { WherryError } from "../../../base/errors.ts";
import type { ImageSource } from "../../../engine/types.ts";
import type { Command, Context } from "../../command.ts";
import { LoadProgressView } from "../../format/load-progress.ts";

export const command: Command = {
  path: ["image", "load"],
  aliases: [["load"]],
  summary: "Load an image from a tar archive or STDIN",
  parameters: "",
  parametersMin: 0,
  parametersMax: 0,
  flags: [
    { name: "input", short: "i", value: "string", summary: "Read from tar archive file, instead of STDIN" },
    { name: "platform", value: "string", summary: "Load only the given platform (default linux/amd64)" },
    { name: "quiet", short: "q", value: null, summary: "Suppress the load output" },
  ],
  async run(context, input) {
    const source = sourceOf(context, input.text("input"));
    const { images } = await context.engine();
    const view = context.stdout.isTerminal && !input.has("quiet") ? new LoadProgressView(context) : null;
    const cancel = new AbortController();
    const undo = context.onSignal(() => cancel.abort());
    const platform = input.text("platform");
    try {
      const loaded = await images.load(source, {
        signal: cancel.signal,
        ...(platform === undefined ? {} : { platform }),
        ...(view === null ? {} : { onProgress: (progress) => view.show(progress) }),
      });
      for (const image of loaded) {
        if (image.references.length === 0) await context.stdout.write(`Loaded image ID: ${image.id}\n`);
        for (const reference of image.references) await context.stdout.write(`Loaded image: ${reference}\n`);
      }
      return 0;
    } finally {
      undo();
    }
  },
};

function sourceOf(context: Context, path: string | undefined): ImageSource {
  if (path !== undefined && path !== "-") {
    if (/^https?:\/\//.test(path)) return { kind: "url", url: path };
    if (context.files === null)
      throw new WherryError("usage", "this host has no files: give the address of an archive with -i https://…");
    return { kind: "path", path: context.files.resolve(path) };
  }
  if (context.stdin.isTerminal) throw new WherryError("usage", "requested load from stdin, but stdin is empty");
  return { kind: "stream", stream: context.stdin.open() };
}
