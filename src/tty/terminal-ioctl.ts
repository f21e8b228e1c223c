/** The requests both sides of a terminal answer the same way (man 4 tty_ioctl). */
import { errno } from "../abi/errno.ts";
import { ioctls } from "../abi/ioctl.ts";
import { member, encodeStruct } from "../abi/struct.ts";
import { TC, termioLayout, termios2Layout, termiosLayout, winsizeLayout } from "../abi/termios.ts";
import type { IoctlCaller, UserMemory } from "../vfs/types.ts";
import { jobSignal, type Terminal } from "./terminal.ts";
import type { Termios } from "./termios.ts";

/** Null when the request is none of these. */
export function terminalIoctl(
  terminal: Terminal,
  request: number,
  argument: number,
  memory: UserMemory,
  caller: IoctlCaller,
): number | null {
  switch (request) {
    case ioctls.TCGETS:
      memory.write(argument, terminal.discipline.termios.encode());
      return 0;
    case ioctls.TCGETS2:
      memory.write(argument, terminal.discipline.termios.encode2());
      return 0;
    case ioctls.TCGETA:
      memory.write(argument, terminal.discipline.termios.encodeSystemV());
      return 0;
    case ioctls.TCSETS:
    case ioctls.TCSETSW:
    case ioctls.TCSETSF:
      return set(terminal, caller, request === ioctls.TCSETSF, (termios) =>
        termios.decode(memory.read(argument, termiosLayout.size)),
      );
    case ioctls.TCSETS2:
    case ioctls.TCSETSW2:
    case ioctls.TCSETSF2:
      return set(terminal, caller, request === ioctls.TCSETSF2, (termios) =>
        termios.decode2(memory.read(argument, termios2Layout.size)),
      );
    case ioctls.TCSETA:
    case ioctls.TCSETAW:
    case ioctls.TCSETAF:
      return set(terminal, caller, request === ioctls.TCSETAF, (termios) =>
        termios.decodeSystemV(memory.read(argument, termioLayout.size)),
      );
    case ioctls.TIOCGWINSZ: {
      const { rows, columns, widthPixels, heightPixels } = terminal.window;
      const values = { ws_row: rows, ws_col: columns, ws_xpixel: widthPixels, ws_ypixel: heightPixels };
      memory.write(argument, encodeStruct(winsizeLayout, values));
      return 0;
    }
    case ioctls.TIOCSWINSZ: {
      const bytes = memory.read(argument, winsizeLayout.size);
      terminal.resize({
        rows: member(winsizeLayout, bytes, "ws_row"),
        columns: member(winsizeLayout, bytes, "ws_col"),
        widthPixels: member(winsizeLayout, bytes, "ws_xpixel"),
        heightPixels: member(winsizeLayout, bytes, "ws_ypixel"),
      });
      return 0;
    }
    case ioctls.TCXONC: {
      const allowed = terminal.checkForeground(caller, jobSignal.ttyOutput);
      if (allowed !== 0) return allowed;
      return flow(terminal, argument);
    }
    // Bytes leave at once, and there is no line to break.
    case ioctls.TCSBRK:
    case ioctls.TCSBRKP:
      return terminal.checkForeground(caller, jobSignal.ttyOutput);
    case ioctls.TIOCEXCL:
      terminal.exclusive = true;
      return 0;
    case ioctls.TIOCNXCL:
      terminal.exclusive = false;
      return 0;
    case ioctls.TIOCGEXCL:
      memory.write(argument, int(terminal.exclusive ? 1 : 0));
      return 0;
    case ioctls.TIOCGSOFTCAR:
      memory.write(argument, int(0));
      return 0;
    case ioctls.TIOCGETD:
      memory.write(argument, int(0));
      return 0;
    case ioctls.TIOCSETD:
      return new DataView(memory.read(argument, 4).buffer).getInt32(0, true) === 0 ? 0 : -errno.EINVAL;
    case ioctls.TIOCGDEV:
      memory.write(argument, int(terminal.rdev));
      return 0;
    case ioctls.TIOCSTI: {
      if (caller.controllingTerminal !== terminal && !caller.isPrivileged) return -errno.EPERM;
      terminal.type(memory.read(argument, 1));
      return 0;
    }
    case ioctls.TIOCVHANGUP:
      if (!caller.isPrivileged) return -errno.EPERM;
      terminal.hangUp();
      return 0;
    default:
      return null;
  }
}

function set(terminal: Terminal, caller: IoctlCaller, flush: boolean, change: (termios: Termios) => void): number {
  const allowed = terminal.checkForeground(caller, jobSignal.ttyOutput);
  if (allowed !== 0) return allowed;
  const termios = terminal.discipline.termios.copy();
  change(termios);
  if (flush) terminal.flushInput();
  terminal.setTermios(termios);
  return 0;
}

function flow(terminal: Terminal, action: number): number {
  switch (action) {
    case TC.OOFF:
      terminal.discipline.setFlow(true);
      return 0;
    case TC.OON:
      terminal.discipline.setFlow(false);
      return 0;
    // Sending STOP and START to the other side has no effect on a pty.
    case TC.IOFF:
    case TC.ION:
      return 0;
    default:
      return -errno.EINVAL;
  }
}

export function int(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}
