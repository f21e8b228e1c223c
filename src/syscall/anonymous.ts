/** Files without a name that are not pipes or sockets (Linux: anon_inodefs): eventfd, epoll, and their like. */
import { makeDevice } from "../abi/stat.ts";
import { unnamedDentry } from "../vfs/dentry.ts";
import { NamelessFileSystem, SpecialInode } from "../vfs/special-file.ts";
import type { Dentry } from "../vfs/types.ts";

/** ANON_INODE_FS_MAGIC (linux/magic.h). */
const anonymousFs = new NamelessFileSystem("anon_inodefs", makeDevice(0, 14), 0x09041934);

/** Its mode has no type bits: Linux gives these files none either. */
class AnonymousInode extends SpecialInode {
  constructor() {
    super(anonymousFs, anonymousFs.nextIno(), 0o600, { uid: 0, gid: 0 }, 0n);
  }
}

/** A place to hang the file on; /proc/self/fd shows it as "anon_inode:[eventfd]". */
export function anonymousDentry(kind: string): Dentry {
  return unnamedDentry(`anon_inode:${kind}`, new AnonymousInode());
}
