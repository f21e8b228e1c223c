import { expect, test } from "vitest";
import { errno } from "../../abi/errno.ts";
import { O_CREAT, O_RDONLY, O_RDWR, O_TMPFILE, O_WRONLY, RENAME_EXCHANGE, XATTR_CREATE } from "../../abi/fcntl.ts";
import { decodeName, encodeName } from "../../base/bytes.ts";
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import { ArrayPagePool } from "../array-page-pool.ts";
import type { TestEntry } from "../layerfs/test-layers.ts";
import { TestPacks, makeLayers } from "../layerfs/test-layers.ts";
import { Namespace } from "../namespace.ts";
import * as operations from "../operations.ts";
import type { Dentry, Inode, OpenFile } from "../types.ts";
import type { JournalStore } from "./journal.ts";
import type { Overlay } from "./overlayfs.ts";
import { openOverlay } from "./overlayfs.ts";

const image: TestEntry[] = [
  { path: "etc", mode: 0o755 },
  { path: "etc/passwd", content: "root:x:0:0" },
  { path: "etc/hosts", content: "127.0.0.1 localhost" },
  { path: "bin", type: "directory" },
  { path: "bin/a", content: "program" },
  { path: "bin/b", type: "hardlink", link: "bin/a" },
  { path: "big", content: new Uint8Array(50_000).fill(7) },
  { path: "cap", content: "c", xattrs: { "security.capability": new Uint8Array([1, 2]) } },
  { path: "usr/share/doc/x/readme", content: "read me" },
];

/** A journal in memory whose end can be cut off, and which can be full. */
class TestJournal implements JournalStore {
  records: Uint8Array[] = [];
  room = Infinity;
  replaced = 0;
  #check(bytes: number): void {
    if (bytes > this.room) throw new WherryError("storage-full", "no space left on this device");
  }
  async appendJournal(_name: string, record: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.#check(this.records.reduce((sum, one) => sum + one.length, record.length));
    this.records.push(record);
  }
  async *readJournal(): AsyncIterable<Uint8Array> {
    yield* this.records;
  }
  async replaceJournal(_name: string, records: readonly Uint8Array[]): Promise<void> {
    this.#check(records.reduce((sum, one) => sum + one.length, 0));
    this.records = [...records];
    this.replaced++;
  }
}

class Machine {
  readonly overlay: Overlay;
  readonly namespace: Namespace;
  readonly pool: ArrayPagePool;

  constructor(overlay: Overlay, pool: ArrayPagePool) {
    this.overlay = overlay;
    this.pool = pool;
    this.namespace = new Namespace(overlay.fs, { source: "overlay", options: "rw,relatime" });
  }

  get #caller() {
    return this.namespace.caller();
  }
  at(path: string): Dentry {
    const found = operations.lookup(this.#caller, this.namespace.root, path, false);
    if (typeof found === "number") throw new Error(`${path}: ${found}`);
    return found;
  }
  has(path: string): boolean {
    return typeof operations.lookup(this.#caller, this.namespace.root, path, false) !== "number";
  }
  inode(path: string): Inode {
    return this.at(path).inode;
  }
  async open(path: string, flags: number, mode = 0o644): Promise<OpenFile> {
    const file = await operations.open(this.#caller, this.namespace.root, path, flags, mode);
    if (typeof file === "number") throw new Error(`${path}: ${file}`);
    return file;
  }
  async write(path: string, text: string | Uint8Array, position = 0): Promise<number> {
    const file = await this.open(path, O_WRONLY | O_CREAT);
    const done = await file.write(typeof text === "string" ? encodeName(text) : text, position);
    file.release();
    return done;
  }
  async read(path: string): Promise<string> {
    const file = await this.open(path, O_RDONLY);
    const bytes = new Uint8Array(file.inode.size);
    const count = await file.read(bytes, null);
    file.release();
    return decodeName(bytes.subarray(0, count));
  }
  names(path: string): string[] {
    const list = this.inode(path).readdir();
    if (typeof list === "number") throw new Error(`${path}: ${list}`);
    return list.map((entry) => entry.name).toSorted();
  }
  mkdir = (path: string) => operations.mkdir(this.#caller, this.namespace.root, path, 0o755);
  unlink = (path: string) => operations.unlink(this.#caller, this.namespace.root, path);
  rmdir = (path: string) => operations.rmdir(this.#caller, this.namespace.root, path);
  link = (a: string, b: string) => operations.link(this.#caller, this.namespace.root, a, this.namespace.root, b);
  symlink = (target: string, b: string) => operations.symlink(this.#caller, target, this.namespace.root, b);
  rename = (a: string, b: string, flags = 0) =>
    operations.rename(this.#caller, this.namespace.root, a, this.namespace.root, b, flags);
  chmod = (path: string, mode: number) => operations.chmod(this.#caller, this.at(path), mode);
  setXattr = (path: string, name: string, value: Uint8Array, flags = 0) =>
    operations.setXattr(this.#caller, this.at(path), name, value, flags);
  getXattr = (path: string, name: string) => operations.getXattr(this.#caller, this.at(path), name);
  truncate = (path: string, size: number) => operations.truncate(this.#caller, this.at(path), size);

  /** The whole tree in lines: type, mode, links, size, number, content. */
  async describe(path = ""): Promise<string[]> {
    const lines: string[] = [];
    for (const name of this.names(path === "" ? "/" : path)) {
      const child = `${path}/${name}`;
      const inode = this.inode(child);
      const type = inode.mode & 0o170000;
      const content = type === 0o100000 ? await this.read(child) : type === 0o120000 ? inode.readlink() : "";
      lines.push(
        `${child} ${inode.ino} ${inode.mode.toString(8)} ${inode.uid} ${inode.nlink} ${inode.mtimeNs} ${inode.size} ` +
          `${String(inode.listXattr())} ${String(content).length > 60 ? hash(String(content)) : String(content)}`,
      );
      if (type === 0o040000) lines.push(...(await this.describe(child)));
    }
    return lines;
  }
}

function hash(text: string): string {
  let h = 0;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0;
  return `${text.length}:${h}`;
}

async function start(
  journal: TestJournal | null,
  layers: TestEntry[][] = [image],
  keepsChanges = true,
): Promise<Machine> {
  const made = makeLayers(layers);
  const pool = new ArrayPagePool();
  const store = Object.assign(new TestPacks(made.packs, true), {
    appendJournal: (name: string, record: Uint8Array) => journal!.appendJournal(name, record),
    replaceJournal: (name: string, records: readonly Uint8Array[]) => journal!.replaceJournal(name, records),
    readJournal: () => journal!.readJournal(),
  });
  const overlay = await openOverlay({
    layers: made.layers,
    store,
    pool,
    journal: journal === null ? null : "c",
    keepsChanges,
  });
  return new Machine(overlay, pool);
}

test("the inode number stays through copy-up, rename and hard links", async () => {
  const machine = await start(null);
  const before = machine.inode("bin/a").ino;
  expect(machine.inode("bin/b").ino).toBe(before);
  await machine.write("bin/b", "PRO");
  expect(await machine.read("bin/a")).toBe("PROgram");
  expect(machine.rename("bin", "sbin")).toBe(0);
  expect(machine.inode("sbin/a").ino).toBe(before);
  expect(machine.inode("sbin/a").nlink).toBe(2);
  expect(machine.unlink("sbin/a")).toBe(0);
  expect(machine.inode("sbin/b").nlink).toBe(1);
});

test("a write to a large file of the image copies one page", async () => {
  const machine = await start(null);
  await machine.write("big", "x", 20_000);
  expect(machine.overlay.fs.bytesUsed).toBe(limits.pageBytes);
  const text = await machine.read("big");
  expect(text.length).toBe(50_000);
  expect(text[20_000]).toBe("x");
  expect(text[20_001]).toBe("\u0007");
});

test("content goes when the last name and the last open file are gone", async () => {
  const machine = await start(null);
  await machine.write("new", new Uint8Array(40_000).fill(1));
  const file = await machine.open("new", O_RDONLY);
  const used = machine.overlay.fs.bytesUsed;
  expect(machine.unlink("new")).toBe(0);
  expect(machine.overlay.fs.bytesUsed).toBe(used);
  expect(await file.read(new Uint8Array(10), 0)).toBe(10);
  file.release();
  expect(machine.overlay.fs.bytesUsed).toBe(0);
});

test("changes are told as docker diff tells them", async () => {
  const machine = await start(null);
  await machine.write("etc/passwd", "admin");
  expect(machine.unlink("etc/hosts")).toBe(0);
  await machine.write("etc/new", "n");
  expect(machine.rename("usr/share/doc", "usr/doc")).toBe(0);
  expect(machine.unlink("cap")).toBe(0);
  expect(machine.mkdir("cap")).toBe(0);
  const told = machine.overlay.changes().map((change) => `${change.kind[0]!.toUpperCase()} ${change.path}`);
  expect(told).toEqual([
    "C /etc",
    "C /etc/passwd",
    "D /etc/hosts",
    "A /etc/new",
    "C /cap",
    "C /usr",
    "C /usr/share",
    "D /usr/share/doc",
    "A /usr/doc",
    "A /usr/doc/x",
    "A /usr/doc/x/readme",
  ]);
});

test("nothing changed is no change, also after reading everything", async () => {
  const machine = await start(null);
  await machine.describe();
  expect(machine.overlay.changes()).toEqual([]);
});

async function exercise(machine: Machine): Promise<void> {
  await machine.write("etc/passwd", "root:x:0:0:changed beyond the end");
  expect(machine.unlink("etc/hosts")).toBe(0);
  expect(machine.mkdir("var")).toBe(0);
  expect(machine.mkdir("var/log")).toBe(0);
  await machine.write("var/log/one", "line\n");
  expect(machine.link("var/log/one", "var/two")).toBe(0);
  expect(machine.symlink("log/one", "var/link")).toBe(0);
  expect(machine.rename("usr/share/doc", "var/doc")).toBe(0);
  expect(machine.mkdir("usr/share/doc")).toBe(0);
  expect(machine.rename("bin", "var/bin")).toBe(0);
  expect(machine.link("var/bin/a", "program")).toBe(0);
  expect(await machine.chmod("big", 0o600)).toBe(0);
  await machine.write("big", "edit", 30_000);
  expect(await machine.truncate("big", 31_000)).toBe(0);
  expect(await machine.truncate("big", 60_000)).toBe(0);
  expect(await machine.setXattr("var", "user.mark", new Uint8Array([9]), XATTR_CREATE)).toBe(0);
  expect(await machine.setXattr("cap", "user.more", new Uint8Array([1]))).toBe(0);
  expect(machine.rename("var/log/one", "etc/passwd", RENAME_EXCHANGE)).toBe(0);
  await machine.write("gone", "soon");
  expect(machine.unlink("gone")).toBe(0);
}

test("what was synced is there after a crash, number by number", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  await exercise(machine);
  expect(await machine.overlay.sync()).toBe(0);
  const before = await machine.describe();
  await machine.write("lost", "not synced");
  const after = await start(journal);
  expect(await after.describe()).toEqual(before);
  expect(after.overlay.changes().map((change) => change.path)).toEqual(
    machine.overlay
      .changes()
      .map((change) => change.path)
      .filter((path) => path !== "/lost"),
  );
});

test("where changes are not kept, earlier ones are there and later ones are not written down", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  await machine.write("before", "kept");
  expect(await machine.overlay.close()).toBe(0);
  const records = [...journal.records];
  const temporary = await start(journal, [image], false);
  expect(await temporary.read("before")).toBe("kept");
  await temporary.write("after", "gone");
  expect(await temporary.read("after")).toBe("gone");
  expect(await temporary.overlay.sync()).toBe(0);
  expect(await temporary.overlay.close()).toBe(0);
  expect(journal.records).toEqual(records);
});

test("batches build on one another across restarts", async () => {
  const journal = new TestJournal();
  let machine = await start(journal);
  const rounds: (() => Promise<unknown> | unknown)[] = [
    () => machine.write("a", "one"),
    () => machine.rename("a", "etc/a"),
    () => machine.write("etc/a", "two", 5000),
    () => machine.truncate("etc/a", 4),
    () => machine.unlink("etc/a"),
    () => machine.write("etc/a", "three"),
    () => machine.rename("etc", "conf"),
    () => machine.unlink("conf/passwd"),
    () => machine.rename("conf", "etc"),
    () => machine.unlink("etc/hosts"),
    () => machine.unlink("etc/a"),
    () => machine.rmdir("etc"),
    () => machine.mkdir("etc"),
  ];
  for (const round of rounds) {
    await round();
    expect(await machine.overlay.sync()).toBe(0);
    const before = await machine.describe();
    machine = await start(journal);
    expect(await machine.describe()).toEqual(before);
  }
});

test("a batch that was cut off counts for nothing, wherever it was cut", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  await machine.write("kept", "yes");
  await machine.overlay.sync();
  const before = await machine.describe();
  const whole = journal.records.length;
  // More than one record: the batch is split.
  await machine.write("huge", new Uint8Array(limits.journalRecordBytesMax * 2 + 5).fill(3));
  await machine.overlay.sync();
  expect(journal.records.length).toBeGreaterThan(whole + 1);
  for (let cut = journal.records.length - 1; cut >= whole; cut--) {
    const shorter = new TestJournal();
    shorter.records = journal.records.slice(0, cut);
    const restarted = await start(shorter);
    expect(await restarted.describe()).toEqual(before);
    // And it goes on from there.
    await restarted.write("next", "n");
    expect(await restarted.overlay.sync()).toBe(0);
    expect(await (await start(shorter)).read("next")).toBe("n");
  }
});

test("a journal of other layers is refused", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  await machine.write("x", "x");
  await machine.overlay.sync();
  await expect(start(journal, [image, image])).rejects.toThrow(/other layers/);
});

test("pages written through a mapping are kept too, as long as someone holds them", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  await machine.write("db", new Uint8Array(8192));
  const page = machine.inode("db").mapping!.writablePage(1) as number;
  machine.pool.retain(page);
  await machine.overlay.sync();
  machine.pool.bytes(page)[10] = 65;
  await machine.overlay.sync();
  expect((await (await start(journal)).read("db"))[4096 + 10]).toBe("A");
  const size = journal.records.length;
  await machine.overlay.sync();
  machine.pool.bytes(page)[11] = 66;
  machine.pool.release(page);
  await machine.overlay.sync();
  expect((await (await start(journal)).read("db")).slice(4096 + 10, 4096 + 12)).toBe("AB");
  expect(journal.records.length).toBeLessThanOrEqual(size + 2);
});

test("an unnamed file is kept once it gets a name", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  const file = await machine.open("/", O_RDWR | O_TMPFILE, 0o600);
  await file.write(encodeName("precious"), null);
  await machine.overlay.sync();
  expect(await (await start(journal)).describe()).not.toContain("precious");
  const caller = machine.namespace.caller();
  expect(operations.linkDentry(caller, file.dentry!, machine.namespace.root, "saved")).toBe(0);
  await machine.overlay.sync();
  expect(await (await start(journal)).read("saved")).toBe("precious");
  file.release();
  expect(await machine.read("saved")).toBe("precious");
});

test("a full disk is ENOSPC for what needs room; removing helps", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  await machine.write("small", "kept");
  await machine.overlay.sync();
  journal.room = 100_000;
  await machine.write("large", new Uint8Array(200_000).fill(1));
  expect(await machine.overlay.sync()).toBe(-errno.ENOSPC);
  await expect(machine.write("more", "m")).rejects.toThrow(String(-errno.ENOSPC));
  expect(machine.mkdir("dir")).toBe(-errno.ENOSPC);
  expect(await machine.write("small", new Uint8Array(10_000), 4096)).toBe(-errno.ENOSPC);
  expect(await machine.read("small")).toBe("kept");
  expect(machine.unlink("large")).toBe(0);
  expect(await machine.overlay.sync()).toBe(0);
  expect(machine.mkdir("dir")).toBe(0);
  expect(await machine.overlay.close()).toBe(0);
  const restarted = await start(journal);
  expect(restarted.has("large")).toBe(false);
  expect(restarted.has("dir")).toBe(true);
});

test("a journal far larger than what is live is rewritten", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  for (let round = 0; round < 6; round++) {
    await machine.write("file", new Uint8Array(limits.journalSlackBytes / 4).fill(round + 1));
    await machine.overlay.sync();
  }
  await exercise(machine);
  for (let round = 0; round < 6; round++) {
    await machine.write("file", new Uint8Array(limits.journalSlackBytes / 4).fill(round + 1));
    await machine.overlay.sync();
  }
  expect(journal.replaced).toBeGreaterThan(0);
  const stored = journal.records.reduce((sum, record) => sum + record.length, 0);
  expect(stored).toBeLessThan(limits.journalSlackBytes * 2);
  const before = await machine.describe();
  expect(await (await start(journal)).describe()).toEqual(before);
});

test("commits come by themselves, and changes while one runs go to the next", async () => {
  const journal = new TestJournal();
  const machine = await start(journal);
  await machine.write("a", "1");
  const first = machine.overlay.sync();
  await machine.write("b", "2");
  const second = machine.overlay.sync();
  const third = machine.overlay.sync();
  expect(await Promise.all([first, second, third])).toEqual([0, 0, 0]);
  const restarted = await start(journal);
  expect(restarted.has("a") && restarted.has("b")).toBe(true);
  await machine.write("c", "3");
  await expect.poll(async () => (await start(journal)).has("c"), { timeout: 20 * limits.journalCommitMs }).toBe(true);
});
