/** `wherry images`: one row for each name of an image. */
import type { ImageSummary } from "../../../engine/types.ts";
import type { Command } from "../../command.ts";
import { humanDuration, humanSize } from "../../format/human.ts";
import { listing } from "../../format/listing.ts";

export const command: Command = {
  path: ["image", "ls"],
  aliases: [["images"], ["image", "list"]],
  summary: "List images",
  parameters: "[REPOSITORY[:TAG]]",
  parametersMin: 0,
  parametersMax: 1,
  flags: [
    { name: "all", short: "a", value: null, summary: "Show all images (default hides intermediate images)" },
    { name: "format", value: "string", summary: 'Format output using a Go template, "table …" or "json"' },
    { name: "no-trunc", value: null, summary: "Don't truncate output" },
    { name: "quiet", short: "q", value: null, summary: "Only show image IDs" },
  ],
  async run(context, input) {
    const { images } = await context.engine();
    const wanted = input.parameters[0];
    const whole = input.has("no-trunc");
    const nowSeconds = context.nowMs() / 1000;
    const list = (await images.list()).toSorted((a, b) => b.createdSeconds - a.createdSeconds);
    const rows = list.flatMap((image) => rowsOf(image, wanted, whole, nowSeconds));
    const quiet = input.has("quiet");
    await context.stdout.write(
      listing({
        rows: quiet ? rows.filter((row, i) => rows.findIndex((other) => other["ID"] === row["ID"]) === i) : rows,
        columns: ["Repository", "Tag", "ID", "CreatedSince", "Size"],
        headings,
        quiet: quiet ? "ID" : null,
        format: input.text("format"),
      }),
    );
    return 0;
  },
};

const headings: Readonly<Record<string, string>> = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  ID: "IMAGE ID",
  CreatedSince: "CREATED",
  CreatedAt: "CREATED AT",
  Size: "SIZE",
  Platform: "PLATFORM",
};

function rowsOf(
  image: ImageSummary,
  wanted: string | undefined,
  whole: boolean,
  nowSeconds: number,
): Record<string, string>[] {
  const names = image.references.length === 0 ? ["<none>:<none>"] : image.references;
  return names
    .map((reference) => splitReference(reference))
    .filter(({ repository, tag }) => wanted === undefined || wanted === repository || wanted === `${repository}:${tag}`)
    .map(({ repository, tag }) => ({
      Repository: repository,
      Tag: tag,
      ID: whole ? image.id : image.id.replace("sha256:", "").slice(0, 12),
      CreatedSince: image.createdSeconds > 0 ? `${humanDuration(nowSeconds - image.createdSeconds)} ago` : "N/A",
      CreatedAt: new Date(image.createdSeconds * 1000).toISOString().replace("T", " ").replace(".000Z", " +0000 UTC"),
      Size: humanSize(image.sizeBytes),
      Platform: `${image.platform.os}/${image.platform.architecture}`,
    }));
}

function splitReference(reference: string): { repository: string; tag: string } {
  const colon = reference.lastIndexOf(":");
  return colon > reference.lastIndexOf("/")
    ? { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) }
    : { repository: reference, tag: "<none>" };
}
