/** A terminal screen, as the page uses it: `xterm.ts` makes one. */
export interface TerminalView {
  readonly element: HTMLElement;
  /** Resolves when the screen has taken the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  focus(): void;
  /** As if the key were pressed; for screens without a keyboard. */
  press(key: TouchKey): void;
  /** Fits rows and columns to the element's size; does nothing while it is not shown. */
  fit(): void;
  /** Selects the next or previous place with this text; false when there is none. */
  find(text: string, backwards: boolean): boolean;
  /** Everything written, as plain text. */
  text(): string;
  setScreenReader(on: boolean): void;
  dispose(): void;
}

/** The keys a touch keyboard lacks. */
export const touchKeys = ["Esc", "Tab", "^C", "^D", "←", "↓", "↑", "→"] as const;
export type TouchKey = (typeof touchKeys)[number];

export interface TerminalOptions {
  readonly screenReader: boolean;
  /** For processes without a terminal: a line feed also returns to the first column. */
  readonly convertLineFeeds: boolean;
  readonly onInput: (bytes: Uint8Array) => void;
  readonly onResize: (columns: number, rows: number) => void;
}

/** The chord that leaves the terminal: no terminal program can tell it from Enter, no browser uses it. */
export const leaveChord = "Ctrl+Shift+Enter";
/** Fired on the terminal's element. */
export const leaveEvent = "wherry-terminal-leave";
export const findEvent = "wherry-terminal-find";
