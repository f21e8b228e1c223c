/** Pipes and fifos (man 7 pipe): one bounded queue of bytes, any number of readers and writers. */
import { errno } from "../../abi/errno.ts";
import { O_ACCMODE, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../abi/fcntl.ts";
import { ioctls } from "../../abi/ioctl.ts";
import { S_IFIFO, makeDevice } from "../../abi/stat.ts";
import { ByteQueue } from "../../base/byte-queue.ts";
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import { unnamedDentry } from "../dentry.ts";
import { NamelessFileSystem, SpecialFile, SpecialInode } from "../special-file.ts";
import type { Credentials, Dentry, Inode, IoctlCaller, OpenContext, UserMemory } from "../types.ts";
import { poll } from "../types.ts";

/** Writes of at most this many bytes are never mixed with others (limits.h, PIPE_BUF). */
const pipeAtomicBytes = 4096;

/** PIPEFS_MAGIC (linux/magic.h). */
const pipefs = new NamelessFileSystem("pipefs", makeDevice(0, 13), 0x50495045);

export class Pipe {
  readonly queue = new ByteQueue(limits.pipeBytesMax);
  readers = 0;
  writers = 0;
  /** How often an end was ever opened: who waits in open(2) for a peer sees one that came and went. */
  readersEver = 0;
  writersEver = 0;
  readonly readWaiters = new WaitQueue();
  readonly writeWaiters = new WaitQueue();
  /** For ends that both read and write. */
  readonly waiters = new WaitQueue();

  wakeReaders(): void {
    this.readWaiters.wake();
    this.waiters.wake();
  }

  wakeWriters(): void {
    this.writeWaiters.wake();
    this.waiters.wake();
  }

  /** Bytes moved or -errno: -EAGAIN while it is empty but may fill, 0 at its end. */
  read(target: Uint8Array): number {
    if (target.length === 0) return 0;
    if (this.queue.length === 0) return this.writers === 0 ? 0 : -errno.EAGAIN;
    const count = this.queue.pull(target);
    // Writers sleep until a write of PIPE_BUF would succeed, so that they are not woken for every byte read.
    if (this.#writable) this.wakeWriters();
    return count;
  }

  write(source: Uint8Array): number {
    if (this.readers === 0) return -errno.EPIPE;
    if (source.length === 0) return 0;
    const room = this.queue.room;
    if (room === 0 || (source.length <= pipeAtomicBytes && room < source.length)) return -errno.EAGAIN;
    const count = this.queue.push(source);
    this.wakeReaders();
    return count;
  }

  get #writable(): boolean {
    return this.queue.room >= pipeAtomicBytes;
  }

  poll(reads: boolean, writes: boolean, writersAtOpen: number): number {
    let events = 0;
    if (reads) {
      if (this.queue.length > 0) events |= poll.in | poll.readNormal;
      if (this.writers === 0 && this.writersEver !== writersAtOpen) events |= poll.hangup;
    }
    if (writes) {
      if (this.#writable) events |= poll.out | poll.writeNormal;
      if (this.readers === 0) events |= poll.error;
    }
    return events;
  }

  /** F_SETPIPE_SZ: the size it has now, or -errno. */
  resize(bytes: number, privileged: boolean): number {
    if (bytes < 0 || bytes > 0x8000_0000) return -errno.EINVAL;
    let size: number = limits.pageBytes;
    while (size < bytes) size *= 2;
    if (size > limits.pipeBytesCeiling && !privileged) return -errno.EPERM;
    if (size > limits.pipeBytesPrivileged) return -errno.ENOMEM;
    if (size < this.queue.length) return -errno.EBUSY;
    this.queue.capacity = size;
    this.wakeWriters();
    return size;
  }
}

/** An end of a pipe, or both. */
export class PipeFile extends SpecialFile {
  readonly pipe: Pipe;
  readonly #reads: boolean;
  readonly #writes: boolean;
  readonly #writersAtOpen: number;
  readonly #readersAtOpen: number;

  constructor(pipe: Pipe, inode: Inode, flags: number, dentry: Dentry | null) {
    super(inode, flags, dentry);
    this.pipe = pipe;
    const access = flags & O_ACCMODE;
    this.#reads = access !== O_WRONLY;
    this.#writes = access !== O_RDONLY;
    this.#writersAtOpen = pipe.writers > 0 ? -1 : pipe.writersEver;
    this.#readersAtOpen = pipe.readersEver;
    if (this.#reads) {
      pipe.readers++;
      pipe.readersEver++;
      pipe.wakeWriters();
    }
    if (this.#writes) {
      pipe.writers++;
      pipe.writersEver++;
      pipe.wakeReaders();
    }
  }

  /** The end of a fifo waits in open(2) until the other end is opened too (man 7 fifo). */
  get awaitsPeer(): boolean {
    // A pipe without a name is not waited for, also when /proc/self/fd/N opens it again (fs/pipe.c, fifo_open).
    if ((this.#reads && this.#writes) || this.inode instanceof PipeInode) return false;
    return this.#reads
      ? this.pipe.writers === 0 && this.pipe.writersEver === this.#writersAtOpen
      : this.pipe.readers === 0 && this.pipe.readersEver === this.#readersAtOpen;
  }

  override get waiters(): WaitQueue {
    if (this.#reads && this.#writes) return this.pipe.waiters;
    return this.#reads ? this.pipe.readWaiters : this.pipe.writeWaiters;
  }

  override read(target: Uint8Array, position: number | null): number {
    if (position !== null) return -errno.ESPIPE;
    return this.#reads ? this.pipe.read(target) : -errno.EBADF;
  }

  override write(source: Uint8Array, position: number | null): number {
    if (position !== null) return -errno.ESPIPE;
    return this.#writes ? this.pipe.write(source) : -errno.EBADF;
  }

  override poll(): number {
    return this.pipe.poll(this.#reads, this.#writes, this.#writersAtOpen);
  }

  override ioctl(request: number, argument: number, memory: UserMemory, _caller: IoctlCaller): number {
    if (request !== ioctls.FIONREAD) return -errno.ENOTTY;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, this.pipe.queue.length, true);
    memory.write(argument, bytes);
    return 0;
  }

  allocate(): number {
    return -errno.ESPIPE;
  }

  protected override closed(): void {
    if (this.#reads && --this.pipe.readers === 0) this.pipe.wakeWriters();
    if (this.#writes && --this.pipe.writers === 0) this.pipe.wakeReaders();
  }
}

class PipeInode extends SpecialInode {
  readonly pipe = new Pipe();

  override open(flags: number, context: OpenContext): PipeFile | number {
    // By way of /proc/self/fd/N.
    return openEnd(this.pipe, this, flags, context.dentry);
  }
}

/** pipe(2): the end to read and the end to write. `flags` may hold O_NONBLOCK. */
export function createPipe(
  flags: number,
  owner: Credentials,
  clock: Clock,
): readonly [reader: PipeFile, writer: PipeFile] {
  const inode = new PipeInode(pipefs, pipefs.nextIno(), S_IFIFO | 0o600, owner, clock.realtimeNs());
  const dentry = unnamedDentry(`pipe:[${inode.ino}]`, inode);
  return [
    new PipeFile(inode.pipe, inode, flags | O_RDONLY, dentry),
    new PipeFile(inode.pipe, inode, flags | O_WRONLY, dentry),
  ];
}

const fifos = new WeakMap<Inode, Pipe>();

/**
 * Opens a fifo of any file system. The caller must wait while `awaitsPeer` holds; without O_NONBLOCK only, because a
 * reader then does not wait and a writer gets -ENXIO when nobody reads.
 */
export function openFifo(inode: Inode, flags: number, dentry: Dentry): PipeFile | number {
  let pipe = fifos.get(inode);
  if (pipe === undefined) {
    pipe = new Pipe();
    fifos.set(inode, pipe);
  }
  return openEnd(pipe, inode, flags, dentry);
}

function openEnd(pipe: Pipe, inode: Inode, flags: number, dentry: Dentry): PipeFile | number {
  const access = flags & O_ACCMODE;
  if (access === O_ACCMODE) return -errno.EINVAL;
  if (access === O_WRONLY && (flags & O_NONBLOCK) !== 0 && pipe.readers === 0) return -errno.ENXIO;
  const file = new PipeFile(pipe, inode, flags, dentry);
  // What nobody read before the last end closed is gone.
  if (access !== O_RDWR && pipe.readers + pipe.writers === 1) pipe.queue.clear();
  return file;
}
