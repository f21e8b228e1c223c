/**
 * The config.json an OCI runtime is given (runtime-spec config.md), with docker's defaults: capabilities, masked and
 * read-only paths, mounts. Pure: what the host can do comes in as `HostAbilities`.
 */
import type { ContainerSpec, MountSpec, ProcessSpec } from "../types.ts";

export interface HostAbilities {
  /** Root of the host; otherwise the runtime runs as root of a user namespace. */
  readonly rootless: boolean;
  /** Ids the user namespace maps besides its root; 0 when only the user's own id is mapped. */
  readonly subordinateIds: number;
  /** "v1" also for hybrid hosts. */
  readonly cgroups: "v1" | "v2";
  /** The capability bounding set, as a bit mask: nothing outside it is asked for. */
  readonly capabilities: bigint;
}

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** Docker's default capabilities with their numbers (linux/capability.h). */
const defaultCapabilities: Readonly<Record<string, number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_RAW: 13,
  CAP_SYS_CHROOT: 18,
  CAP_MKNOD: 27,
  CAP_AUDIT_WRITE: 29,
  CAP_SETFCAP: 31,
};

const maskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** Docker's default size of /dev/shm. */
const shmOptions = ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"];

export function processConfig(process: ProcessSpec, user: ProcessUser, host: HostAbilities): Record<string, unknown> {
  const allowed = Object.entries(defaultCapabilities)
    .filter(([, number]) => ((host.capabilities >> BigInt(number)) & 1n) === 1n)
    .map(([name]) => name);
  // As docker: a user other than root has the bounding set only.
  const effective = user.uid === 0 ? allowed : [];
  return {
    terminal: process.tty,
    ...(process.tty ? { consoleSize: { width: process.columns, height: process.rows } } : {}),
    user: {
      uid: user.uid,
      gid: user.gid,
      // Without subordinate ids setgroups(2) is denied in the namespace.
      ...(user.groups.length > 0 && (!host.rootless || host.subordinateIds > 0) ? { additionalGids: user.groups } : {}),
    },
    args: process.arguments,
    env: process.environment,
    cwd: process.workingDirectory,
    capabilities: { bounding: allowed, effective, permitted: effective },
    noNewPrivileges: false,
  };
}

export interface ConfigPaths {
  readonly rootfs: string;
  /** Files bound over those of the same name in /etc. */
  readonly hostname: string;
  readonly hosts: string;
  readonly resolvConf: string;
}

export function runtimeConfig(
  spec: ContainerSpec,
  process: Record<string, unknown>,
  paths: ConfigPaths,
  host: HostAbilities,
): Record<string, unknown> {
  const limited = spec.memoryLimited === true && !host.rootless;
  return {
    ociVersion: "1.0.2",
    process,
    root: { path: paths.rootfs, readonly: spec.readOnly },
    hostname: spec.hostname,
    mounts: mounts(spec, paths, host),
    linux: {
      ...(host.rootless ? {} : { cgroupsPath: `/wherry/${spec.id}` }),
      namespaces: [
        { type: "pid" },
        { type: "network" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        ...(host.cgroups === "v2" ? [{ type: "cgroup" }] : []),
      ],
      ...(host.rootless
        ? {}
        : {
            resources: {
              devices: [{ allow: false, access: "rwm" }],
              ...(limited ? { memory: { limit: spec.memoryBytes } } : {}),
            },
          }),
      maskedPaths,
      readonlyPaths,
    },
  };
}

function mounts(spec: ContainerSpec, paths: ConfigPaths, host: HostAbilities): Record<string, unknown>[] {
  // Group 5 is "tty"; a namespace that maps one id has no such group.
  const ptsGroup = host.rootless && host.subordinateIds === 0 ? [] : ["gid=5"];
  const bound = (source: string, destination: string): Record<string, unknown> => ({
    destination,
    type: "bind",
    source,
    options: ["rbind", "rprivate"],
  });
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...ptsGroup],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    // A user namespace may not mount the controllers of a host with version 1.
    ...(host.rootless && host.cgroups === "v1"
      ? []
      : [
          {
            destination: "/sys/fs/cgroup",
            type: "cgroup",
            source: "cgroup",
            options: ["ro", "nosuid", "noexec", "nodev"],
          },
        ]),
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: shmOptions },
    bound(paths.resolvConf, "/etc/resolv.conf"),
    bound(paths.hostname, "/etc/hostname"),
    bound(paths.hosts, "/etc/hosts"),
    ...spec.mounts.map(mountOf),
  ];
}

function mountOf(mount: MountSpec): Record<string, unknown> {
  if (mount.type === "bind")
    return {
      destination: mount.target,
      type: "bind",
      source: mount.source,
      options: ["rbind", "rprivate", mount.readOnly ? "ro" : "rw"],
    };
  const given = mount.options.split(",").filter((option) => option !== "");
  return {
    destination: mount.target,
    type: "tmpfs",
    source: "tmpfs",
    // Docker's defaults, each of which the user's options may turn round.
    options: ["nosuid", "nodev", "noexec"].filter((option) => !given.includes(option.slice(2))).concat(given),
  };
}
