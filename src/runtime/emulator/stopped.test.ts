import { expect, test } from "vitest";
import { collect, fromReadable, toReadable } from "../../codec/stream.ts";
import { encodeUtf8 } from "../../base/bytes.ts";
import { readTar } from "../../codec/tar/reader.ts";
import { writeTar } from "../../codec/tar/writer.ts";
import type { TarSource } from "../../codec/tar/writer.ts";
import { MemoryStore } from "../../store/memory.ts";
import type { ContainerSpec } from "../types.ts";
import { stoppedContainers } from "./stopped.ts";

const spec: ContainerSpec = {
  id: "c1",
  hostname: "c1",
  layers: [],
  process: {
    arguments: ["sh"],
    environment: [],
    workingDirectory: "/",
    user: "",
    tty: false,
    interactive: false,
    columns: 80,
    rows: 24,
  },
  readOnly: false,
  mounts: [],
  memoryBytes: 1 << 20,
  stopSignal: "SIGTERM",
  strace: false,
};
const locator = { kind: "indexeddb", name: "test" } as const;
const base = { mode: 0o640, uid: 7, gid: 8, mtimeSeconds: 1000, mtimeNanoseconds: 5 };

const directory = (name: string): TarSource => ({ header: { ...base, name, type: "directory", size: 0, mode: 0o750 } });
const file = (name: string, text: string): TarSource => ({
  header: { ...base, name, type: "file", size: text.length },
  content: [encodeUtf8(text)],
});
const link = (name: string, type: "symlink" | "hardlink", target: string): TarSource => ({
  header: { ...base, name, type, size: 0, link: target },
});

function container() {
  const store = new MemoryStore();
  const { copyIn, copyOut } = stoppedContainers(async () => store);
  return {
    copyIn: (path: string, sources: readonly TarSource[]) => copyIn(spec, locator, path, toReadable(writeTar(sources))),
    async list(path: string) {
      const found: Record<string, string> = {};
      for await (const { entry, content } of readTar(fromReadable(await copyOut(spec, locator, path)))) {
        const text = new TextDecoder().decode(await collect(content, 1 << 20, "a file"));
        const meta = `${entry.type} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid}`;
        found[entry.name] = `${meta} ${entry.mtimeSeconds}.${entry.mtimeNanoseconds} ${entry.link ?? text}`;
      }
      return found;
    },
  };
}

test("what was copied in comes out the same", async () => {
  const { copyIn, list } = container();
  await copyIn("/", [
    directory("d"),
    file("d/one", "first\n"),
    link("d/two", "hardlink", "d/one"),
    link("d/away", "symlink", "/etc/passwd"),
    file("empty", ""),
  ]);
  expect(await list("/d")).toEqual({
    "d/": "directory 750 7:8 1000.5 ",
    "d/one": "file 640 7:8 1000.5 first\n",
    "d/two": "hardlink 640 7:8 1000.5 d/one",
    "d/away": "symlink 777 7:8 1000.5 /etc/passwd",
  });
  expect(await list("d/.")).toHaveProperty("./one");
  expect(await list("/empty")).toEqual({ empty: "file 640 7:8 1000.5 " });
});

test("a copy replaces files, keeps links to directories, and stays inside", async () => {
  const { copyIn, list } = container();
  await copyIn("/", [directory("real"), link("alias", "symlink", "/real"), file("real/f", "old")]);
  await copyIn("/", [directory("alias"), file("alias/f", "new"), file("../../escaped", "x")]);
  expect(await list("/alias")).toEqual({ alias: "symlink 777 7:8 1000.5 /real" });
  expect((await list("/real"))["real/f"]).toContain("new");
  expect(await list("/escaped")).toHaveProperty("escaped");
});

test("what cannot be is refused in words", async () => {
  const { copyIn, list } = container();
  await copyIn("/", [directory("d"), file("f", "text")]);
  await expect(list("/none")).rejects.toThrow("Could not find the file /none in container");
  await expect(copyIn("/none", [])).rejects.toThrow("Could not find the directory /none in container");
  await expect(copyIn("/", [file("d", "x")])).rejects.toThrow('cannot overwrite directory "d" with non-directory');
  await expect(copyIn("/", [directory("f")])).rejects.toThrow('cannot overwrite non-directory "f" with directory');
});
