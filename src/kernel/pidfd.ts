/** A descriptor that stands for a process (man 2 pidfd_open): readable once the process has ended. */
import { O_RDWR } from "../abi/fcntl.ts";
import type { WaitQueue } from "../base/wait-queue.ts";
import { NamelessFileSystem, SpecialFile, SpecialInode } from "../vfs/special-file.ts";
import { poll } from "../vfs/types.ts";
import type { Process } from "./process.ts";

const PID_FS_MAGIC = 0x50494446;
const fileSystem = new NamelessFileSystem("pidfs", 0x0f, PID_FS_MAGIC);

class PidInode extends SpecialInode {}

export class PidFile extends SpecialFile {
  readonly process: Process;

  constructor(process: Process, flags: number) {
    const inode = new PidInode(
      fileSystem,
      fileSystem.nextIno(),
      0o100700,
      { uid: 0, gid: 0 },
      process.kernel.clock.realtimeNs(),
    );
    super(inode, O_RDWR | flags);
    this.process = process;
  }

  override poll(): number {
    return this.process.isZombie || this.process.kernel.process(this.process.pid) !== this.process
      ? poll.in | poll.readNormal
      : 0;
  }

  override get waiters(): WaitQueue {
    return this.process.exitWaiters;
  }
}
