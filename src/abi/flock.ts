/** struct flock of fcntl(2). */
import { struct } from "./struct.ts";

export const flockLayout = struct({
  name: "struct flock",
  headers: ["fcntl.h"],
  size: 32,
  members: {
    l_type: [0, "s16"],
    l_whence: [2, "s16"],
    l_start: [8, "s64"],
    l_len: [16, "s64"],
    l_pid: [24, "s32"],
  },
});
