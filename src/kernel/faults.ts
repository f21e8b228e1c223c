/**
 * The two exceptions of the kernel, both private to it: user memory accessors throw them and the dispatcher catches
 * them, so handlers are written as if memory were always there.
 */
import { errno } from "../abi/errno.ts";

/** The page must come from storage: the dispatcher waits for `ready` and runs the handler again from the start. */
export class PageNeeded {
  readonly ready: Promise<unknown>;
  constructor(ready: Promise<unknown>) {
    this.ready = ready;
  }
}

/** The address is not the guest's to use so: the call returns -EFAULT (or what `error` says). */
export class UserFault {
  readonly error: number;
  constructor(error: number = errno.EFAULT) {
    this.error = error;
  }
}

/**
 * Results a handler may return when a signal ended its wait (Linux: include/linux/errno.h). Guests never see them:
 * signal delivery turns them into EINTR or a restart.
 */
export const restart = {
  /** Restart if the handler has SA_RESTART, or if no handler runs. */
  ERESTARTSYS: 512,
  /** Always restart. */
  ERESTARTNOINTR: 513,
  /** Restart only if no handler runs. */
  ERESTARTNOHAND: 514,
  /** As ERESTARTNOHAND, by way of restart_syscall(2) and the task's `restartBlock`. */
  ERESTART_RESTARTBLOCK: 516,
} as const;
