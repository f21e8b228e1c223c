/** Short messages: shown in a corner, and spoken. Errors stay until dismissed; the rest go by themselves. */
import { WherryError } from "../../base/errors.ts";
import { hintFor } from "../hints.ts";
import { signal } from "../signals.ts";

export interface Notice {
  readonly id: number;
  readonly kind: "info" | "error";
  readonly text: string;
  readonly hint: string;
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

const infoMs = 4500;
/** Screen readers read each announcement to its end: more often than this is noise. */
const announceMs = 2000;

export class Notices {
  readonly list = signal<readonly Notice[]>([]);
  /** What the live region says now. */
  readonly spoken = signal("");
  #next = 1;
  #spokenAt = 0;
  #later: ReturnType<typeof setTimeout> | null = null;

  info(text: string, action: Notice["action"] = null): void {
    const id = this.#add({ kind: "info", text, hint: "", action });
    if (action === null) setTimeout(() => this.dismiss(id), infoMs);
  }

  /** A cancelled action is no error: the user asked for it. */
  error(reason: unknown, doing: string): void {
    const error = WherryError.from(reason);
    if (error.code === "cancelled") {
      this.info(`${doing}: cancelled.`);
      return;
    }
    this.#add({ kind: "error", text: `${doing}: ${error.message}`, hint: hintFor(error), action: null });
  }

  dismiss(id: number): void {
    this.list.value = this.list.value.filter((notice) => notice.id !== id);
  }

  /** Speaks at a capped rate; of what comes in between only the last is said. */
  announce(text: string): void {
    if (this.#later !== null) clearTimeout(this.#later);
    const wait = this.#spokenAt + announceMs - Date.now();
    const say = () => {
      this.#later = null;
      this.#spokenAt = Date.now();
      this.spoken.value = text;
    };
    if (wait <= 0) say();
    else this.#later = setTimeout(say, wait);
  }

  #add(notice: Omit<Notice, "id">): number {
    const id = this.#next++;
    this.list.value = [...this.list.value.slice(-3), { id, ...notice }];
    this.announce(`${notice.text} ${notice.hint}`);
    return id;
  }
}
