/** One thread of a guest process. Placeholder of the interface the system call rows see; filled in by the kernel room. */
export interface Task {
  readonly pid: number;
}
