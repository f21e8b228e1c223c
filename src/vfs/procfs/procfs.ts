/** procfs: processes and the state of the system as files (man 5 proc). */
import { errno } from "../../abi/errno.ts";
import { S_IFDIR, S_IFMT } from "../../abi/stat.ts";
import { kernelRelease, kernelVersion } from "../../abi/uts.ts";
import { limits } from "../../base/limits.ts";
import { anonymousDevice } from "../anonymous-device.ts";
import { entropyBits } from "../devfs/memory-devices.ts";
import type { DirectoryEntry, FileSystemStat, Inode } from "../types.ts";
import { GeneratedDirectory, LinkInode, StaticDirectory, TextInode, rootOwner } from "./nodes.ts";
import type { GeneratedFileSystem, TextSource } from "./nodes.ts";
import type { ProcSource, ProcTask } from "./source.ts";
import {
  cpuinfoText,
  devicesText,
  filesystemsText,
  loadavgText,
  meminfoText,
  randomUuid,
  systemStatText,
  uptimeText,
  versionText,
  vmstatText,
} from "./system-text.ts";
import { TaskDirectory, numberOf } from "./task-directory.ts";

const PROC_SUPER_MAGIC = 0x9fa0;
/** Linux's number of the root of a proc file system. */
const rootIno = 1;

export class ProcFileSystem implements GeneratedFileSystem {
  readonly type = "proc";
  readonly device = anonymousDevice();
  readonly readOnly = false;
  readonly root: Inode;
  readonly #source: ProcSource;
  #nextIno = rootIno;

  constructor(source: ProcSource) {
    this.#source = source;
    this.root = new ProcRoot(this, source);
  }

  nextIno(): number {
    return this.#nextIno++;
  }

  nowNs(): bigint {
    return this.#source.clock.realtimeNs();
  }

  statfs(): FileSystemStat {
    return { type: PROC_SUPER_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0 };
  }

  sync(): number {
    return 0;
  }
}

class ProcRoot extends GeneratedDirectory {
  readonly #source: ProcSource;
  readonly #entries: ReadonlyMap<string, Inode>;
  readonly #tasks = new WeakMap<ProcTask, TaskDirectory>();

  constructor(fs: ProcFileSystem, source: ProcSource) {
    super(fs, 0o555, rootOwner);
    this.#source = source;
    const text = (read: TextSource, mode = 0o444): Inode => new TextInode(fs, mode, rootOwner, read);
    const current = (name: (ids: { pid: number; tid: number }) => string): Inode =>
      new LinkInode(fs, rootOwner, () => {
        const ids = source.current();
        return ids === null ? -errno.ENOENT : name(ids);
      });
    this.#entries = new Map<string, Inode>([
      ["self", current(({ pid }) => `${pid}`)],
      ["thread-self", current(({ pid, tid }) => `${pid}/task/${tid}`)],
      ["cmdline", text(() => "wherry\n")],
      ["cpuinfo", text(() => cpuinfoText(source.cpuLevel))],
      ["devices", text(devicesText)],
      ["filesystems", text(filesystemsText)],
      ["loadavg", text(() => loadavgText(source))],
      ["meminfo", text(() => meminfoText(source))],
      ["modules", text(() => "")],
      ["mounts", new LinkInode(fs, rootOwner, () => "self/mounts")],
      ["partitions", text(() => "major minor  #blocks  name\n\n")],
      ["stat", text(() => systemStatText(source))],
      ["swaps", text(() => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")],
      ["sys", sysctlDirectory(fs, source)],
      ["uptime", text(() => uptimeText(source))],
      ["version", text(versionText)],
      ["vmstat", text(() => vmstatText(source))],
      ["diskstats", text(() => "")],
      ["net", new LinkInode(fs, rootOwner, () => "self/net")],
    ]);
  }

  override lookup(name: string): Inode | number {
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const id = numberOf(name);
    const task = id === null ? null : this.#source.task(id);
    if (task === null) return -errno.ENOENT;
    let directory = this.#tasks.get(task);
    if (directory === undefined) {
      directory = new TaskDirectory(this.fs, this.#source, task, false);
      this.#tasks.set(task, directory);
    }
    directory.refresh();
    return directory;
  }

  override readdir(): readonly DirectoryEntry[] {
    const found: DirectoryEntry[] = [];
    for (const [name, inode] of this.#entries) found.push({ name, ino: inode.ino, type: inode.mode & S_IFMT });
    for (const pid of this.#source.processes()) found.push({ name: `${pid}`, ino: 0x10000 + pid, type: S_IFDIR });
    return found;
  }
}

/** /proc/sys: what programs read, and the host's name, which a privileged one may set. */
function sysctlDirectory(fs: ProcFileSystem, source: ProcSource): Inode {
  const value = (read: () => string | number): Inode => new TextInode(fs, 0o444, rootOwner, () => `${read()}\n`);
  const directory = (entries: Readonly<Record<string, Inode>>): Inode =>
    new StaticDirectory(fs, 0o555, rootOwner, entries);
  const bootId = randomUuid();
  return directory({
    kernel: directory({
      hostname: value(() => source.hostname),
      domainname: value(() => source.domainname),
      osrelease: value(() => kernelRelease),
      ostype: value(() => "Linux"),
      version: value(() => kernelVersion),
      pid_max: value(() => 32768),
      "threads-max": value(() => limits.tasksMax),
      cap_last_cap: value(() => 40),
      ngroups_max: value(() => 65536),
      randomize_va_space: value(() => 0),
      core_pattern: value(() => "core"),
      random: directory({
        boot_id: value(() => bootId),
        uuid: value(randomUuid),
        entropy_avail: value(() => entropyBits),
        poolsize: value(() => entropyBits),
      }),
    }),
    vm: directory({
      overcommit_memory: value(() => 1),
      max_map_count: value(() => 65530),
      mmap_min_addr: value(() => 65536),
      swappiness: value(() => 0),
    }),
    fs: directory({
      "file-max": value(() => limits.openFilesMax * 16),
      nr_open: value(() => limits.openFilesMax),
      "pipe-max-size": value(() => limits.pipeBytesCeiling),
      "pipe-user-pages-soft": value(() => 16384),
    }),
    net: directory({
      core: directory({ somaxconn: value(() => limits.socketBacklogMax) }),
    }),
  });
}
