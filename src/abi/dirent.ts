/** The entries of getdents(2) and getdents64(2): a header, then the name. */

/** struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name. */
export const dirent64 = { d_ino: 0, d_off: 8, d_reclen: 16, d_type: 18, d_name: 19 } as const;
/** struct linux_dirent: as above without the type, which is the entry's last byte. */
export const dirent = { d_ino: 0, d_off: 8, d_reclen: 16, d_name: 18 } as const;
