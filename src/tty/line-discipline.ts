/**
 * The line discipline of a terminal, as Linux's N_TTY: what typed bytes do (edit the line, echo, raise signals, stop
 * output) and what written bytes become. It knows nothing of files, processes or who is at the other end.
 *
 *     typed bytes  → receive → read buffer → read        (to the program)
 *                       ↓ echo
 *     display bytes ← output ← write                     (from the program)
 *
 * Sources: man 3 termios, man 4 tty_ioctl, and the behaviour of a Linux pty, which `line-discipline.test.ts` compares
 * with byte for byte.
 */
import { cc, iflag, lflag, oflag } from "../abi/termios.ts";
import type { ByteQueue } from "../base/byte-queue.ts";
import { Termios } from "./termios.ts";

/** Linux's N_TTY_BUF_SIZE: the longest line a program can be sent, plus one. */
const bufferBytes = 4096;
const bufferMask = bufferBytes - 1;
/** Marks the end of file in the read buffer: a NUL whose line-end flag is set. */
const endOfFile = 0;
/** Echo operations a stopped terminal keeps; Linux's echo buffer is as long as its read buffer. */
const echoesMax = 4096;
/** More than this many go out at once. */
const echoBlock = 256;

const charBackspace = 8;
const charTab = 9;
const charNewline = 10;
const charReturn = 13;
const charSpace = 32;
const charCaret = 0x5e;

/** An echo is a number: a byte to write as output is written, or one of these with a byte in the low half. */
const echoOp = { control: 0x100, raw: 0x200, moveBack: 0x300, setColumn: 0x400, eraseTab: 0x500 } as const;
/** In eraseTab: the characters before the tab start at a tab stop, not at the column the line began at. */
const afterTab = 0x80;

const ttySignal = { interrupt: 2, quit: 3, suspend: 20 } as const;

export interface DisciplineHost {
  /** To the foreground process group. */
  signal(signal: number): void;
  /** Bytes for the display; the discipline checks its room. */
  readonly output: ByteQueue;
  /** There is new output, or output may move again. */
  outputChanged(): void;
  /** Output nobody saw yet is thrown away, and the other side told. */
  flushOutput(): void;
  /** A reader may find something. */
  inputReady(): void;
  /** Output was stopped or started by a character. */
  flowChanged(stopped: boolean): void;
}

export class LineDiscipline {
  readonly #host: DisciplineHost;
  #termios: Termios;

  readonly #buffer = new Uint8Array(bufferBytes);
  /** 1 where a byte ends a line. */
  readonly #lineEnd = new Uint8Array(bufferBytes);
  // Positions count up forever; the mask makes indices of them.
  #head = 0;
  #tail = 0;
  /** Past the last complete line. */
  #canonHead = 0;
  #literalNext = false;
  #erasing = false;
  #column = 0;
  #canonColumn = 0;
  #echoes: number[] = [];
  /** ^S, or TCOOFF. */
  #stopped = false;
  #stoppedByCall = false;

  constructor(host: DisciplineHost, termios: Termios) {
    this.#host = host;
    this.#termios = termios;
  }

  get termios(): Termios {
    return this.#termios;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  // Settings

  setTermios(termios: Termios): void {
    const old = this.#termios;
    this.#termios = termios;
    if (((old.local ^ termios.local) & (lflag.ICANON | lflag.EXTPROC)) !== 0) {
      this.#lineEnd.fill(0);
      if (this.#canonical) {
        // What was typed before is a line of its own now.
        if (this.#head !== this.#tail) this.#lineEnd[(this.#head - 1) & bufferMask] = 1;
        this.#canonHead = this.#head;
      } else this.#canonHead = this.#tail;
      this.#erasing = false;
      this.#literalNext = false;
    }
    if ((termios.input & iflag.IXON) === 0 && (old.input & iflag.IXON) !== 0 && !this.#stoppedByCall) this.#start();
    this.#host.inputReady();
  }

  get #canonical(): boolean {
    return (this.#termios.local & lflag.ICANON) !== 0;
  }
  #local(flag: number): boolean {
    return (this.#termios.local & flag) !== 0;
  }
  #input(flag: number): boolean {
    return (this.#termios.input & flag) !== 0;
  }
  /** Compares with a control character; a character set to NUL is disabled. */
  #is(byte: number, index: number): boolean {
    return byte !== 0 && this.#termios.characters[index] === byte;
  }
  #isContinuation(byte: number): boolean {
    return (byte & 0xc0) === 0x80 && this.#input(iflag.IUTF8);
  }

  // Typed bytes

  /** Takes typed bytes and returns how many: fewer when the read buffer is full and a reader must come first. */
  receive(bytes: Uint8Array): number {
    let taken = 0;
    for (; taken < bytes.length; taken++) {
      let room = bufferBytes - (this.#head - this.#tail);
      if (this.#input(iflag.PARMRK)) room = Math.ceil(room / 3);
      if (--room <= 0) {
        // A line too long: its last byte is replaced, so that at least its end arrives.
        if (!this.#canonical || this.#canonHead !== this.#tail) break;
        if (room < 0) this.#head--;
      }
      this.#receiveByte(bytes[taken]!);
    }
    this.#flushEchoes();
    if (this.readable) this.#host.inputReady();
    return taken;
  }

  #receiveByte(byte: number): void {
    let c = byte;
    if (this.#input(iflag.ISTRIP)) c &= 0x7f;
    if (this.#input(iflag.IUCLC) && this.#local(lflag.IEXTEN)) c = toLower(c);
    if (this.#literalNext) {
      this.#literalNext = false;
      this.#receivePlain(c);
      return;
    }
    if (this.#local(lflag.EXTPROC)) {
      this.#put(c);
      return;
    }
    this.#receiveSpecial(c);
  }

  #receiveSpecial(byte: number): void {
    let c = byte;
    if (this.#input(iflag.IXON)) {
      if (this.#is(c, cc.VSTART)) {
        this.#start();
        return;
      }
      if (this.#is(c, cc.VSTOP)) {
        this.#stop();
        return;
      }
    }
    if (this.#local(lflag.ISIG)) {
      const signal = this.#is(c, cc.VINTR)
        ? ttySignal.interrupt
        : this.#is(c, cc.VQUIT)
          ? ttySignal.quit
          : this.#is(c, cc.VSUSP)
            ? ttySignal.suspend
            : 0;
      if (signal !== 0) {
        this.#receiveSignal(signal, c);
        return;
      }
    }
    if (this.#stopped && !this.#stoppedByCall && this.#input(iflag.IXON) && this.#input(iflag.IXANY)) this.#start();

    if (c === charReturn) {
      if (this.#input(iflag.IGNCR)) return;
      if (this.#input(iflag.ICRNL)) c = charNewline;
    } else if (c === charNewline && this.#input(iflag.INLCR)) c = charReturn;

    if (this.#canonical && this.#receiveEditing(c)) return;
    if (this.#local(lflag.ECHO)) {
      this.#finishErasing();
      // In raw mode a newline is a control character like others, unless a translation made or watches it.
      if (c === charNewline && (c !== byte || this.#input(iflag.INLCR))) this.#echo(echoOp.raw | c);
      else {
        if (this.#canonHead === this.#head) this.#echo(echoOp.setColumn);
        this.#echoByte(c);
      }
      this.#commitEchoes();
    }
    this.#putMarked(c);
  }

  /** The characters that edit or end a line. True when `c` was one. */
  #receiveEditing(c: number): boolean {
    const extended = this.#local(lflag.IEXTEN);
    if (this.#is(c, cc.VERASE) || this.#is(c, cc.VKILL) || (extended && this.#is(c, cc.VWERASE))) {
      this.#erase(c);
      this.#commitEchoes();
      return true;
    }
    if (extended && this.#is(c, cc.VLNEXT)) {
      this.#literalNext = true;
      if (this.#local(lflag.ECHO)) {
        this.#finishErasing();
        if (this.#local(lflag.ECHOCTL)) {
          this.#echo(echoOp.raw | charCaret);
          this.#echo(echoOp.raw | charBackspace);
          this.#commitEchoes();
        }
      }
      return true;
    }
    if (extended && this.#is(c, cc.VREPRINT) && this.#local(lflag.ECHO)) {
      this.#finishErasing();
      this.#echoByte(c);
      this.#echo(echoOp.raw | charNewline);
      for (let at = this.#canonHead; at !== this.#head; at++) this.#echoByte(this.#buffer[at & bufferMask]!);
      this.#commitEchoes();
      return true;
    }
    if (c === charNewline) {
      if (this.#local(lflag.ECHO) || this.#local(lflag.ECHONL)) {
        this.#echo(echoOp.raw | charNewline);
        this.#commitEchoes();
      }
      this.#endLine(c);
      return true;
    }
    if (this.#is(c, cc.VEOF)) {
      this.#endLine(endOfFile);
      return true;
    }
    if (this.#is(c, cc.VEOL) || (extended && this.#is(c, cc.VEOL2))) {
      if (this.#local(lflag.ECHO)) {
        if (this.#canonHead === this.#head) this.#echo(echoOp.setColumn);
        this.#echoByte(c);
        this.#commitEchoes();
      }
      if (c === 0xff && this.#input(iflag.PARMRK)) this.#put(c);
      this.#endLine(c);
      return true;
    }
    return false;
  }

  /** A byte with no special meaning, or quoted by LNEXT. */
  #receivePlain(c: number): void {
    if (this.#local(lflag.ECHO)) {
      this.#finishErasing();
      if (this.#canonHead === this.#head) this.#echo(echoOp.setColumn);
      this.#echoByte(c);
      this.#commitEchoes();
    }
    this.#putMarked(c);
  }

  #receiveSignal(signal: number, c: number): void {
    this.#host.signal(signal);
    if (!this.#local(lflag.NOFLSH)) {
      this.#echoes.length = 0;
      this.#host.flushOutput();
      this.flushInput();
    }
    if (this.#input(iflag.IXON)) this.#start();
    if (this.#local(lflag.ECHO)) this.#echoByte(c);
    this.#commitEchoes();
  }

  #putMarked(c: number): void {
    if (c === 0xff && this.#input(iflag.PARMRK)) this.#put(c);
    this.#put(c);
  }

  #put(c: number): void {
    const index = this.#head & bufferMask;
    this.#buffer[index] = c;
    this.#lineEnd[index] = 0;
    this.#head++;
  }

  #endLine(c: number): void {
    this.#put(c);
    this.#lineEnd[(this.#head - 1) & bufferMask] = 1;
    this.#canonHead = this.#head;
  }

  // Erasing

  #erase(c: number): void {
    if (this.#head === this.#canonHead) return;
    const kind = this.#is(c, cc.VERASE) ? "character" : this.#is(c, cc.VKILL) ? "line" : "word";
    const echo = this.#local(lflag.ECHO);
    if (kind === "line") {
      if (!echo) {
        this.#head = this.#canonHead;
        return;
      }
      if (!this.#local(lflag.ECHOK) || !this.#local(lflag.ECHOKE) || !this.#local(lflag.ECHOE)) {
        this.#head = this.#canonHead;
        this.#finishErasing();
        this.#echoByte(this.#termios.characters[cc.VKILL]!);
        if (this.#local(lflag.ECHOK)) this.#echo(echoOp.raw | charNewline);
        return;
      }
    }
    let seenWord = false;
    while (this.#head !== this.#canonHead) {
      let start = this.#head;
      let first: number;
      do {
        start--;
        first = this.#buffer[start & bufferMask]!;
      } while (this.#isContinuation(first) && start !== this.#canonHead);
      // The beginning of this UTF-8 character is not in the line: leave the rest of it alone.
      if (this.#isContinuation(first)) break;
      if (kind === "word") {
        if (isAlphanumeric(first) || first === 0x5f) seenWord = true;
        else if (seenWord) break;
      }
      const end = this.#head;
      this.#head = start;
      if (echo) this.#echoErased(kind, first, start, end);
      if (kind === "character") break;
    }
    if (this.#head === this.#canonHead && echo) this.#finishErasing();
  }

  #echoErased(kind: "character" | "word" | "line", first: number, start: number, end: number): void {
    if (this.#local(lflag.ECHOPRT)) {
      if (!this.#erasing) {
        this.#echo(echoOp.raw | 0x5c);
        this.#erasing = true;
      }
      this.#echoByte(first);
      for (let at = start + 1; at < end; at++) {
        this.#echo(echoOp.raw | this.#buffer[at & bufferMask]!);
        this.#echo(echoOp.moveBack);
      }
    } else if (kind === "character" && !this.#local(lflag.ECHOE)) {
      this.#echoByte(this.#termios.characters[cc.VERASE]!);
    } else if (first === charTab) {
      this.#echoErasedTab();
    } else {
      const control = isControl(first);
      if (control && this.#local(lflag.ECHOCTL)) this.#echoRubout();
      if (!control || this.#local(lflag.ECHOCTL)) this.#echoRubout();
    }
  }

  #echoRubout(): void {
    this.#echo(echoOp.raw | charBackspace);
    this.#echo(echoOp.raw | charSpace);
    this.#echo(echoOp.raw | charBackspace);
  }

  /** How far a tab reached depends on what stands before it, back to another tab or the start of the line. */
  #echoErasedTab(): void {
    let characters = 0;
    let flag = 0;
    for (let at = this.#head; at !== this.#canonHead;) {
      const c = this.#buffer[--at & bufferMask]!;
      if (c === charTab) {
        flag = afterTab;
        break;
      }
      if (isControl(c)) {
        if (this.#local(lflag.ECHOCTL)) characters += 2;
      } else if (!this.#isContinuation(c)) characters++;
    }
    this.#echo(echoOp.eraseTab | (characters & 7) | flag);
  }

  #finishErasing(): void {
    if (!this.#erasing) return;
    this.#echo(echoOp.raw | 0x2f);
    this.#erasing = false;
  }

  // Echo

  #echo(op: number): void {
    if (this.#echoes.length < echoesMax) this.#echoes.push(op);
  }

  #echoByte(c: number): void {
    if (this.#local(lflag.ECHOCTL) && isControl(c) && c !== charTab) this.#echo(echoOp.control | c);
    else this.#echo(echoOp.raw | c);
  }

  /** Echoes of bytes that came together go out together: a ^S among them stops them all. */
  #commitEchoes(): void {
    if (this.#echoes.length >= echoBlock) this.#flushEchoes();
  }

  #flushEchoes(): void {
    if (this.#stopped || this.#echoes.length === 0) return;
    let done = 0;
    for (; done < this.#echoes.length; done++) if (!this.#writeEcho(this.#echoes[done]!)) break;
    if (done === 0) return;
    this.#echoes.splice(0, done);
    this.#host.outputChanged();
  }

  /** False when the output has no room for it yet. */
  #writeEcho(op: number): boolean {
    const output = this.#host.output;
    const byte = op & 0xff;
    switch (op & 0xf00) {
      case echoOp.control:
        if (output.room < 2) return false;
        output.pushByte(charCaret);
        output.pushByte(byte ^ 0x40);
        this.#column += 2;
        return true;
      case echoOp.raw:
        if ((this.#termios.output & oflag.OPOST) !== 0) return this.#processOutput(byte);
        return output.pushByte(byte);
      case echoOp.moveBack:
        if (this.#column > 0) this.#column--;
        return true;
      case echoOp.setColumn:
        this.#canonColumn = this.#column;
        return true;
      default: {
        let characters = byte & ~afterTab;
        if ((byte & afterTab) === 0) characters += this.#canonColumn;
        const backspaces = 8 - (characters & 7);
        if (output.room < backspaces) return false;
        for (let i = 0; i < backspaces; i++) {
          output.pushByte(charBackspace);
          if (this.#column > 0) this.#column--;
        }
        return true;
      }
    }
  }

  // Written bytes

  /** Takes bytes a program writes and returns how many: fewer when output is stopped or full. */
  write(bytes: Uint8Array): number {
    this.#flushEchoes();
    if (this.#stopped || this.#echoes.length > 0) return 0;
    const output = this.#host.output;
    let taken = 0;
    if ((this.#termios.output & oflag.OPOST) === 0) taken = output.push(bytes);
    else {
      while (taken < bytes.length) {
        const run = this.#plainRun(bytes, taken);
        if (run > 0) {
          const pushed = output.push(bytes.subarray(taken, taken + run));
          this.#column += pushed;
          taken += pushed;
          if (pushed < run) break;
        } else {
          if (!this.#processOutput(bytes[taken]!)) break;
          taken++;
        }
      }
    }
    if (taken > 0) this.#host.outputChanged();
    return taken;
  }

  /** How many bytes from `start` on go out unchanged and take one column each. */
  #plainRun(bytes: Uint8Array, start: number): number {
    if ((this.#termios.output & oflag.OLCUC) !== 0) return 0;
    let at = start;
    while (at < bytes.length) {
      const c = bytes[at]!;
      if (c < charSpace || c >= 0x7f) break;
      at++;
    }
    return at - start;
  }

  #processOutput(byte: number): boolean {
    const output = this.#host.output;
    const flags = this.#termios.output;
    let c = byte;
    switch (c) {
      case charNewline:
        if ((flags & oflag.ONLRET) !== 0) this.#column = 0;
        if ((flags & oflag.ONLCR) !== 0) {
          if (output.room < 2) return false;
          this.#canonColumn = this.#column = 0;
          output.pushByte(charReturn);
          return output.pushByte(charNewline);
        }
        this.#canonColumn = this.#column;
        break;
      case charReturn:
        if ((flags & oflag.ONOCR) !== 0 && this.#column === 0) return true;
        if ((flags & oflag.OCRNL) !== 0) {
          c = charNewline;
          if ((flags & oflag.ONLRET) !== 0) this.#canonColumn = this.#column = 0;
        } else this.#canonColumn = this.#column = 0;
        break;
      case charTab: {
        const spaces = 8 - (this.#column & 7);
        if ((flags & oflag.TABDLY) === oflag.XTABS) {
          if (output.room < spaces) return false;
          for (let i = 0; i < spaces; i++) output.pushByte(charSpace);
          this.#column += spaces;
          return true;
        }
        if (output.room === 0) return false;
        this.#column += spaces;
        break;
      }
      case charBackspace:
        if (output.room === 0) return false;
        if (this.#column > 0) this.#column--;
        break;
      default:
        if (output.room === 0) return false;
        if (!isControl(c)) {
          if ((flags & oflag.OLCUC) !== 0) c = toUpper(c);
          if (!this.#isContinuation(c)) this.#column++;
        }
    }
    return output.pushByte(c);
  }

  /** The display took bytes: echoes that waited may go out. */
  outputDrained(): void {
    this.#flushEchoes();
  }

  // Flow control

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#host.flowChanged(true);
  }

  #start(): void {
    if (this.#stoppedByCall) return;
    if (this.#stopped) {
      this.#stopped = false;
      this.#host.flowChanged(false);
    }
    this.#flushEchoes();
    this.#host.outputChanged();
  }

  /** TCXONC's TCOOFF and TCOON. */
  setFlow(stopped: boolean): void {
    if (stopped) {
      this.#stop();
      this.#stoppedByCall = true;
    } else if (this.#stoppedByCall) {
      this.#stoppedByCall = false;
      this.#start();
    }
  }

  // Reading

  /** A read would return at least one byte or an end of file (in raw mode: one byte). */
  get readable(): boolean {
    return this.#lineMode ? this.#canonHead !== this.#tail : this.#head !== this.#tail;
  }

  get #lineMode(): boolean {
    return this.#canonical && !this.#local(lflag.EXTPROC);
  }

  /** Bytes a read could return now: FIONREAD. */
  get readableBytes(): number {
    if (!this.#lineMode) return this.#head - this.#tail;
    let count = this.#canonHead - this.#tail;
    for (let at = this.#tail; at !== this.#canonHead; at++) {
      const index = at & bufferMask;
      if (this.#lineEnd[index] === 1 && this.#buffer[index] === endOfFile) count--;
    }
    return count;
  }

  get isLineMode(): boolean {
    return this.#lineMode;
  }

  /** One line or what there is; 0 for an end of file. Call only when `readable`. */
  read(target: Uint8Array): number {
    if (target.length === 0) return 0;
    return this.#lineMode ? this.#readLine(target) : this.#readRaw(target);
  }

  #readRaw(target: Uint8Array): number {
    const count = Math.min(target.length, this.#head - this.#tail);
    for (let i = 0; i < count; i++) target[i] = this.#buffer[(this.#tail + i) & bufferMask]!;
    this.#tail += count;
    return count;
  }

  #readLine(target: Uint8Array): number {
    let count = 0;
    while (this.#tail !== this.#canonHead) {
      const index = this.#tail & bufferMask;
      const c = this.#buffer[index]!;
      const ends = this.#lineEnd[index] === 1;
      if (ends && c === endOfFile) {
        // An end of file right behind a full buffer is swallowed: it only ended this read.
        this.#lineEnd[index] = 0;
        this.#tail++;
        return count;
      }
      if (count === target.length) break;
      target[count++] = c;
      this.#tail++;
      if (ends) {
        this.#lineEnd[index] = 0;
        break;
      }
    }
    return count;
  }

  /** TCFLSH's TCIFLUSH. */
  flushInput(): void {
    this.#head = this.#tail = this.#canonHead = 0;
    this.#lineEnd.fill(0);
    this.#erasing = false;
    this.#literalNext = false;
  }

  /** TCFLSH's TCOFLUSH, echoes included. */
  flushEchoes(): void {
    this.#echoes.length = 0;
  }
}

function isControl(c: number): boolean {
  return c < 0x20 || c === 0x7f;
}

/** As the kernel's table has it: ASCII and Latin-1 letters. */
function isAlphanumeric(c: number): boolean {
  return (
    (c >= 0x30 && c <= 0x39) ||
    (c >= 0x41 && c <= 0x5a) ||
    (c >= 0x61 && c <= 0x7a) ||
    (c >= 0xc0 && c !== 0xd7 && c !== 0xf7)
  );
}

function toLower(c: number): number {
  return (c >= 0x41 && c <= 0x5a) || (c >= 0xc0 && c <= 0xde && c !== 0xd7) ? c + 0x20 : c;
}

function toUpper(c: number): number {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0xe0 && c <= 0xfe && c !== 0xf7) ? c - 0x20 : c;
}
