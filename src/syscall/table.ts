/**
 * The system call table: every call of x86-64, assembled from the families' own rows. A number without a row is not a
 * call of Linux either.
 */
import { assert } from "../base/assert.ts";
import { absentRows } from "./absent.ts";
import { attributeRows } from "./attributes.ts";
import { directoryRows } from "./directory.ts";
import { descriptorRows } from "./descriptor.ts";
import { eventfdRows } from "./eventfd.ts";
import { epollRows } from "./epoll.ts";
import { ioctlRows } from "./ioctl.ts";
import { pollRows } from "./poll.ts";
import { socketRows } from "./socket.ts";
import { memfdRows } from "./memfd.ts";
import { mountRows } from "./mount.ts";
import { inotifyRows } from "./inotify.ts";
import { fileRows } from "./file.ts";
import { futexRows } from "./futex.ts";
import { identityRows } from "./identity.ts";
import { memoryRows } from "./memory.ts";
import { processRows } from "./process.ts";
import { resourceRows } from "./resource.ts";
import { signalRows } from "./signal.ts";
import { systemRows } from "./system.ts";
import { timeRows } from "./time.ts";
import { signalfdRows } from "./signalfd.ts";
import { timerfdRows } from "./timerfd.ts";
import type { SyscallRow, SyscallTable } from "./types.ts";

const families: readonly (readonly SyscallRow[])[] = [
  fileRows,
  inotifyRows,
  mountRows,
  memfdRows,
  socketRows,
  pollRows,
  ioctlRows,
  epollRows,
  eventfdRows,
  descriptorRows,
  directoryRows,
  attributeRows,
  memoryRows,
  processRows,
  signalRows,
  timeRows,
  timerfdRows,
  signalfdRows,
  futexRows,
  identityRows,
  resourceRows,
  systemRows,
  absentRows,
];

export const syscallTable: SyscallTable = assemble(families);

function assemble(all: readonly (readonly SyscallRow[])[]): SyscallTable {
  const table: (SyscallRow | undefined)[] = [];
  for (const rows of all) {
    for (const row of rows) {
      assert(table[row.number] === undefined, `the call ${row.name} has one row`);
      table[row.number] = row;
    }
  }
  return table;
}
