/** Process groups and sessions: what job control works on (man 7 credentials, man 2 setsid). */
import type { ControllingTerminal } from "../vfs/types.ts";
import type { Process } from "./process.ts";

export class Session {
  readonly id: number;
  /** The terminal that controls the session, or null; the tty room keeps its foreground group. */
  terminal: ControllingTerminal | null = null;
  /** Null once the leader has ended. */
  leader: Process | null = null;

  constructor(id: number) {
    this.id = id;
  }
}

export class ProcessGroup {
  readonly id: number;
  readonly session: Session;
  readonly members = new Set<Process>();

  constructor(id: number, session: Session) {
    this.id = id;
    this.session = session;
  }

  /**
   * No member has a parent in another group of the same session: nobody could continue the group if it stopped, so
   * terminal stop signals do not stop it (POSIX: orphaned process group).
   */
  get isOrphaned(): boolean {
    for (const member of this.members) {
      const parent = member.parent;
      if (member.isZombie || parent === null) continue;
      if (parent.group !== this && parent.group.session === this.session) return false;
    }
    return true;
  }
}
