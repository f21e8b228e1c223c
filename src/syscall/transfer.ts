/**
 * Moving bytes between guest buffers and open files: what read, write and all their relatives share. Bytes pass through
 * a buffer of ours, because guest memory is not contiguous and may move while a file reads from storage.
 */
import { errno } from "../abi/errno.ts";
import { O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY, SEEK_CUR } from "../abi/fcntl.ts";
import { IN } from "../abi/inotify.ts";
import { siCode, signals } from "../abi/signal.ts";
import type { Maybe } from "../base/maybe.ts";
import { isPromise } from "../base/maybe.ts";
import { blockUntil } from "../kernel/blocking.ts";
import { restart } from "../kernel/faults.ts";
import type { Task } from "../kernel/task.ts";
import { Socket } from "../net/socket.ts";
import { TerminalFile } from "../tty/terminal-file.ts";
import { notifyFile } from "../vfs/notify.ts";
import { SpecialFile } from "../vfs/special-file.ts";
import type { OpenFile } from "../vfs/types.ts";
import { sealedAgainstWrite } from "./memfd.ts";
import type { Segments } from "./segments.ts";
import { deadlineAfter } from "./wait-times.ts";

/** One piece of a transfer: large enough that its own costs vanish, small enough to stay in the processor's cache. */
const chunkBytes = 131072;
/** A read from a stream or a message asks for no more than this. */
const onceBytesMax = 262144;

const spareChunks: Uint8Array<ArrayBuffer>[] = [];

function takeBuffer(length: number): Uint8Array<ArrayBuffer> {
  if (length > chunkBytes) return new Uint8Array(length);
  return spareChunks.pop() ?? new Uint8Array(chunkBytes);
}

function returnBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  if (buffer.length === chunkBytes && spareChunks.length < 8) spareChunks.push(buffer);
}

function isNonblocking(file: OpenFile, force: boolean): boolean {
  return force || (file.flags & O_NONBLOCK) !== 0;
}

/** Regular files and the like: a read is only short at the end, and nothing ever waits for another process. */
function isSteady(file: OpenFile): boolean {
  return file.waiters === null;
}

/** Positions make no sense for it: pread and pwrite are -ESPIPE. */
export function isSeekable(file: OpenFile): boolean {
  if (!(file instanceof SpecialFile) || file.inode.mapping !== null) return true;
  return file.seek(0, SEEK_CUR) !== -errno.ESPIPE;
}

export interface TransferOptions {
  /** RWF_NOWAIT, MSG_DONTWAIT. */
  readonly nonblocking?: boolean;
  /** MSG_NOSIGNAL: no SIGPIPE. */
  readonly noSignal?: boolean;
  /** SO_SNDTIMEO, SO_RCVTIMEO: when the call gives up with -EAGAIN. */
  readonly deadlineNs?: bigint | null;
}

/** read(2) and its relatives; `position` null uses and moves the file's own. */
export function readFile(
  task: Task,
  file: OpenFile,
  segments: Segments,
  position: number | null,
  options: TransferOptions = {},
): Maybe<number> {
  if ((file.flags & O_ACCMODE) === O_WRONLY) return -errno.EBADF;
  if (isSteady(file)) {
    if (file.dentry !== null) notifyFile(file.dentry, IN.ACCESS);
    return readSteady(task, file, segments, position);
  }
  return readOnce(task, file, segments, position, options.nonblocking === true);
}

function readSteady(task: Task, file: OpenFile, segments: Segments, position: number | null): Maybe<number> {
  const buffer = takeBuffer(Math.min(segments.total, chunkBytes));
  const total = segments.total;
  let done = 0;
  /** Deals with the outcome of one piece; null to go on with the next. */
  const landed = (count: number): Maybe<number | null> => {
    if (count <= 0) return done > 0 ? done : count;
    const wanted = Math.min(chunkBytes, total - done);
    const put = segments.scatterLater(task.user, done, buffer.subarray(0, count));
    const next = (failed: number): number | null => {
      if (failed < 0) {
        // What the guest did not get is not read.
        if (position === null) void file.seek(-count, SEEK_CUR);
        return done > 0 ? done : failed;
      }
      done += count;
      return count < wanted || done >= total ? done : null;
    };
    return isPromise(put) ? put.then(next) : next(put);
  };
  const piece = (): Maybe<number> => {
    const wanted = Math.min(chunkBytes, total - done);
    return file.read(buffer.subarray(0, wanted), position === null ? null : position + done);
  };
  const finishLater = async (pending: Promise<number | null>): Promise<number> => {
    try {
      let outcome = await pending;
      while (outcome === null) outcome = await landed(await piece());
      return outcome;
    } finally {
      returnBuffer(buffer);
    }
  };
  for (;;) {
    const count = piece();
    if (isPromise(count)) return finishLater(count.then(landed));
    const outcome = landed(count);
    if (isPromise(outcome)) return finishLater(outcome);
    if (outcome !== null) {
      returnBuffer(buffer);
      return outcome;
    }
  }
}

function readOnce(
  task: Task,
  file: OpenFile,
  segments: Segments,
  position: number | null,
  force: boolean,
): Maybe<number> {
  const length = Math.min(segments.total, onceBytesMax);
  // Throws before anything is taken from the file.
  segments.prepareWrite(task.user, 0, Math.min(length, chunkBytes));
  const buffer = takeBuffer(length);
  const target = buffer.subarray(0, length);
  const deliver = (count: number): Maybe<number> => {
    if (count <= 0) {
      returnBuffer(buffer);
      return count;
    }
    const put = segments.scatterLater(task.user, 0, target.subarray(0, count));
    const end = (failed: number): number => {
      returnBuffer(buffer);
      return failed < 0 ? failed : count;
    };
    return isPromise(put) ? put.then(end) : end(put);
  };
  const nonblocking = isNonblocking(file, force);
  const count =
    file instanceof TerminalFile
      ? readTerminal(task, file, target, nonblocking)
      : blockUntil(task, [file.waiters], () => file.read(target, position), {
          nonblocking,
          deadlineNs: file instanceof Socket ? deadlineAfter(task, file.receiveTimeoutNs) : null,
        });
  return isPromise(count) ? count.then(deliver) : deliver(count);
}

/** Terminals ask for the foreground first, and raw mode may end a read by time. */
function readTerminal(task: Task, file: TerminalFile, target: Uint8Array, nonblocking: boolean): Maybe<number> {
  const attempt = (): number => {
    const allowed = file.checkJobControl(task.ioctlCaller, false);
    return allowed !== 0 ? allowed : file.read(target, null);
  };
  const first = attempt();
  if (first !== -errno.EAGAIN || nonblocking) return first;
  return waitForTerminal(task, file, target, attempt);
}

async function waitForTerminal(
  task: Task,
  file: TerminalFile,
  target: Uint8Array,
  attempt: () => number,
): Promise<number> {
  for (;;) {
    const timeoutMs = file.readTimeoutMs();
    const deadlineNs = timeoutMs === null ? null : task.kernel.clock.monotonicNs() + BigInt(timeoutMs) * 1_000_000n;
    const ended = await task.wait([file.waiters], { deadlineNs });
    if (ended === "interrupted") return -restart.ERESTARTSYS;
    const count = ended === "timeout" ? file.readAfterTimeout(target) : attempt();
    if (count !== -errno.EAGAIN) return count;
  }
}

/** write(2) and its relatives. A blocking write to a stream ends when all is written, or a signal comes. */
export function writeFile(
  task: Task,
  file: OpenFile,
  segments: Segments,
  position: number | null,
  options: TransferOptions = {},
): Maybe<number> {
  if ((file.flags & O_ACCMODE) === O_RDONLY) return -errno.EBADF;
  if (file instanceof Socket && file.isMessage) {
    // Only streams raise SIGPIPE.
    return writeWhole(task, file, segments, (message) => file.write(message, position), options);
  }
  const total = segments.total;
  if (file.inode.mapping !== null) {
    const sealed = sealedAgainstWrite(file, position, total);
    if (sealed < 0) return sealed;
  }
  const chunk = Math.min(total, chunkBytes);
  const buffer = takeBuffer(chunk);
  const nonblocking = isNonblocking(file, options.nonblocking === true);
  const deadlineNs = options.deadlineNs ?? (file instanceof Socket ? deadlineAfter(task, file.sendTimeoutNs) : null);
  let done = 0;
  /** Bytes of `buffer` that hold what comes next; refilled when they are used up. */
  let start = 0;
  let end = 0;

  const attempt = (): Maybe<number> => {
    if (file instanceof TerminalFile) {
      const allowed = file.checkJobControl(task.ioctlCaller, true);
      if (allowed !== 0) return allowed;
    }
    return file.write(buffer.subarray(start, end), position === null ? null : position + done);
  };
  /** The call's result, or null to go on. */
  const wrote = (count: number): number | null => {
    if (count < 0) {
      if (count === -errno.EPIPE && options.noSignal !== true) raiseBrokenPipe(task);
      return done > 0 ? done : count;
    }
    done += count;
    start += count;
    return done >= total || (count === 0 && end > 0) ? done : null;
  };
  const refill = (): Maybe<number> => {
    start = 0;
    end = Math.min(chunkBytes, total - done);
    return segments.gatherLater(task.user, done, buffer.subarray(0, end));
  };

  const goOn = async (pending: Promise<number> | null): Promise<number> => {
    try {
      let outcome = pending === null ? -errno.EAGAIN : await pending;
      for (;;) {
        if (outcome === -errno.EAGAIN) {
          if (nonblocking || file.waiters === null) return done > 0 ? done : outcome;
          // Asked again in the same turn as the wait begins, so that no wake-up is lost.
          const again = attempt();
          outcome = isPromise(again) ? await again : again;
          if (outcome === -errno.EAGAIN) {
            const ended = await task.wait([file.waiters], { deadlineNs });
            if (ended === "interrupted") return done > 0 ? done : -restart.ERESTARTSYS;
            if (ended === "timeout") return done > 0 ? done : -errno.EAGAIN;
            continue;
          }
        }
        const result = wrote(outcome);
        if (result !== null) return result;
        if (start === end) {
          const failed = await refill();
          if (failed < 0) return done > 0 ? done : failed;
        }
        outcome = await attempt();
      }
    } finally {
      returnBuffer(buffer);
    }
  };

  // Before the first effect: may throw and start over.
  end = chunk;
  segments.gather(task.user, 0, buffer.subarray(0, chunk));
  for (;;) {
    const count = attempt();
    if (isPromise(count)) return goOn(count);
    if (count === -errno.EAGAIN && !nonblocking && file.waiters !== null) return goOn(null);
    let result = wrote(count);
    if (result === null && start === end) {
      const failed = refill();
      if (isPromise(failed)) return goOn(failed.then((error) => (error < 0 ? error : attempt())));
      if (failed < 0) result = done > 0 ? done : failed;
    }
    if (result !== null) {
      returnBuffer(buffer);
      return result;
    }
  }
}

/** A message in one piece: datagrams, and control files that take one write whole. */
function writeWhole(
  task: Task,
  file: OpenFile,
  segments: Segments,
  send: (message: Uint8Array) => Maybe<number>,
  options: TransferOptions = {},
): Maybe<number> {
  const message = new Uint8Array(segments.total);
  segments.gather(task.user, 0, message);
  const nonblocking = isNonblocking(file, options.nonblocking === true);
  return blockUntil(task, [file.waiters], () => send(message), { nonblocking, deadlineNs: options.deadlineNs ?? null });
}

export function raiseBrokenPipe(task: Task): void {
  task.sendSignal({ signal: signals.SIGPIPE, code: siCode.SI_USER, pid: task.pid, uid: task.credentials.ruid });
}
