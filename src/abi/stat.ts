/** File types and mode bits (linux/stat.h, man 7 inode). */
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;
export const S_IXGRP = 0o010;

/** A device number as st_rdev has it in its low 32 bits (sys/sysmacros.h: 12-bit major, 20-bit minor here). */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

export function deviceMajor(device: number): number {
  return (device >>> 8) & 0xfff;
}

export function deviceMinor(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}
