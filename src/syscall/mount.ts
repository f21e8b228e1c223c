/** Mounting from inside: containers have no CAP_SYS_ADMIN, so Linux refuses, and so do we. */
import { errno } from "../abi/errno.ts";
import { missing, partial } from "./row.ts";
import type { SyscallRow } from "./types.ts";

const refuse = (): number => -errno.EPERM;
const note = "EPERM, as in a container without CAP_SYS_ADMIN";

export const mountRows: readonly SyscallRow[] = [
  partial("mount", refuse, ["address", "path", "address", "address", "address"], note),
  partial("umount2", refuse, ["path", "int"], note),
  partial("pivot_root", refuse, ["path", "path"], note),
  missing("open_tree", "no new mount interface"),
  missing("move_mount", "no new mount interface"),
  missing("fsopen", "no new mount interface"),
  missing("mount_setattr", "no new mount interface"),
];
