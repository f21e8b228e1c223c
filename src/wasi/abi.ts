/** Numbers of WASI preview 1 (the witx of wasi_snapshot_preview1), and Linux's error numbers in its terms. */
import { errno } from "../abi/errno.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "../abi/stat.ts";

export const wasiErrno = {
  success: 0,
  acces: 2,
  again: 6,
  badf: 8,
  exist: 20,
  fault: 21,
  inval: 28,
  io: 29,
  isdir: 31,
  noent: 44,
  nosys: 52,
  notdir: 54,
  notsup: 58,
  spipe: 70,
  notcapable: 76,
} as const;

/** Position in this list is the WASI number: __wasi_errno_t in order. */
const names =
  "SUCCESS 2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG BUSY CANCELED CHILD CONNABORTED CONNREFUSED CONNRESET DEADLK DESTADDRREQ DOM DQUOT EXIST FAULT FBIG HOSTUNREACH IDRM ILSEQ INPROGRESS INTR INVAL IO ISCONN ISDIR LOOP MFILE MLINK MSGSIZE MULTIHOP NAMETOOLONG NETDOWN NETRESET NETUNREACH NFILE NOBUFS NODEV NOENT NOEXEC NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS NOTCONN NOTDIR NOTEMPTY NOTRECOVERABLE NOTSOCK NOTSUP NOTTY NXIO OVERFLOW OWNERDEAD PERM PIPE PROTO PROTONOSUPPORT PROTOTYPE RANGE ROFS SPIPE SRCH STALE TIMEDOUT TXTBSY XDEV NOTCAPABLE".split(
    " ",
  );

const fromLinux = new Map<number, number>();
for (const [name, number] of Object.entries(errno)) {
  const index = names.indexOf(name.slice(1));
  if (index > 0 && !fromLinux.has(number)) fromLinux.set(number, index);
}

/** The WASI error of a kernel path's negative errno; 0 and positive values are success. */
export function toWasiErrno(result: number): number {
  return result >= 0 ? wasiErrno.success : (fromLinux.get(-result) ?? wasiErrno.io);
}

/** __wasi_filetype_t of an st_mode. */
export function fileType(mode: number): number {
  switch (mode & S_IFMT) {
    case S_IFBLK:
      return 1;
    case S_IFCHR:
      return 2;
    case S_IFDIR:
      return 3;
    case S_IFREG:
      return 4;
    case S_IFSOCK:
      return 6;
    case S_IFLNK:
      return 7;
    default:
      return 0;
  }
}

export const oflags = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
export const fdflags = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;
export const fstflags = { atime: 1, atimeNow: 2, mtime: 4, mtimeNow: 8 } as const;
export const lookupFollow = 1;

/** The rights we check; the rest follow from the file itself. */
export const rights = { read: 1n << 1n, write: 1n << 6n } as const;
export const allRights = (1n << 30n) - 1n;

export const subscription = { clock: 0, read: 1, write: 2 } as const;
