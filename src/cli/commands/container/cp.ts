/** `wherry cp`: files between a container and the machine, as a tar; "-" is that tar on standard input or output. */
import { WherryError } from "../../../base/errors.ts";
import { readTar } from "../../../codec/tar/reader.ts";
import type { Engine } from "../../../engine/types.ts";
import type { Command, Context, LocalFiles } from "../../command.ts";

export const command: Command = {
  path: ["container", "cp"],
  aliases: [["cp"]],
  summary: "Copy files/folders between a container and the local filesystem",
  parameters: "CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
  parametersMin: 2,
  parametersMax: 2,
  flags: [{ name: "quiet", short: "q", value: null, summary: "Suppress progress output during copy" }],
  async run(context, input) {
    const [source, target] = [place(input.parameters[0]!), place(input.parameters[1]!)];
    const engine = await context.engine();
    if (source.container !== null && target.container === null)
      return copyFrom(context, engine, source.container, source.path, target.path);
    if (source.container === null && target.container !== null)
      return copyTo(context, engine, source.path, target.container, target.path);
    throw new WherryError(
      "usage",
      source.container === null
        ? "must specify at least one container source"
        : "copying between containers is not supported",
    );
  },
};

/** "name:path" is in a container; "./a:b" and "/a:b" are local. */
function place(text: string): { readonly container: string | null; readonly path: string } {
  const colon = text.indexOf(":");
  if (text === "-" || text.startsWith("/") || text.startsWith(".") || colon < 1) return { container: null, path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) || "/" };
}

const baseName = (path: string): string => path.replace(/\/+$/, "").split("/").at(-1) ?? "";
const parentOf = (path: string): string => path.replace(/\/+$/, "").replace(/[^/]*$/, "") || ".";

function localFiles(context: Context): LocalFiles {
  if (context.files === null)
    throw new WherryError("unsupported", "cp needs a file system to copy from or to, which this host does not have");
  return context.files;
}

async function copyFrom(
  context: Context,
  engine: Engine,
  container: string,
  path: string,
  target: string,
): Promise<number> {
  const tar = await engine.containers.copyOut(container, path);
  if (target === "-") {
    const reader = tar.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 0;
      await context.stdout.write(value);
    }
  }
  const files = localFiles(context);
  const kind = await files.kind(target);
  // The tar's first component is the source's own name; what it becomes depends on the target.
  if (kind === "directory") {
    await files.unpack(tar, target, (name) => name);
    return 0;
  }
  if ((await files.kind(parentOf(target))) !== "directory")
    throw new WherryError("not-found", `invalid output path: directory "${parentOf(target)}" does not exist`);
  if (target.endsWith("/") && kind === null)
    throw new WherryError("not-found", `invalid output path: directory "${target}" does not exist`);
  const name = baseName(target);
  await files.unpack(tar, parentOf(target), (member) => renameFirst(member, name));
  return 0;
}

function renameFirst(member: string, name: string): string {
  const slash = member.indexOf("/");
  return slash < 0 ? name : `${name}${member.slice(slash)}`;
}

async function copyTo(
  context: Context,
  engine: Engine,
  source: string,
  container: string,
  path: string,
): Promise<number> {
  const { containers } = engine;
  if (source === "-") {
    await containers.copyIn(container, path, context.stdin.open());
    return 0;
  }
  const files = localFiles(context);
  const kind = await files.kind(source);
  if (kind === null) throw new WherryError("not-found", `lstat ${files.resolve(source)}: no such file or directory`);
  const target = await kindInContainer(engine, container, path);
  const contentOnly = source === "." || source.endsWith("/.");
  if (target === "directory") {
    const name = contentOnly ? "." : baseName(files.resolve(source));
    await containers.copyIn(container, path, files.pack(source, name));
    return 0;
  }
  if (target === "file" && kind === "directory")
    throw new WherryError("conflict", `cannot copy a directory over the file ${path}`);
  if (path.endsWith("/") && kind === "file")
    throw new WherryError("not-found", `the destination directory ${path} must exist`);
  await containers.copyIn(container, parentOf(path), files.pack(source, baseName(path)));
  return 0;
}

/** What a path in the container is, from the first entry of its tar. */
async function kindInContainer(engine: Engine, container: string, path: string): Promise<"file" | "directory" | null> {
  let tar: ReadableStream<Uint8Array>;
  try {
    tar = await engine.containers.copyOut(container, path);
  } catch (error) {
    if (error instanceof WherryError && error.code === "not-found" && !error.message.startsWith("No such container"))
      return null;
    throw error;
  }
  const reader = tar.getReader();
  const bytes = (async function* () {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  })();
  for await (const { entry } of readTar(bytes)) {
    if (entry.type === "symlink") return kindOfLink(engine, container, path);
    return entry.type === "directory" ? "directory" : "file";
  }
  return null;
}

/** A link counts as what it leads to; a trailing slash follows it. */
async function kindOfLink(engine: Engine, container: string, path: string): Promise<"file" | "directory"> {
  if (path.endsWith("/")) return "directory";
  const kind = await kindInContainer(engine, container, `${path}/`).catch(() => null);
  return kind ?? "file";
}
