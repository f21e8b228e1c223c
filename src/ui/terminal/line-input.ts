/**
 * Input for a process that has no terminal: lines are edited here and sent when complete, as a terminal's canonical
 * mode does (termios(3)). Backspace, Ctrl-U, Ctrl-C and Ctrl-D work; everything else printable is text.
 */
import { encodeUtf8 } from "../../base/bytes.ts";

export interface LineInputTarget {
  readonly echo: (text: string) => void;
  readonly line: (bytes: Uint8Array) => void;
  readonly end: () => void;
  readonly interrupt: () => void;
}

export class LineInput {
  readonly #target: LineInputTarget;
  readonly #decoder = new TextDecoder();
  #line: string[] = [];

  constructor(target: LineInputTarget) {
    this.#target = target;
  }

  input(bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true });
    // Cursor keys and the like have no meaning in a line without a terminal.
    if (text.startsWith("\x1b")) return;
    for (const character of text) this.#take(character);
  }

  #take(character: string): void {
    const { echo, line, end, interrupt } = this.#target;
    if (character === "\r" || character === "\n") {
      echo("\r\n");
      line(encodeUtf8(`${this.#line.join("")}\n`));
      this.#line = [];
    } else if (character === "\x7f" || character === "\b") {
      if (this.#line.pop() !== undefined) echo("\b \b");
    } else if (character === "\x15") {
      echo("\b \b".repeat(this.#line.length));
      this.#line = [];
    } else if (character === "\x03") {
      echo("^C\r\n");
      this.#line = [];
      interrupt();
    } else if (character === "\x04") {
      // At the start of a line it ends the input, otherwise it sends what is there.
      if (this.#line.length === 0) end();
      else line(encodeUtf8(this.#line.join("")));
      this.#line = [];
    } else if (character >= " " || character === "\t") {
      this.#line.push(character);
      echo(character);
    }
  }
}
