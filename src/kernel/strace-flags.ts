/** Names of flag bits for strace, by the X of an argument kind `flags:X`. An enumeration is a set of whole values. */
import { madvice, map, prot } from "../abi/mman.ts";

interface FlagSet {
  /** Values of the bits under `mask`, which are a number rather than flags; named first. */
  readonly mask?: number;
  readonly values?: Readonly<Record<number, string>>;
  readonly bits: readonly (readonly [value: number, name: string])[];
  /** What zero is called when no value is. */
  readonly zero?: string;
}

const flagSets: Readonly<Record<string, FlagSet>> = {
  open: {
    mask: 3,
    values: { 0: "O_RDONLY", 1: "O_WRONLY", 2: "O_RDWR" },
    bits: [
      [0o100, "O_CREAT"],
      [0o200, "O_EXCL"],
      [0o400, "O_NOCTTY"],
      [0o1000, "O_TRUNC"],
      [0o2000, "O_APPEND"],
      [0o4000, "O_NONBLOCK"],
      [0o4010000, "O_SYNC"],
      [0o10000, "O_DSYNC"],
      [0o20000, "O_ASYNC"],
      [0o40000, "O_DIRECT"],
      [0o100000, "O_LARGEFILE"],
      [0o20200000, "O_TMPFILE"],
      [0o200000, "O_DIRECTORY"],
      [0o400000, "O_NOFOLLOW"],
      [0o1000000, "O_NOATIME"],
      [0o2000000, "O_CLOEXEC"],
      [0o10000000, "O_PATH"],
    ],
  },
  at: {
    bits: [
      [0x100, "AT_SYMLINK_NOFOLLOW"],
      [0x200, "AT_REMOVEDIR"],
      [0x400, "AT_SYMLINK_FOLLOW"],
      [0x800, "AT_NO_AUTOMOUNT"],
      [0x1000, "AT_EMPTY_PATH"],
    ],
  },
  access: {
    bits: [
      [4, "R_OK"],
      [2, "W_OK"],
      [1, "X_OK"],
    ],
    zero: "F_OK",
  },
  prot: {
    bits: [
      [prot.READ, "PROT_READ"],
      [prot.WRITE, "PROT_WRITE"],
      [prot.EXEC, "PROT_EXEC"],
      [prot.GROWSDOWN, "PROT_GROWSDOWN"],
    ],
    zero: "PROT_NONE",
  },
  map: {
    mask: 3,
    values: { 1: "MAP_SHARED", 2: "MAP_PRIVATE", 3: "MAP_SHARED_VALIDATE" },
    bits: [
      [map.FIXED, "MAP_FIXED"],
      [map.ANONYMOUS, "MAP_ANONYMOUS"],
      [map.MAP_32BIT, "MAP_32BIT"],
      [map.GROWSDOWN, "MAP_GROWSDOWN"],
      [map.DENYWRITE, "MAP_DENYWRITE"],
      [map.EXECUTABLE, "MAP_EXECUTABLE"],
      [map.LOCKED, "MAP_LOCKED"],
      [map.NORESERVE, "MAP_NORESERVE"],
      [map.POPULATE, "MAP_POPULATE"],
      [map.NONBLOCK, "MAP_NONBLOCK"],
      [map.STACK, "MAP_STACK"],
      [map.HUGETLB, "MAP_HUGETLB"],
      [map.FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"],
    ],
  },
  madvise: enumeration("MADV_", madvice),
  clone: {
    mask: 0xff,
    values: { 0: "0", 17: "SIGCHLD" },
    bits: [
      [0x100, "CLONE_VM"],
      [0x200, "CLONE_FS"],
      [0x400, "CLONE_FILES"],
      [0x800, "CLONE_SIGHAND"],
      [0x1000, "CLONE_PIDFD"],
      [0x2000, "CLONE_PTRACE"],
      [0x4000, "CLONE_VFORK"],
      [0x8000, "CLONE_PARENT"],
      [0x10000, "CLONE_THREAD"],
      [0x20000, "CLONE_NEWNS"],
      [0x40000, "CLONE_SYSVSEM"],
      [0x80000, "CLONE_SETTLS"],
      [0x100000, "CLONE_PARENT_SETTID"],
      [0x200000, "CLONE_CHILD_CLEARTID"],
      [0x800000, "CLONE_UNTRACED"],
      [0x1000000, "CLONE_CHILD_SETTID"],
      [0x2000000, "CLONE_NEWCGROUP"],
      [0x4000000, "CLONE_NEWUTS"],
      [0x8000000, "CLONE_NEWIPC"],
      [0x10000000, "CLONE_NEWUSER"],
      [0x20000000, "CLONE_NEWPID"],
      [0x40000000, "CLONE_NEWNET"],
    ],
  },
  wait: {
    bits: [
      [1, "WNOHANG"],
      [2, "WUNTRACED"],
      [4, "WEXITED"],
      [8, "WCONTINUED"],
      [0x01000000, "WNOWAIT"],
      [0x20000000, "__WNOTHREAD"],
      [0x40000000, "__WALL"],
      [0x80000000 | 0, "__WCLONE"],
    ],
  },
  sigprocmask: { mask: -1, values: { 0: "SIG_BLOCK", 1: "SIG_UNBLOCK", 2: "SIG_SETMASK" }, bits: [] },
  clock: {
    mask: -1,
    values: {
      0: "CLOCK_REALTIME",
      1: "CLOCK_MONOTONIC",
      2: "CLOCK_PROCESS_CPUTIME_ID",
      3: "CLOCK_THREAD_CPUTIME_ID",
      4: "CLOCK_MONOTONIC_RAW",
      5: "CLOCK_REALTIME_COARSE",
      6: "CLOCK_MONOTONIC_COARSE",
      7: "CLOCK_BOOTTIME",
      11: "CLOCK_TAI",
    },
    bits: [],
  },
  futex: {
    mask: 0x7f,
    values: {
      0: "FUTEX_WAIT",
      1: "FUTEX_WAKE",
      2: "FUTEX_FD",
      3: "FUTEX_REQUEUE",
      4: "FUTEX_CMP_REQUEUE",
      5: "FUTEX_WAKE_OP",
      6: "FUTEX_LOCK_PI",
      7: "FUTEX_UNLOCK_PI",
      8: "FUTEX_TRYLOCK_PI",
      9: "FUTEX_WAIT_BITSET",
      10: "FUTEX_WAKE_BITSET",
      11: "FUTEX_WAIT_REQUEUE_PI",
      12: "FUTEX_CMP_REQUEUE_PI",
    },
    bits: [
      [0x80, "FUTEX_PRIVATE_FLAG"],
      [0x100, "FUTEX_CLOCK_REALTIME"],
    ],
  },
  rlimit: enumerationOf(
    "RLIMIT_",
    "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME",
  ),
  whence: enumerationOf("SEEK_", "SET CUR END DATA HOLE"),
};

function enumeration(prefix: string, values: Readonly<Record<string, number>>): FlagSet {
  const names: Record<number, string> = {};
  for (const [name, value] of Object.entries(values)) names[value] = `${prefix}${name}`;
  return { mask: -1, values: names, bits: [] };
}

function enumerationOf(prefix: string, words: string): FlagSet {
  return enumeration(prefix, Object.fromEntries(words.split(" ").map((word, index) => [word, index])));
}

/** Bits without a name are shown in hexadecimal at the end. */
export function formatFlags(set: string, value: number): string {
  const flags = flagSets[set];
  if (flags === undefined) return `0x${(value >>> 0).toString(16)}`;
  const parts: string[] = [];
  let rest = value;
  if (flags.mask !== undefined) {
    const name = flags.values?.[value & flags.mask];
    if (name !== undefined) {
      parts.push(name);
      rest &= ~flags.mask;
    }
  }
  for (const [bit, name] of flags.bits) {
    if ((rest & bit) !== bit) continue;
    parts.push(name);
    rest &= ~bit;
  }
  if (rest !== 0) parts.push(`0x${(rest >>> 0).toString(16)}`);
  if (parts.length === 0) return flags.zero ?? "0";
  return parts.join("|");
}
