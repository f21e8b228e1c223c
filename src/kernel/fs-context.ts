/** Where a task is in the file tree (Linux: struct fs_struct). Shared by tasks made with CLONE_FS, copied by fork. */
import type { Dentry } from "../vfs/types.ts";
import type { Namespace } from "../vfs/namespace.ts";

export class FsContext {
  readonly namespace: Namespace;
  root: Dentry;
  cwd: Dentry;
  umask: number;

  constructor(namespace: Namespace, root: Dentry, cwd: Dentry, umask: number) {
    this.namespace = namespace;
    this.root = root;
    this.cwd = cwd;
    this.umask = umask;
  }

  copy(): FsContext {
    return new FsContext(this.namespace, this.root, this.cwd, this.umask);
  }
}
