/** ioctl(2): what every file answers is done here, the rest goes to the file. */
import { errno } from "../abi/errno.ts";
import { O_ACCMODE, O_CLOEXEC, O_NONBLOCK, O_PATH } from "../abi/fcntl.ts";
import { ioctls } from "../abi/ioctl.ts";
import { S_IFDIR, S_IFMT, S_IFREG } from "../abi/stat.ts";
import type { Maybe } from "../base/maybe.ts";
import type { Task } from "../kernel/task.ts";
import { MasterFile } from "../tty/master-file.ts";
import { open } from "../vfs/operations.ts";
import { row } from "./row.ts";
import type { SyscallRow } from "./types.ts";

function ioctl(task: Task, fd: number, request: number, argument: number): Maybe<number> {
  const file = task.file(fd);
  if (file === null || (file.flags & O_PATH) !== 0) return -errno.EBADF;
  switch (request) {
    case ioctls.FIOCLEX:
    case ioctls.FIONCLEX:
      task.files.setCloseOnExec(fd, request === ioctls.FIOCLEX);
      return 0;
    case ioctls.FIONBIO:
      file.flags = task.user.readI32(argument) !== 0 ? file.flags | O_NONBLOCK : file.flags & ~O_NONBLOCK;
      return 0;
    case ioctls.FIOQSIZE: {
      const type = file.inode.mode & S_IFMT;
      if (type !== S_IFREG && type !== S_IFDIR) return -errno.ENOTTY;
      task.user.writeNumber(argument, file.inode.size);
      return 0;
    }
    case ioctls.FIGETBSZ:
      task.user.writeI32(argument, file.inode.fs.statfs().blockSize);
      return 0;
    case ioctls.FICLONE:
    case ioctls.FICLONERANGE:
      return -errno.EOPNOTSUPP;
    case ioctls.TIOCGPTPEER:
      return file instanceof MasterFile ? openPeer(task, file, argument) : -errno.ENOTTY;
    default:
      return file.ioctl(request, argument, task.user, task.ioctlCaller);
  }
}

/** The slave of a pty by its master, whatever is mounted on /dev/pts. */
async function openPeer(task: Task, master: MasterFile, flags: number): Promise<number> {
  const opened = await open(
    task.caller,
    task.caller.root,
    `/dev/pts/${master.pty.index}`,
    flags & (O_ACCMODE | O_NONBLOCK),
    0,
  );
  return typeof opened === "number" ? opened : task.allocateFd(opened, (flags & O_CLOEXEC) !== 0);
}

export const ioctlRows: readonly SyscallRow[] = [row("ioctl", ioctl, ["fd", "uint", "address"])];
