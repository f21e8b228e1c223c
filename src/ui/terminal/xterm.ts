/**
 * The terminal screen: the one door to xterm.js and its addons, loaded when the first terminal opens.
 *
 * It takes Tab and Escape, as terminals must, so it is kept out of the page's tab order; its pane is the stop, Enter
 * goes in and `leaveChord` comes out. Ctrl+C copies while something is selected and is the program's otherwise.
 */
import "@xterm/xterm/css/xterm.css";
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";
import { encodeUtf8 } from "../../base/bytes.ts";
import { findEvent, leaveEvent } from "./types.ts";
import type { TerminalOptions, TerminalView, TouchKey } from "./types.ts";

const theme = {
  background: "#0d161c",
  foreground: "#e3e9eb",
  cursor: "#f2a65e",
  cursorAccent: "#0d161c",
  selectionBackground: "#2f5563",
  black: "#1c2a33",
  red: "#f2867c",
  green: "#8fd0a0",
  yellow: "#e9c46a",
  blue: "#7fb4e8",
  magenta: "#d2a3e0",
  cyan: "#6cc7bd",
  white: "#d5dee2",
  brightBlack: "#7c909b",
  brightRed: "#ff9f95",
  brightGreen: "#a9e3b8",
  brightYellow: "#f5d98a",
  brightBlue: "#a3cdf7",
  brightMagenta: "#e4bff0",
  brightCyan: "#8fded5",
  brightWhite: "#ffffff",
};

export function openTerminal(options: TerminalOptions): TerminalView {
  const terminal = new Terminal({
    allowProposedApi: true,
    convertEol: options.convertLineFeeds,
    cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
    fontSize: 14,
    lineHeight: 1.15,
    // WCAG AA for text, whatever colours a program picks.
    minimumContrastRatio: 4.5,
    screenReaderMode: options.screenReader,
    scrollback: 10_000,
    theme,
  });
  const [fit, search] = [new FitAddon(), new SearchAddon()];
  terminal.loadAddon(fit);
  terminal.loadAddon(search);
  terminal.loadAddon(new UnicodeGraphemesAddon());
  terminal.loadAddon(new WebLinksAddon((_event, address) => window.open(address, "_blank", "noopener,noreferrer")));

  const element = document.createElement("div");
  element.className = "terminal-screen";
  terminal.attachCustomKeyEventHandler((event) => handleKey(event, terminal, element));
  terminal.onData((text) => options.onInput(encodeUtf8(text)));
  terminal.onBinary((text) => options.onInput(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  terminal.onResize(({ cols, rows }) => options.onResize(cols, rows));

  let opened = false;
  return {
    element,
    write: (bytes) => new Promise((resolve) => terminal.write(bytes, resolve)),
    focus: () => terminal.focus(),
    press(key) {
      terminal.input(keySequence(key, terminal.modes.applicationCursorKeysMode));
      terminal.focus();
    },
    fit() {
      if (element.offsetWidth === 0 || element.offsetHeight === 0) return;
      if (!opened) {
        opened = true;
        terminal.open(element);
        // The pane around it is the tab stop.
        if (terminal.textarea !== undefined) terminal.textarea.tabIndex = -1;
      }
      fit.fit();
      // A fit that changes nothing tells nobody, but the process must learn its first size.
      options.onResize(terminal.cols, terminal.rows);
    },
    find(text, backwards) {
      if (text === "") {
        search.clearDecorations();
        return true;
      }
      return backwards ? search.findPrevious(text) : search.findNext(text);
    },
    text: () => bufferText(terminal),
    setScreenReader(on) {
      terminal.options.screenReaderMode = on;
    },
    dispose() {
      terminal.dispose();
      element.remove();
    },
  };
}

/** What the key sends (ECMA-48; xterm's cursor keys follow DECCKM). */
function keySequence(key: TouchKey, applicationCursorKeys: boolean): string {
  const cursor = applicationCursorKeys ? "\x1bO" : "\x1b[";
  const sequences: Record<TouchKey, string> = {
    Esc: "\x1b",
    Tab: "\t",
    "^C": "\x03",
    "^D": "\x04",
    "←": `${cursor}D`,
    "↓": `${cursor}B`,
    "↑": `${cursor}A`,
    "→": `${cursor}C`,
  };
  return sequences[key];
}

/** The scrollback and the screen; lines the terminal wrapped are whole again. */
function bufferText(terminal: Terminal): string {
  const buffer = terminal.buffer.normal;
  let text = "";
  for (let row = 0; row < buffer.length; row++) {
    const line = buffer.getLine(row);
    if (line === undefined) break;
    if (row > 0 && !line.isWrapped) text += "\n";
    text += line.translateToString(true);
  }
  return `${text.trimEnd()}\n`;
}

/** False: the key is dealt with and does not reach the program. */
function handleKey(event: KeyboardEvent, terminal: Terminal, element: HTMLElement): boolean {
  if (event.type !== "keydown" || !event.ctrlKey || event.altKey || event.metaKey) return true;
  const key = event.key.toLowerCase();
  if (event.shiftKey && key === "enter") {
    event.preventDefault();
    element.dispatchEvent(new CustomEvent(leaveEvent, { bubbles: true }));
    return false;
  }
  if (event.shiftKey && key === "f") {
    event.preventDefault();
    element.dispatchEvent(new CustomEvent(findEvent, { bubbles: true }));
    return false;
  }
  if (key === "c" && (event.shiftKey || terminal.hasSelection())) {
    event.preventDefault();
    void navigator.clipboard?.writeText(terminal.getSelection()).catch(() => {});
    terminal.clearSelection();
    return false;
  }
  // Left to the browser, which pastes it as plain text.
  return !(key === "v" && event.shiftKey);
}
