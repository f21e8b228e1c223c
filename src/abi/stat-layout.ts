/** struct stat, statx, statfs and their constants (asm/stat.h, linux/stat.h, asm/statfs.h). */
import { struct } from "./struct.ts";

export const statLayout = struct({
  name: "struct stat",
  headers: ["sys/stat.h"],
  size: 144,
  members: {
    st_dev: [0, "u64"],
    st_ino: [8, "u64"],
    st_nlink: [16, "u64"],
    st_mode: [24, "u32"],
    st_uid: [28, "u32"],
    st_gid: [32, "u32"],
    st_rdev: [40, "u64"],
    st_size: [48, "s64"],
    st_blksize: [56, "s64"],
    st_blocks: [64, "s64"],
    "st_atim.tv_sec": [72, "s64"],
    "st_atim.tv_nsec": [80, "s64"],
    "st_mtim.tv_sec": [88, "s64"],
    "st_mtim.tv_nsec": [96, "s64"],
    "st_ctim.tv_sec": [104, "s64"],
    "st_ctim.tv_nsec": [112, "s64"],
  },
});

export const statxLayout = struct({
  name: "struct statx",
  headers: ["sys/stat.h"],
  size: 256,
  members: {
    stx_mask: [0, "u32"],
    stx_blksize: [4, "u32"],
    stx_attributes: [8, "u64"],
    stx_nlink: [16, "u32"],
    stx_uid: [20, "u32"],
    stx_gid: [24, "u32"],
    stx_mode: [28, "u16"],
    stx_ino: [32, "u64"],
    stx_size: [40, "u64"],
    stx_blocks: [48, "u64"],
    stx_attributes_mask: [56, "u64"],
    "stx_atime.tv_sec": [64, "s64"],
    "stx_atime.tv_nsec": [72, "u32"],
    "stx_btime.tv_sec": [80, "s64"],
    "stx_btime.tv_nsec": [88, "u32"],
    "stx_ctime.tv_sec": [96, "s64"],
    "stx_ctime.tv_nsec": [104, "u32"],
    "stx_mtime.tv_sec": [112, "s64"],
    "stx_mtime.tv_nsec": [120, "u32"],
    stx_rdev_major: [128, "u32"],
    stx_rdev_minor: [132, "u32"],
    stx_dev_major: [136, "u32"],
    stx_dev_minor: [140, "u32"],
    stx_mnt_id: [144, "u64"],
  },
});

/** stx_mask: the basic statistics, and the mount. Birth times are not kept. */
export const STATX = { BASIC_STATS: 0x7ff, MNT_ID: 0x1000, ATTR_MOUNT_ROOT: 0x2000 } as const;

export const statfsLayout = struct({
  name: "struct statfs",
  headers: ["sys/statfs.h"],
  size: 120,
  members: {
    f_type: [0, "s64"],
    f_bsize: [8, "s64"],
    f_blocks: [16, "u64"],
    f_bfree: [24, "u64"],
    f_bavail: [32, "u64"],
    f_files: [40, "u64"],
    f_ffree: [48, "u64"],
    "f_fsid.__val[0]": [56, "s32"],
    "f_fsid.__val[1]": [60, "s32"],
    f_namelen: [64, "s64"],
    f_frsize: [72, "s64"],
    f_flags: [80, "s64"],
  },
});

/** f_flags: linux/statfs.h. */
export const ST = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8, VALID: 0x20, RELATIME: 0x1000 } as const;

/** struct timespec and its special nanoseconds for utimensat(2). */
export const UTIME = { NOW: 0x3fffffff, OMIT: 0x3ffffffe } as const;
