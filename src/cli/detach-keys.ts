/** Finds Ctrl-P Ctrl-Q in what is typed. A lone Ctrl-P is held back until the next key shows what it was. */
const ctrlP = 0x10;
const ctrlQ = 0x11;

export class DetachKeys {
  #held = false;

  /** What to pass on, and whether the sequence is complete: then nothing after it counts. */
  push(bytes: Uint8Array): { readonly pass: Uint8Array; readonly detached: boolean } {
    const out: number[] = [];
    for (const byte of bytes) {
      if (this.#held) {
        if (byte === ctrlQ) return { pass: Uint8Array.from(out), detached: true };
        out.push(ctrlP);
        this.#held = false;
      }
      if (byte === ctrlP) this.#held = true;
      else out.push(byte);
    }
    return { pass: Uint8Array.from(out), detached: false };
  }
}
