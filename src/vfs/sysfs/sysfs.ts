/** sysfs, as far as programs ask (man 5 sysfs): the one processor, the memory's page sizes, an empty control group. */
import { anonymousDevice } from "../anonymous-device.ts";
import type { Clock } from "../../base/clock.ts";
import { StaticDirectory, TextInode, rootOwner } from "../procfs/nodes.ts";
import type { GeneratedFileSystem } from "../procfs/nodes.ts";
import type { FileSystemStat, Inode } from "../types.ts";

const SYSFS_MAGIC = 0x62656572;

/** Numbers the present state needs; the kernel gives them. */
export interface SysSource {
  readonly clock: Clock;
  memory(): { readonly totalBytes: number; readonly freeBytes: number };
  taskCounts(): { readonly all: number };
}

export class SysFileSystem implements GeneratedFileSystem {
  readonly type = "sysfs";
  readonly device = anonymousDevice();
  readonly readOnly = true;
  readonly root: Inode;
  readonly #clock: Clock;
  #nextIno = 1;

  constructor(source: SysSource) {
    this.#clock = source.clock;
    this.root = build(this, source);
  }

  nextIno(): number {
    return this.#nextIno++;
  }

  nowNs(): bigint {
    return this.#clock.realtimeNs();
  }

  statfs(): FileSystemStat {
    return { type: SYSFS_MAGIC, blockSize: 4096, blocks: 0, blocksFree: 0, files: 0, filesFree: 0 };
  }

  sync(): number {
    return 0;
  }
}

/** A value, with a newline; or a directory of more. */
type Node = string | (() => string) | { readonly [name: string]: Node };

const cache = (level: number, type: string, size: string, sets: number, ways: number): Node => ({
  level: `${level}`,
  type,
  size,
  coherency_line_size: "64",
  number_of_sets: `${sets}`,
  ways_of_associativity: `${ways}`,
  shared_cpu_list: "0",
  shared_cpu_map: "1",
});

function tree(source: SysSource): Node {
  return {
    block: {},
    bus: {},
    class: { net: {}, tty: {}, block: {} },
    devices: {
      system: {
        cpu: {
          online: "0",
          possible: "0",
          present: "0",
          offline: "",
          kernel_max: "0",
          cpu0: {
            topology: {
              core_id: "0",
              physical_package_id: "0",
              core_siblings_list: "0",
              thread_siblings_list: "0",
              core_cpus_list: "0",
            },
            // As CPUID's leaf 4 has them.
            cache: {
              index0: cache(1, "Data", "32K", 64, 8),
              index1: cache(1, "Instruction", "32K", 128, 4),
              index2: cache(2, "Unified", "256K", 512, 8),
              index3: cache(3, "Unified", "8192K", 8192, 16),
            },
          },
        },
        node: { online: "0", possible: "0", node0: { cpulist: "0", cpumap: "1" } },
      },
    },
    fs: {
      cgroup: {
        "cgroup.controllers": "",
        "cgroup.procs": "",
        "memory.max": () => `${source.memory().totalBytes}`,
        "memory.current": () => `${source.memory().totalBytes - source.memory().freeBytes}`,
        "cpu.max": "max 100000",
        "pids.max": "max",
        "pids.current": () => `${source.taskCounts().all}`,
      },
    },
    kernel: {
      mm: {
        transparent_hugepage: { enabled: "always madvise [never]", hpage_pmd_size: "2097152" },
        hugepages: {},
      },
    },
    module: {},
    power: {},
  };
}

function build(fs: SysFileSystem, source: SysSource): Inode {
  const make = (node: Node): Inode => {
    if (typeof node === "string") return new TextInode(fs, 0o444, rootOwner, () => (node === "" ? "\n" : `${node}\n`));
    if (typeof node === "function") return new TextInode(fs, 0o444, rootOwner, () => `${node()}\n`);
    const entries: Record<string, Inode> = {};
    for (const [name, child] of Object.entries(node)) entries[name] = make(child);
    return new StaticDirectory(fs, 0o555, rootOwner, entries);
  };
  return make(tree(source));
}
