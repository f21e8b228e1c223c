/** Mutexes a thread held when it ended (man 2 get_robust_list): each is marked, and one waiter is woken. */
import { FUTEX_BITSET_MATCH_ANY, futexKey } from "./futex.ts";
import { PageNeeded, UserFault } from "./faults.ts";
import type { Task } from "./task.ts";

const FUTEX_WAITERS = 0x80000000;
const FUTEX_OWNER_DIED = 0x40000000;
const FUTEX_TID_MASK = 0x3fffffff;
/** Linux's ROBUST_LIST_LIMIT: a list may be circular by accident or malice. */
const entriesMax = 2048;

export function releaseRobustMutexes(task: Task): void {
  if (task.robustList === 0) return;
  try {
    const head = task.robustList;
    const offset = task.user.readLong(head + 8);
    const pending = task.user.readNumber(head + 16);
    let entry = task.user.readNumber(head);
    for (let count = 0; entry !== head && count < entriesMax; count++) {
      // The lowest bit marks a priority-inheritance mutex.
      const address = entry - (entry % 2);
      const next = task.user.readNumber(address);
      if (address !== pending - (pending % 2)) releaseMutex(task, address + offset, false);
      entry = next;
    }
    if (pending !== 0) releaseMutex(task, pending - (pending % 2) + offset, true);
  } catch (error) {
    // A broken list is the program's own loss; a page that is not there holds no mutex anyone has locked.
    if (!(error instanceof UserFault || error instanceof PageNeeded)) throw error;
  }
}

function releaseMutex(task: Task, address: number, isPending: boolean): void {
  if (address % 4 !== 0) return;
  const value = task.user.readU32(address);
  if (isPending && value === 0) {
    task.kernel.futexes.wake(futexKey(task, address, false), 1, FUTEX_BITSET_MATCH_ANY);
    return;
  }
  if ((value & FUTEX_TID_MASK) !== task.tid) return;
  task.user.writeU32(address, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
  if ((value & FUTEX_WAITERS) !== 0)
    task.kernel.futexes.wake(futexKey(task, address, false), 1, FUTEX_BITSET_MATCH_ANY);
}
