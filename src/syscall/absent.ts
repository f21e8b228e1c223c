/** Calls that no family has yet, or ever will: each with the reason, for the documentation. */
import { missing } from "./row.ts";
import type { SyscallName } from "./row.ts";

const reasons: readonly (readonly [why: string, names: readonly SyscallName[]])[] = [
  [
    "System V shared memory, semaphores and message queues",
    [
      "shmget",
      "shmat",
      "shmctl",
      "shmdt",
      "semget",
      "semop",
      "semctl",
      "semtimedop",
      "msgget",
      "msgsnd",
      "msgrcv",
      "msgctl",
    ],
  ],
  ["POSIX message queues", ["mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr"]],
  [
    "asynchronous input and output: libraries fall back to threads",
    [
      "io_setup",
      "io_destroy",
      "io_getevents",
      "io_pgetevents",
      "io_submit",
      "io_cancel",
      "io_uring_setup",
      "io_uring_enter",
      "io_uring_register",
    ],
  ],
  ["watching whole file systems", ["fanotify_init", "fanotify_mark"]],
  ["file handles", ["name_to_handle_at", "open_by_handle_at"]],
  ["mounting by descriptor", ["fsconfig", "fsmount", "fspick"]],
  ["disk quotas", ["quotactl", "quotactl_fd"]],
  ["there is one memory node", ["migrate_pages", "move_pages", "set_mempolicy_home_node"]],
  ["giving pages to a pipe", ["vmsplice"]],
  ["profilers", ["lookup_dcookie"]],
  ["freeing another process's memory", ["process_mrelease"]],
  ["loading another kernel", ["kexec_file_load"]],
  [
    "Linux itself no longer has it on x86-64",
    [
      "uselib",
      "ustat",
      "sysfs",
      "_sysctl",
      "create_module",
      "get_kernel_syms",
      "query_module",
      "nfsservctl",
      "getpmsg",
      "putpmsg",
      "afs_syscall",
      "tuxcall",
      "security",
      "set_thread_area",
      "get_thread_area",
      "epoll_ctl_old",
      "epoll_wait_old",
      "vserver",
    ],
  ],
];

export const absentRows = reasons.flatMap(([why, names]) => names.map((name) => missing(name, why)));
