/** asm-generic/termbits.h and termios.h: the flags, control characters and structures of terminals. */
import { struct } from "./struct.ts";

export const iflag = {
  IGNBRK: 0o1,
  BRKINT: 0o2,
  IGNPAR: 0o4,
  PARMRK: 0o10,
  INPCK: 0o20,
  ISTRIP: 0o40,
  INLCR: 0o100,
  IGNCR: 0o200,
  ICRNL: 0o400,
  IUCLC: 0o1000,
  IXON: 0o2000,
  IXANY: 0o4000,
  IXOFF: 0o10000,
  IMAXBEL: 0o20000,
  IUTF8: 0o40000,
} as const;

export const oflag = {
  OPOST: 0o1,
  OLCUC: 0o2,
  ONLCR: 0o4,
  OCRNL: 0o10,
  ONOCR: 0o20,
  ONLRET: 0o40,
  OFILL: 0o100,
  OFDEL: 0o200,
  /** Both bits of the tab delay set: tabs become spaces (XTABS). */
  TABDLY: 0o14000,
  XTABS: 0o14000,
} as const;

export const cflag = {
  CBAUD: 0o10017,
  B0: 0,
  B38400: 0o17,
  BOTHER: 0o10000,
  CSIZE: 0o60,
  CS8: 0o60,
  CSTOPB: 0o100,
  CREAD: 0o200,
  PARENB: 0o400,
  PARODD: 0o1000,
  HUPCL: 0o2000,
  CLOCAL: 0o4000,
} as const;

export const lflag = {
  ISIG: 0o1,
  ICANON: 0o2,
  XCASE: 0o4,
  ECHO: 0o10,
  ECHOE: 0o20,
  ECHOK: 0o40,
  ECHONL: 0o100,
  NOFLSH: 0o200,
  TOSTOP: 0o400,
  ECHOCTL: 0o1000,
  ECHOPRT: 0o2000,
  ECHOKE: 0o4000,
  FLUSHO: 0o10000,
  PENDIN: 0o40000,
  IEXTEN: 0o100000,
  EXTPROC: 0o200000,
} as const;

/** Indices into c_cc. */
export const cc = {
  VINTR: 0,
  VQUIT: 1,
  VERASE: 2,
  VKILL: 3,
  VEOF: 4,
  VTIME: 5,
  VMIN: 6,
  VSWTC: 7,
  VSTART: 8,
  VSTOP: 9,
  VSUSP: 10,
  VEOL: 11,
  VREPRINT: 12,
  VDISCARD: 13,
  VWERASE: 14,
  VLNEXT: 15,
  VEOL2: 16,
} as const;

export const controlCharacters = 19;

/** The kernel's structures, smaller than the C library's `struct termios`. */
export const termiosLayout = struct({
  name: "struct termios",
  headers: ["asm/termbits.h"],
  size: 36,
  members: {
    c_iflag: [0, "u32"],
    c_oflag: [4, "u32"],
    c_cflag: [8, "u32"],
    c_lflag: [12, "u32"],
    c_line: [16, "u8"],
    c_cc: [17, "bytes"],
  },
});

export const termios2Layout = struct({
  name: "struct termios2",
  headers: ["asm/termbits.h"],
  size: 44,
  members: {
    c_iflag: [0, "u32"],
    c_oflag: [4, "u32"],
    c_cflag: [8, "u32"],
    c_lflag: [12, "u32"],
    c_line: [16, "u8"],
    c_cc: [17, "bytes"],
    c_ispeed: [36, "u32"],
    c_ospeed: [40, "u32"],
  },
});

/** The System V structure of TCGETA; 8 control characters, 16-bit flags. */
export const termioLayout = struct({
  name: "struct termio",
  headers: ["asm/termios.h"],
  size: 18,
  members: {
    c_iflag: [0, "u16"],
    c_oflag: [2, "u16"],
    c_cflag: [4, "u16"],
    c_lflag: [6, "u16"],
    c_line: [8, "u8"],
    c_cc: [9, "bytes"],
  },
});

export const winsizeLayout = struct({
  name: "struct winsize",
  headers: ["asm/termios.h"],
  size: 8,
  members: { ws_row: [0, "u16"], ws_col: [2, "u16"], ws_xpixel: [4, "u16"], ws_ypixel: [6, "u16"] },
});

/** First argument of TCFLSH, and of TCXONC. */
export const TC = { IFLUSH: 0, OFLUSH: 1, IOFLUSH: 2, OOFF: 0, OON: 1, IOFF: 2, ION: 3 } as const;

/** The first byte of a read in packet mode (man 2 ioctl_tty, TIOCPKT). */
export const packet = {
  DATA: 0,
  FLUSHREAD: 1,
  FLUSHWRITE: 2,
  STOP: 4,
  START: 8,
  NOSTOP: 16,
  DOSTOP: 32,
  IOCTL: 64,
} as const;
