/** The settings of one terminal: Linux's `struct ktermios`, with the conversions to and from what ioctls carry. */
import {
  cc,
  cflag,
  controlCharacters,
  iflag,
  lflag,
  oflag,
  termioLayout,
  termios2Layout,
  termiosLayout,
} from "../abi/termios.ts";
import { encodeStruct, member } from "../abi/struct.ts";

const speeds: readonly number[] = [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400];
/** B57600 and up: CBAUDEX set. */
const highSpeeds: readonly number[] = [
  0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000,
  3500000, 4000000,
];

export class Termios {
  input = iflag.ICRNL | iflag.IXON;
  output = oflag.OPOST | oflag.ONLCR;
  control = cflag.B38400 | cflag.CS8 | cflag.CREAD;
  local =
    lflag.ISIG | lflag.ICANON | lflag.ECHO | lflag.ECHOE | lflag.ECHOK | lflag.ECHOCTL | lflag.ECHOKE | lflag.IEXTEN;
  line = 0;
  characters = new Uint8Array(controlCharacters);
  inputSpeed = 38400;
  outputSpeed = 38400;

  constructor() {
    const c = this.characters;
    c[cc.VINTR] = 0x03;
    c[cc.VQUIT] = 0x1c;
    c[cc.VERASE] = 0x7f;
    c[cc.VKILL] = 0x15;
    c[cc.VEOF] = 0x04;
    c[cc.VMIN] = 1;
    c[cc.VSTART] = 0x11;
    c[cc.VSTOP] = 0x13;
    c[cc.VSUSP] = 0x1a;
    c[cc.VREPRINT] = 0x12;
    c[cc.VDISCARD] = 0x0f;
    c[cc.VWERASE] = 0x17;
    c[cc.VLNEXT] = 0x16;
  }

  /** A terminal's other side: nothing is edited, echoed or translated. */
  static raw(): Termios {
    const termios = new Termios();
    termios.input = termios.output = termios.local = 0;
    return termios;
  }

  copy(): Termios {
    const copy = new Termios();
    copy.input = this.input;
    copy.output = this.output;
    copy.control = this.control;
    copy.local = this.local;
    copy.line = this.line;
    copy.characters.set(this.characters);
    copy.inputSpeed = this.inputSpeed;
    copy.outputSpeed = this.outputSpeed;
    return copy;
  }

  /** TCGETS. */
  encode(): Uint8Array {
    const bytes = encodeStruct(termiosLayout, this.#flags());
    bytes.set(this.characters, termiosLayout.members.c_cc[0]);
    return bytes;
  }

  /** TCGETS2. */
  encode2(): Uint8Array {
    const bytes = encodeStruct(termios2Layout, {
      ...this.#flags(),
      c_ispeed: this.inputSpeed,
      c_ospeed: this.outputSpeed,
    });
    bytes.set(this.characters, termios2Layout.members.c_cc[0]);
    return bytes;
  }

  /** TCGETA. */
  encodeSystemV(): Uint8Array {
    const bytes = encodeStruct(termioLayout, this.#flags());
    bytes.set(this.characters.subarray(0, 8), termioLayout.members.c_cc[0]);
    return bytes;
  }

  #flags() {
    return {
      c_iflag: this.input,
      c_oflag: this.output,
      c_cflag: this.control,
      c_lflag: this.local,
      c_line: this.line,
    };
  }

  /** TCSETS. */
  decode(bytes: Uint8Array): void {
    this.input = member(termiosLayout, bytes, "c_iflag");
    this.output = member(termiosLayout, bytes, "c_oflag");
    this.control = member(termiosLayout, bytes, "c_cflag");
    this.local = member(termiosLayout, bytes, "c_lflag");
    this.line = member(termiosLayout, bytes, "c_line");
    this.characters.set(bytes.subarray(termiosLayout.members.c_cc[0], termiosLayout.size));
    this.#speedFromFlags();
  }

  /** TCSETS2: the speeds count only with BOTHER. */
  decode2(bytes: Uint8Array): void {
    this.decode(bytes);
    if ((this.control & cflag.CBAUD) !== cflag.BOTHER) return;
    this.inputSpeed = member(termios2Layout, bytes, "c_ispeed");
    this.outputSpeed = member(termios2Layout, bytes, "c_ospeed");
  }

  /** TCSETA: the high halves of the flags stay. */
  decodeSystemV(bytes: Uint8Array): void {
    this.input = setLow(this.input, member(termioLayout, bytes, "c_iflag"));
    this.output = setLow(this.output, member(termioLayout, bytes, "c_oflag"));
    this.control = setLow(this.control, member(termioLayout, bytes, "c_cflag"));
    this.local = setLow(this.local, member(termioLayout, bytes, "c_lflag"));
    this.line = member(termioLayout, bytes, "c_line");
    this.characters.set(bytes.subarray(termioLayout.members.c_cc[0], termioLayout.members.c_cc[0] + 8));
    this.#speedFromFlags();
  }

  #speedFromFlags(): void {
    const code = this.control & cflag.CBAUD;
    if (code === cflag.BOTHER) return;
    const speed = ((code & cflag.BOTHER) === 0 ? speeds[code] : highSpeeds[code & 0xf]) ?? 0;
    this.inputSpeed = this.outputSpeed = speed;
  }
}

function setLow(old: number, low: number): number {
  return (old & ~0xffff) | low;
}
