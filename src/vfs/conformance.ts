/**
 * What every writable file system must do, as data: cases that are run over tmpfs, overlayfs and hostfs, and over a
 * directory of the host, whose answers are the expected ones. A step answers "ok", an error's name, or what it read.
 *
 *     ["mkdir", "d", 0o755]  ["write", "f", "text"]  ["rename", "f", "d/g"]  ["stat", "d/g"]
 */
import { errnoName } from "../abi/errno.ts";
import {
  AT_SYMLINK_FOLLOW,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from "../abi/fcntl.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../abi/stat.ts";
import { decodeName, encodeName } from "../base/bytes.ts";
import {
  access,
  chmod,
  chown,
  link,
  lookup,
  mkdir,
  open,
  readlink,
  rename,
  rmdir,
  stat,
  symlink,
  truncate,
  unlink,
  utimens,
} from "./operations.ts";
import type { Caller, Dentry, OpenFile } from "./types.ts";

export type Step = readonly [operation: string, ...operands: (string | number)[]];

export interface ConformanceCase {
  readonly name: string;
  /** Only mkdir, write, symlink, link, chmod and chown, so that it can also be an image layer. */
  readonly setup: readonly Step[];
  readonly steps: readonly Step[];
}

export interface Driver {
  step(step: Step): Promise<string>;
}

/** A stat(2) in a line: what no two file systems may answer differently. */
export function describeStat(stat: {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: number;
}): string {
  const type = stat.mode & S_IFMT;
  const links = type === S_IFDIR ? "" : ` links=${stat.nlink}`;
  const size = type === S_IFREG || type === S_IFLNK ? ` size=${stat.size}` : "";
  return `${stat.mode.toString(8)} ${stat.uid}:${stat.gid}${links}${size}`;
}

/** Runs steps through this room's operations, in the directory `base`. */
export class VfsDriver implements Driver {
  readonly #base: Dentry;
  #caller: Caller;

  constructor(caller: Caller, base: Dentry) {
    this.#base = base;
    this.#caller = { ...caller, cwd: base, umask: 0o022 };
  }

  async step(step: Step): Promise<string> {
    const result = await this.#run(step);
    if (typeof result === "string") return result;
    return result < 0 ? errnoName(-result) : "ok";
  }

  async #run([operation, ...operands]: Step): Promise<string | number> {
    const caller = this.#caller;
    const base = this.#base;
    const path = String(operands[0]);
    const number = Number(operands[1] ?? 0);
    switch (operation) {
      case "as":
        this.#caller = {
          ...caller,
          credentials: { uid: Number(operands[0]), gid: number, groups: operands.slice(2).map(Number) },
        };
        return 0;
      case "umask":
        this.#caller = { ...caller, umask: Number(operands[0]) };
        return 0;
      case "mkdir":
        return mkdir(caller, base, path, operands.length > 1 ? number : 0o777);
      case "rmdir":
        return rmdir(caller, base, path);
      case "unlink":
        return unlink(caller, base, path);
      case "symlink":
        return symlink(caller, path, base, String(operands[1]));
      case "link":
        return link(caller, base, path, base, String(operands[1]), number === AT_SYMLINK_FOLLOW);
      case "rename":
        return rename(caller, base, path, base, String(operands[1]));
      case "readlink":
        return readlink(caller, base, path);
      case "open":
        return this.#withFile(path, number, Number(operands[2] ?? 0o666), () => 0);
      case "write":
        return this.#withFile(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666, (file) => writeAll(file, operands[1], null));
      case "append":
        return this.#withFile(path, O_WRONLY | O_APPEND, 0, (file) => writeAll(file, operands[1], null));
      case "pwrite":
        return this.#withFile(path, O_WRONLY, 0, (file) => writeAll(file, operands[2], number));
      case "read":
        return this.#withFile(path, O_RDONLY, 0, readAll);
      case "readdir":
        return this.#withFile(path, O_RDONLY | O_DIRECTORY, 0, (file) => {
          const entries = file.readdir();
          if (typeof entries === "number") return entries;
          const names = entries.map((entry) => entry.name).filter((name) => name !== "." && name !== "..");
          return names.toSorted().join(" ");
        });
    }
    const found = lookup(caller, base, path, operation[0] !== "l");
    if (typeof found === "number") return found;
    switch (operation) {
      case "stat":
      case "lstat":
        return describeStat(stat(found));
      case "chmod":
        return chmod(caller, found, number);
      case "chown":
      case "lchown":
        return chown(caller, found, number, Number(operands[2]));
      case "truncate":
        return truncate(caller, found, number);
      case "access":
        return access(caller.credentials, found, number);
      case "utimes": {
        const failed = await utimens(
          caller,
          found,
          BigInt(number) * 1_000_000_000n,
          BigInt(operands[2]!) * 1_000_000_000n,
        );
        if (failed < 0) return failed;
        const { atimeNs, mtimeNs } = stat(found);
        return `${atimeNs / 1_000_000_000n} ${mtimeNs / 1_000_000_000n}`;
      }
      case "sameFile": {
        const other = lookup(caller, base, String(operands[1]));
        if (typeof other === "number") return other;
        return String(other.inode.ino === found.inode.ino);
      }
      default:
        throw new Error(`no such step: ${operation}`);
    }
  }

  async #withFile(
    path: string,
    flags: number,
    mode: number,
    use: (file: OpenFile) => Promise<string | number> | string | number,
  ): Promise<string | number> {
    const file = await open(this.#caller, this.#base, path, flags, mode);
    if (typeof file === "number") return file;
    try {
      return await use(file);
    } finally {
      file.release();
    }
  }
}

async function writeAll(file: OpenFile, text: string | number | undefined, position: number | null): Promise<number> {
  const bytes = encodeName(String(text));
  const done = await file.write(bytes, position);
  return done === bytes.length ? 0 : done;
}

async function readAll(file: OpenFile): Promise<string | number> {
  const buffer = new Uint8Array(65536);
  const count = await file.read(buffer, null);
  return count < 0 ? count : decodeName(buffer.subarray(0, count)).replaceAll("\0", "·");
}

const longName = "n".repeat(255);
const tooLongName = "n".repeat(256);
const creating = O_WRONLY | O_CREAT;

const some: readonly Step[] = [
  ["mkdir", "d", 0o755],
  ["write", "f", "hello"],
  ["write", "d/g", "inner"],
  ["mkdir", "d/e", 0o755],
  ["symlink", "f", "lf"],
  ["symlink", "d", "ld"],
  ["symlink", "nowhere", "broken"],
  ["symlink", "loop2", "loop1"],
  ["symlink", "loop1", "loop2"],
  ["mkdir", "full", 0o755],
  ["write", "full/x", "x"],
];

/** Every path shape against every operation that takes one: where most mistakes in a path walk hide. */
const shapes = [
  "f",
  "f/",
  "f/.",
  "f/..",
  "f/x",
  "d",
  "d/",
  "d/.",
  "d/..",
  "d//g",
  "./d/../f",
  "lf",
  "lf/",
  "ld",
  "ld/",
  "ld/.",
  "ld/g",
  "ld/../f",
  "broken",
  "broken/",
  "broken/x",
  "loop1",
  "loop1/x",
  "new",
  "new/",
  "new/x",
  "d/new",
  "d/new/",
  "ld/new",
  "",
  ".",
  "..",
  "./d///e//",
  longName,
  tooLongName,
  `d/${tooLongName}`,
  `${tooLongName}/x`,
  `f/${tooLongName}`,
  "d/e",
  "full",
  "full/",
];

const operationsOnShapes: readonly ((path: string) => Step)[] = [
  (path) => ["stat", path],
  (path) => ["lstat", path],
  (path) => ["readlink", path],
  (path) => ["access", path, 4],
  (path) => ["mkdir", path, 0o700],
  (path) => ["rmdir", path],
  (path) => ["unlink", path],
  (path) => ["symlink", "t", path],
  (path) => ["link", "f", path],
  (path) => ["link", path, "hard"],
  (path) => ["rename", "f", path],
  (path) => ["rename", "d", path],
  (path) => ["rename", path, "moved"],
  (path) => ["rename", path, "moved/"],
  (path) => ["rename", path, "d/e"],
  (path) => ["rename", path, "f"],
  (path) => ["rename", path, "full"],
  (path) => ["rename", path, "lf"],
  (path) => ["rename", path, "d/sub"],
  (path) => ["open", path, O_RDONLY],
  (path) => ["open", path, O_RDONLY | O_NOFOLLOW],
  (path) => ["open", path, O_RDONLY | O_DIRECTORY],
  (path) => ["open", path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW],
  (path) => ["open", path, O_WRONLY],
  (path) => ["open", path, O_RDWR | O_TRUNC],
  (path) => ["open", path, O_RDONLY | O_TRUNC],
  (path) => ["open", path, creating, 0o640],
  (path) => ["open", path, creating | O_EXCL, 0o640],
  (path) => ["open", path, creating | O_NOFOLLOW, 0o640],
  (path) => ["open", path, O_RDONLY | O_CREAT, 0o640],
  (path) => ["open", path, O_RDONLY | O_TMPFILE, 0o600],
  (path) => ["chmod", path, 0o600],
  (path) => ["chown", path, 7, 8],
  (path) => ["lchown", path, 7, 8],
  (path) => ["truncate", path, 3],
  (path) => ["utimes", path, 1000, 2000],
  (path) => ["readdir", path],
];

const afterwards: readonly Step[] = [
  ["readdir", "."],
  ["readdir", "d"],
  ["lstat", "f"],
  ["lstat", "lf"],
  ["lstat", "d"],
  ["lstat", "new"],
  ["lstat", "nowhere"],
  ["lstat", "moved"],
  ["read", "f"],
  ["read", "d/g"],
];

const cut = (text: string) => (text.length > 40 ? `${text.slice(0, 12)}…` : text);

function onShapes(operation: (path: string) => Step): [string, ConformanceCase[]] {
  const group = operation("PATH").join(" ");
  const cases = shapes.map((shape): ConformanceCase => {
    const step = operation(shape);
    return { name: step.map((part) => cut(String(part))).join(" "), setup: some, steps: [step, ...afterwards] };
  });
  return [group, cases];
}

const single: readonly ConformanceCase[] = [
  {
    name: "forty links are followed, forty-one are not",
    setup: [["write", "l0", "end"], ...Array.from({ length: 41 }, (_, i): Step => ["symlink", `l${i}`, `l${i + 1}`])],
    steps: [
      ["read", "l40"],
      ["read", "l41"],
      ["stat", "l41"],
    ],
  },
  {
    name: "links count their names",
    setup: [
      ["write", "a", "one"],
      ["link", "a", "b"],
    ],
    steps: [
      ["stat", "a"],
      ["link", "b", "c"],
      ["stat", "a"],
      ["sameFile", "a", "c"],
      ["append", "c", " two"],
      ["read", "a"],
      ["unlink", "a"],
      ["stat", "b"],
      ["rename", "b", "c"],
      ["readdir", "."],
      ["stat", "c"],
      ["chmod", "c", 0o600],
      ["stat", "b"],
    ],
  },
  {
    name: "rename replaces files and empty directories only",
    setup: [
      ["write", "a", "a"],
      ["write", "b", "b"],
      ["mkdir", "d1", 0o755],
      ["mkdir", "d2", 0o755],
      ["write", "d2/x", "x"],
      ["mkdir", "d3", 0o755],
    ],
    steps: [
      ["rename", "a", "b"],
      ["read", "b"],
      ["rename", "b", "d1"],
      ["rename", "d1", "b"],
      ["rename", "d1", "d2"],
      ["rename", "d2", "d1"],
      ["read", "d1/x"],
      ["rename", "d1", "d1/sub"],
      ["mkdir", "d1/deep", 0o755],
      ["rename", "d1", "d1/deep/er"],
      ["rename", "d1/deep", "d3/moved"],
      ["readdir", "d3"],
      ["rename", "d3", "d3"],
      ["rename", "d3/moved", "d3"],
      ["readdir", "."],
    ],
  },
  {
    name: "a renamed directory keeps all that is in it and takes new names",
    setup: [
      ["mkdir", "old", 0o750],
      ["mkdir", "old/sub", 0o755],
      ["write", "old/sub/file", "deep"],
      ["write", "old/top", "top"],
    ],
    steps: [
      ["unlink", "old/top"],
      ["write", "old/sub/second", "2"],
      ["rename", "old", "new"],
      ["readdir", "new"],
      ["readdir", "new/sub"],
      ["read", "new/sub/file"],
      ["stat", "old"],
      ["mkdir", "old", 0o700],
      ["readdir", "old"],
      ["rename", "new/sub", "old/sub"],
      ["read", "old/sub/second"],
      ["readdir", "new"],
      ["rmdir", "new"],
      ["readdir", "."],
    ],
  },
  {
    name: "what is removed can be made again, empty",
    setup: [
      ["mkdir", "d", 0o755],
      ["write", "d/f", "old"],
      ["write", "file", "old content"],
    ],
    steps: [
      ["rmdir", "d"],
      ["unlink", "d/f"],
      ["rmdir", "d"],
      ["mkdir", "d", 0o711],
      ["readdir", "d"],
      ["stat", "d"],
      ["unlink", "file"],
      ["read", "file"],
      ["write", "file", "new"],
      ["read", "file"],
      ["unlink", "file"],
      ["mkdir", "file", 0o700],
      ["readdir", "file"],
    ],
  },
  {
    name: "content: holes, appends, cuts",
    setup: [["write", "f", "0123456789"]],
    steps: [
      ["append", "f", "ab"],
      ["read", "f"],
      ["pwrite", "f", 2, "XY"],
      ["read", "f"],
      ["truncate", "f", 5],
      ["read", "f"],
      ["truncate", "f", 8],
      ["read", "f"],
      ["pwrite", "f", 9000, "end"],
      ["stat", "f"],
      ["truncate", "f", 4097],
      ["stat", "f"],
      ["truncate", "f", 4096],
      ["truncate", "f", 1],
      ["truncate", "f", 6],
      ["read", "f"],
      ["truncate", "f", 0],
      ["read", "f"],
      ["truncate", "f", -1],
    ],
  },
  {
    name: "the umask and set-group-ID directories shape new files",
    setup: [
      ["mkdir", "g", 0o755],
      ["chown", "g", 0, 50],
      ["chmod", "g", 0o2775],
    ],
    steps: [
      ["umask", 0o027],
      ["open", "a", creating, 0o666],
      ["stat", "a"],
      ["mkdir", "m", 0o777],
      ["stat", "m"],
      ["open", "g/f", creating, 0o666],
      ["stat", "g/f"],
      ["mkdir", "g/sub", 0o777],
      ["stat", "g/sub"],
      ["symlink", "x", "g/l"],
      ["lstat", "g/l"],
      ["open", "g/s", creating, 0o2771],
      ["stat", "g/s"],
      ["mkdir", "sticky", 0o7777],
      ["stat", "sticky"],
    ],
  },
  {
    name: "chown drops set-user-ID and set-group-ID, of files only",
    setup: [
      ["write", "f", "x"],
      ["mkdir", "d", 0o755],
    ],
    steps: [
      ["chmod", "f", 0o6755],
      ["chown", "f", 1, 1],
      ["stat", "f"],
      ["chmod", "f", 0o2644],
      ["chown", "f", 2, -1],
      ["stat", "f"],
      ["chmod", "d", 0o6755],
      ["chown", "d", 1, 1],
      ["stat", "d"],
      ["chmod", "f", 0o4755],
      ["write", "f", "root keeps it"],
      ["stat", "f"],
    ],
  },
  {
    name: "another user: reading, writing, searching",
    setup: [
      ["write", "private", "x"],
      ["chmod", "private", 0o600],
      ["write", "group", "x"],
      ["chown", "group", 0, 100],
      ["chmod", "group", 0o640],
      ["write", "mine", "x"],
      ["chown", "mine", 1000, 1000],
      ["chmod", "mine", 0o644],
      ["write", "odd", "x"],
      ["chown", "odd", 1000, 1000],
      ["chmod", "odd", 0o066],
      ["mkdir", "closed", 0o700],
      ["write", "closed/x", "x"],
      ["mkdir", "noread", 0o711],
      ["write", "noread/x", "x"],
      ["chmod", "noread/x", 0o644],
      ["mkdir", "nosearch", 0o744],
      ["write", "nosearch/x", "x"],
      ["symlink", "closed/x", "intoclosed"],
    ],
    steps: [
      ["as", 1000, 1000, 100],
      ["read", "private"],
      ["read", "group"],
      ["write", "group", "y"],
      ["read", "mine"],
      ["write", "mine", "y"],
      ["read", "odd"],
      ["read", "closed/x"],
      ["stat", "closed/x"],
      ["stat", "closed/none"],
      ["stat", "closed"],
      ["readdir", "closed"],
      ["readdir", "noread"],
      ["read", "noread/x"],
      ["readdir", "nosearch"],
      ["stat", "nosearch/x"],
      ["stat", "intoclosed"],
      ["lstat", "intoclosed"],
      ["open", "new", creating, 0o644],
      ["mkdir", "new"],
      ["unlink", "mine"],
      ["rename", "mine", "theirs"],
      ["chmod", "private", 0o644],
      ["chmod", "mine", 0o600],
      ["stat", "mine"],
      ["chown", "mine", 1000, 100],
      ["stat", "mine"],
      ["chown", "mine", 1001, -1],
      ["chown", "mine", -1, 200],
      ["chown", "private", -1, 1000],
      ["utimes", "private", 1, 2],
      ["utimes", "mine", 1, 2],
      ["truncate", "private", 0],
      ["access", "private", 4],
      ["access", "mine", 6],
      ["access", "mine", 1],
      ["open", "private", O_RDONLY | O_TRUNC],
      ["symlink", "x", "new"],
      ["link", "private", "new"],
      ["rmdir", "noread"],
    ],
  },
  {
    name: "a sticky directory: one removes only one's own",
    setup: [
      ["mkdir", "tmp", 0o755],
      ["chmod", "tmp", 0o1777],
      ["write", "tmp/root", "x"],
      ["write", "tmp/mine", "x"],
      ["chown", "tmp/mine", 1000, 1000],
      ["mkdir", "tmp/rootdir", 0o777],
      ["mkdir", "owned", 0o755],
      ["chown", "owned", 1000, 1000],
      ["chmod", "owned", 0o1777],
      ["write", "owned/root", "x"],
    ],
    steps: [
      ["as", 1000, 1000],
      ["unlink", "tmp/root"],
      ["rename", "tmp/root", "tmp/x"],
      ["rmdir", "tmp/rootdir"],
      ["rename", "tmp/mine", "tmp/root"],
      ["rename", "tmp/mine", "tmp/other"],
      ["unlink", "tmp/other"],
      ["unlink", "owned/root"],
      ["open", "tmp/new", creating, 0o600],
      ["stat", "tmp/new"],
      ["readdir", "tmp"],
    ],
  },
  {
    name: "writing by another user drops set-user-ID",
    setup: [
      ["write", "f", "x"],
      ["chmod", "f", 0o6777],
      ["write", "g", "x"],
      ["chmod", "g", 0o6777],
      ["write", "h", "x"],
      ["chmod", "h", 0o6767],
    ],
    steps: [
      ["as", 1000, 1000],
      ["append", "f", "y"],
      ["stat", "f"],
      ["truncate", "g", 0],
      ["stat", "g"],
      ["append", "h", "y"],
      ["stat", "h"],
    ],
  },
  {
    name: "a directory that moves by another user needs write permission of its own",
    setup: [
      ["mkdir", "p", 0o777],
      ["chmod", "p", 0o777],
      ["mkdir", "q", 0o777],
      ["chmod", "q", 0o777],
      ["mkdir", "p/theirs", 0o755],
      ["mkdir", "p/mine", 0o755],
      ["chown", "p/mine", 1000, 1000],
    ],
    steps: [
      ["as", 1000, 1000],
      ["rename", "p/theirs", "p/same"],
      ["rename", "p/same", "q/other"],
      ["rename", "p/mine", "q/mine"],
      ["readdir", "p"],
      ["readdir", "q"],
    ],
  },
  {
    name: "set-group-ID is not for strangers",
    setup: [
      ["write", "f", "x"],
      ["chown", "f", 1000, 50],
      ["mkdir", "d", 0o777],
      ["chown", "d", 0, 50],
      ["chmod", "d", 0o2777],
    ],
    steps: [
      ["as", 1000, 1000],
      ["chmod", "f", 0o2755],
      ["stat", "f"],
      ["umask", 0],
      ["open", "d/f", creating, 0o2755],
      ["stat", "d/f"],
      ["mkdir", "d/e", 0o755],
      ["stat", "d/e"],
    ],
  },
  {
    name: "names are bytes",
    setup: [["mkdir", "ä ö", 0o755]],
    steps: [
      ["write", "ä ö/名", "x"],
      ["readdir", "ä ö"],
      ["mkdir", "é".repeat(127), 0o755],
      ["mkdir", "é".repeat(128), 0o755],
      ["readdir", "."],
    ],
  },
  {
    name: "a path of PATH_MAX bytes is too long",
    setup: [],
    steps: [
      ["stat", "./".repeat(2000)],
      ["stat", "./".repeat(2048)],
    ],
  },
];

/** By group; a group is one test. */
export const conformanceCases: Readonly<Record<string, readonly ConformanceCase[]>> = Object.fromEntries([
  ...single.map((testCase): [string, ConformanceCase[]] => [testCase.name, [testCase]]),
  ...operationsOnShapes.map(onShapes),
]);
