/** sys/inotify.h */
import { struct } from "./struct.ts";

export const IN = {
  ACCESS: 0x1,
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  ALL_EVENTS: 0xfff,
  UNMOUNT: 0x2000,
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  ONLYDIR: 0x0100_0000,
  DONT_FOLLOW: 0x0200_0000,
  EXCL_UNLINK: 0x0400_0000,
  MASK_CREATE: 0x1000_0000,
  MASK_ADD: 0x2000_0000,
  ISDIR: 0x4000_0000,
  ONESHOT: 0x8000_0000,
  CLOEXEC: 0o2000000,
  NONBLOCK: 0o4000,
} as const;

/** A NUL-padded name of `len` bytes follows. */
export const inotifyEventLayout = struct({
  name: "struct inotify_event",
  headers: ["sys/inotify.h"],
  size: 16,
  members: { wd: [0, "s32"], mask: [4, "u32"], cookie: [8, "u32"], len: [12, "u32"] },
});
