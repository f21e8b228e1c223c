/** Stands for `vfs/namespace.ts` until that file is there. */
export type Namespace = object;
