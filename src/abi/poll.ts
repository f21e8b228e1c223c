/** poll.h, sys/epoll.h, sys/select.h, sys/eventfd.h. The event bits are `poll` of `vfs/types.ts`. */
import { struct } from "./struct.ts";

export const pollfdLayout = struct({
  name: "struct pollfd",
  headers: ["poll.h"],
  size: 8,
  members: { fd: [0, "s32"], events: [4, "s16"], revents: [6, "s16"] },
});

/** Packed on x86-64. */
export const epollEventLayout = struct({
  name: "struct epoll_event",
  headers: ["sys/epoll.h"],
  size: 12,
  members: { events: [0, "u32"], data: [4, "u64"] },
});

export const EPOLL = {
  CLOEXEC: 0o2000000,
  CTL_ADD: 1,
  CTL_DEL: 2,
  CTL_MOD: 3,
  /** Flags in `events`, beside the event bits. */
  EXCLUSIVE: 0x1000_0000,
  WAKEUP: 0x2000_0000,
  ONESHOT: 0x4000_0000,
  ET: 0x8000_0000,
} as const;

export const EFD = { SEMAPHORE: 1, CLOEXEC: 0o2000000, NONBLOCK: 0o4000 } as const;
