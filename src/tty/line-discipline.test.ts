/**
 * Each case runs on a real Linux pty (through python3) and on ours: what the display shows and what reads return must
 * be equal, byte for byte.
 */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { errno } from "../abi/errno.ts";
import { O_NONBLOCK, O_RDWR } from "../abi/fcntl.ts";
import { cc, iflag, lflag, oflag } from "../abi/termios.ts";
import type { Inode } from "../vfs/types.ts";
import { TerminalFile } from "./terminal-file.ts";
import { Terminal } from "./terminal.ts";

type Step =
  | { readonly type: string }
  | { readonly write: string }
  | { readonly read: number }
  | { readonly fionread: true }
  | { readonly set: Settings };

interface Settings {
  readonly iflagSet?: number;
  readonly iflagClear?: number;
  readonly oflagSet?: number;
  readonly oflagClear?: number;
  readonly lflagSet?: number;
  readonly lflagClear?: number;
  readonly cc?: Readonly<Record<number, number>>;
}

const rawLocal = lflag.ICANON | lflag.ECHO | lflag.ISIG | lflag.IEXTEN;

const cases: Record<string, readonly Step[]> = {
  "a line": [{ type: "hello\r" }, { read: 100 }, { read: 100 }],
  "a line in pieces": [{ type: "hello world\n" }, { read: 3 }, { read: 3 }, { read: 100 }, { read: 5 }],
  "two lines": [{ type: "one\ntwo\nthr" }, { fionread: true }, { read: 100 }, { read: 100 }, { read: 100 }],
  erase: [{ type: "abc\x7f\x7fd\r" }, { read: 100 }],
  "erase at the start": [{ type: "\x7f\x7fa\x7f\x7f\r" }, { read: 100 }],
  "erase a control character": [{ type: "a\x01\x02\x7f\x7f\x7f\x7fz\r" }, { read: 100 }],
  "erase a tab": [{ type: "ab\tcd\x7f\x7f\x7fx\r" }, { read: 100 }],
  "erase tabs after tabs": [{ type: "a\t\tb\x7f\x7f\x7f\x7f\r" }, { read: 100 }],
  "erase a tab behind a prompt": [{ write: "prompt> " }, { type: "a\t\x7f\x7f\r" }, { read: 100 }],
  "erase a tab behind a control character": [{ type: "\x01b\t\x7f\r" }, { read: 100 }],
  "word erase": [{ type: "foo bar.baz  \x17\x17qux\r" }, { read: 100 }],
  "word erase all": [{ type: "foo \x17\x17a_b-c\x17\r" }, { read: 100 }],
  kill: [{ type: "some text\x15ok\r" }, { read: 100 }],
  "kill without ECHOKE": [{ set: { lflagClear: lflag.ECHOKE } }, { type: "some text\x15ok\r" }, { read: 100 }],
  "kill without ECHOK": [
    { set: { lflagClear: lflag.ECHOKE | lflag.ECHOK } },
    { type: "some text\x15ok\r" },
    { read: 100 },
  ],
  "no echo": [{ set: { lflagClear: lflag.ECHO } }, { type: "secret\x7f\x15word\r" }, { read: 100 }],
  "no echo but newline": [
    { set: { lflagClear: lflag.ECHO, lflagSet: lflag.ECHONL } },
    { type: "secret\r" },
    { read: 100 },
  ],
  "no ECHOE": [{ set: { lflagClear: lflag.ECHOE } }, { type: "abc\x7f\x7fd\r" }, { read: 100 }],
  "no ECHOCTL": [{ set: { lflagClear: lflag.ECHOCTL } }, { type: "a\x01\x02\x7f\x7f\x16\x03\r" }, { read: 100 }],
  "printed erase": [{ set: { lflagSet: lflag.ECHOPRT } }, { type: "abcd\x7f\x7fxy\x17\x17z\r" }, { read: 100 }],
  "end of file": [{ type: "\x04" }, { read: 100 }, { read: 100 }],
  "end of file behind text": [{ type: "abc\x04" }, { read: 100 }, { read: 100 }],
  "end of file behind exactly what is read": [{ type: "abc\x04" }, { read: 3 }, { read: 3 }],
  "end of file behind more than is read": [{ type: "abcd\x04" }, { read: 3 }, { read: 3 }, { read: 3 }],
  "two ends of file": [{ type: "a\x04\x04\n" }, { read: 9 }, { read: 9 }, { read: 9 }, { read: 9 }],
  "literal next": [{ type: "a\x16\x03b\x16\x7f\x16\rc\r" }, { read: 100 }],
  "literal next without IEXTEN": [{ set: { lflagClear: lflag.IEXTEN } }, { type: "a\x16\x17b\r" }, { read: 100 }],
  reprint: [{ type: "abc\x01\x12d\r" }, { read: 100 }],
  "other line ends": [
    { set: { cc: { [cc.VEOL]: 0x3b, [cc.VEOL2]: 0x7c } } },
    { type: "a;b|c\r" },
    { read: 100 },
    { read: 100 },
    { read: 100 },
  ],
  interrupt: [{ type: "abc\x03def\r" }, { read: 100 }],
  "interrupt without flush": [{ set: { lflagSet: lflag.NOFLSH } }, { type: "abc\x03def\r" }, { read: 100 }],
  "quit and suspend": [{ type: "x\x1cy\x1az\r" }, { read: 100 }],
  "disabled characters": [
    { set: { cc: { [cc.VINTR]: 0, [cc.VERASE]: 0 } } },
    { type: "a\x03\x7fb\x00c\r" },
    { read: 100 },
  ],
  "no signals": [{ set: { lflagClear: lflag.ISIG } }, { type: "a\x03\x1ab\r" }, { read: 100 }],
  "stop and start": [{ type: "ab\x13cd" }, { write: "shown later\n" }, { type: "ef\x11gh\r" }, { read: 100 }],
  "any key starts": [{ set: { iflagSet: iflag.IXANY } }, { type: "ab\x13" }, { type: "xy\r" }, { read: 100 }],
  "IXON off starts": [{ type: "a\x13b" }, { set: { iflagClear: iflag.IXON } }, { type: "\x13c\r" }, { read: 100 }],
  "carriage returns": [{ set: { iflagClear: iflag.ICRNL } }, { type: "a\rb\n" }, { read: 100 }],
  INLCR: [{ set: { iflagSet: iflag.INLCR, iflagClear: iflag.ICRNL } }, { type: "a\nb\rc\x04" }, { read: 100 }],
  IGNCR: [{ set: { iflagSet: iflag.IGNCR } }, { type: "a\rb\n" }, { read: 100 }],
  "lower case": [{ set: { iflagSet: iflag.IUCLC } }, { type: "ABc\xc9\r" }, { read: 100 }],
  strip: [{ set: { iflagSet: iflag.ISTRIP } }, { type: "\xe1\x8d" }, { read: 100 }],
  "mark parity": [{ set: { iflagSet: iflag.PARMRK } }, { type: "a\xffb\r" }, { read: 100 }],
  "UTF-8 erase": [
    { set: { iflagSet: iflag.IUTF8 } },
    { type: "a\xc3\xa9\xe2\x82\xac\x7f\x7f\x7fb\xf0\x9f\x98\x80\x7f\r" },
    { read: 100 },
  ],
  "UTF-8 word erase": [{ set: { iflagSet: iflag.IUTF8 } }, { type: "x \xc3\xa9t\xc3\xa9\x17y\r" }, { read: 100 }],
  "bytes erased without IUTF8": [{ set: { iflagClear: iflag.IUTF8 } }, { type: "\xc3\xa9\x7f\r" }, { read: 100 }],
  "UTF-8 tab": [{ set: { iflagSet: iflag.IUTF8 } }, { type: "\xc3\xa9\xc3\xa9\t\x7fx\r" }, { read: 100 }],
  "a lone continuation byte": [{ set: { iflagSet: iflag.IUTF8 } }, { type: "\xa9\x7f\x7fx\r" }, { read: 100 }],
  "output newline": [{ write: "a\nb\r\nc\td\be\x1b[1m" }],
  "output untouched": [{ set: { oflagClear: oflag.OPOST } }, { write: "a\nb\tc\r" }],
  "output without ONLCR": [{ set: { oflagClear: oflag.ONLCR } }, { write: "ab\ncd\te" }],
  "output OCRNL": [{ set: { oflagSet: oflag.OCRNL } }, { write: "ab\rcd\r\n" }],
  "output ONOCR": [{ set: { oflagSet: oflag.ONOCR } }, { write: "\rab\r\rcd\n\rx" }],
  "output ONLRET": [{ set: { oflagSet: oflag.ONLRET | oflag.XTABS, oflagClear: oflag.ONLCR } }, { write: "abc\nd\te" }],
  "output OLCUC": [{ set: { oflagSet: oflag.OLCUC } }, { write: "abc\xe9Z\n" }],
  "tabs expanded": [{ set: { oflagSet: oflag.XTABS } }, { write: "\ta\tbcdefgh\ti\b\tj\rk\tl\n\t" }],
  "UTF-8 tabs expanded": [
    { set: { oflagSet: oflag.XTABS, iflagSet: iflag.IUTF8 } },
    { write: "\xc3\xa9\xc3\xa9\tx\n" },
  ],
  raw: [
    {
      set: {
        lflagClear: rawLocal,
        iflagClear: iflag.ICRNL | iflag.IXON,
        oflagClear: oflag.OPOST,
        cc: { [cc.VMIN]: 1, [cc.VTIME]: 0 },
      },
    },
    { type: "a\x03\x7f\r\n\x04" },
    { fionread: true },
    { read: 3 },
    { read: 100 },
    { read: 100 },
  ],
  "raw with echo": [{ set: { lflagClear: lflag.ICANON } }, { type: "a\x01\r\x7f\x15\x04\t" }, { read: 100 }],
  "raw with echo and newline": [
    { set: { lflagClear: lflag.ICANON, iflagClear: iflag.ICRNL } },
    { type: "a\nb\r" },
    { read: 100 },
  ],
  "raw INLCR echo": [{ set: { lflagClear: lflag.ICANON, iflagSet: iflag.INLCR } }, { type: "a\nb\r" }, { read: 100 }],
  "VMIN 0": [
    { set: { lflagClear: lflag.ICANON, cc: { [cc.VMIN]: 0, [cc.VTIME]: 0 } } },
    { read: 10 },
    { type: "ab" },
    { read: 10 },
  ],
  "raw to cooked": [
    { set: { lflagClear: lflag.ICANON } },
    { type: "ab" },
    { set: { lflagSet: lflag.ICANON } },
    { read: 100 },
    { type: "cd\r" },
    { read: 100 },
    { read: 100 },
  ],
  "cooked to raw": [{ type: "abc" }, { read: 10 }, { set: { lflagClear: lflag.ICANON } }, { read: 10 }],
  "a line of 5000": [
    { set: { lflagClear: lflag.ECHO } },
    { type: "0123456789".repeat(500) + "X\r" },
    { fionread: true },
    { read: 4000 },
    { read: 4000 },
    { read: 10 },
  ],
  "many lines": [
    { set: { lflagClear: lflag.ECHO } },
    { type: "0123456789\n".repeat(300) },
    { fionread: true },
    ...Array.from({ length: 4 }, () => ({ read: 4000 })),
  ],
};

/** Runs all cases side by side, a step at a time, so that the kernel's deferred echo costs one wait per step. */
const driver = `
import errno, fcntl, json, os, pty, select, sys, termios, time, tty, struct, array
cases = json.load(sys.stdin)
state = {}
for name, steps in cases.items():
    m, s = pty.openpty()
    a = termios.tcgetattr(s)
    a[0] = 0o2400; a[1] = 0o5; a[3] = 0o105073
    cc = a[6]
    for i, v in enumerate([3,0x1c,0x7f,0x15,4,0,1,0,0x11,0x13,0x1a,0,0x12,0xf,0x17,0x16,0]): cc[i] = bytes([v])
    termios.tcsetattr(s, termios.TCSANOW, a)
    os.set_blocking(m, False); os.set_blocking(s, False)
    state[name] = (m, s, [])
longest = max(len(x) for x in cases.values())
def drain(m):
    out = b''
    while True:
        try: d = os.read(m, 65536)
        except BlockingIOError: return out
        if not d: return out
        out += d
for i in range(longest):
    for name, steps in cases.items():
        if i >= len(steps): continue
        m, s, log = state[name]
        step = steps[i]
        if 'type' in step:
            os.write(m, step['type'].encode('latin-1')); log.append('typed')
        elif 'write' in step:
            try: log.append(os.write(s, step['write'].encode('latin-1')))
            except BlockingIOError: log.append('EAGAIN')
        elif 'read' in step:
            try: log.append(os.read(s, step['read']).decode('latin-1'))
            except BlockingIOError: log.append('EAGAIN')
        elif 'fionread' in step:
            buf = array.array('i', [0]); fcntl.ioctl(s, termios.FIONREAD, buf); log.append(buf[0])
        elif 'set' in step:
            v = step['set']
            a = termios.tcgetattr(s)
            a[0] = (a[0] | v.get('iflagSet', 0)) & ~v.get('iflagClear', 0)
            a[1] = (a[1] | v.get('oflagSet', 0)) & ~v.get('oflagClear', 0)
            a[3] = (a[3] | v.get('lflagSet', 0)) & ~v.get('lflagClear', 0)
            for k, x in v.get('cc', {}).items(): a[6][int(k)] = bytes([x])
            # A raw mode byte count comes back as a number and must go in as one.
            if not a[3] & termios.ICANON:
                for k in (termios.VMIN, termios.VTIME):
                    if isinstance(a[6][k], bytes): a[6][k] = a[6][k][0]
            else:
                for k in (termios.VMIN, termios.VTIME):
                    if isinstance(a[6][k], int): a[6][k] = bytes([a[6][k]])
            termios.tcsetattr(s, termios.TCSANOW, a); log.append('set')
    # Several naps, so that a machine that stood still for one lets the kernel's own threads run in the next.
    for nap in range(6): time.sleep(0.02)
    for name, steps in cases.items():
        if i < len(steps): state[name][2].append(drain(state[name][0]).decode('latin-1'))
json.dump({name: log for name, (m, s, log) in state.items()}, sys.stdout)
`;

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function fromLatin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function runOurs(steps: readonly Step[]): unknown[] {
  const terminal = new Terminal("test", 0, { signalGroup: () => {}, hangUpSession: () => {} });
  const file = new TerminalFile(terminal, {} as Inode, O_RDWR | O_NONBLOCK, null);
  const log: unknown[] = [];
  let unsent = new Uint8Array(0) as Uint8Array;
  const send = (): void => {
    unsent = unsent.subarray(terminal.type(unsent));
  };
  for (const step of steps) {
    if ("type" in step) {
      unsent = latin1(step.type);
      send();
      log.push("typed");
    } else if ("write" in step) {
      const count = file.write(latin1(step.write), null);
      log.push(count === -errno.EAGAIN ? "EAGAIN" : count);
    } else if ("read" in step) {
      const target = new Uint8Array(step.read);
      const count = file.read(target, null);
      log.push(count === -errno.EAGAIN ? "EAGAIN" : fromLatin1(target.subarray(0, count)));
      send();
    } else if ("fionread" in step) log.push(terminal.discipline.readableBytes);
    else {
      const termios = terminal.discipline.termios.copy();
      const v = step.set;
      termios.input = (termios.input | (v.iflagSet ?? 0)) & ~(v.iflagClear ?? 0);
      termios.output = (termios.output | (v.oflagSet ?? 0)) & ~(v.oflagClear ?? 0);
      termios.local = (termios.local | (v.lflagSet ?? 0)) & ~(v.lflagClear ?? 0);
      for (const [index, value] of Object.entries(v.cc ?? {})) termios.characters[Number(index)] = value;
      terminal.setTermios(termios);
      log.push("set");
    }
    const shown = new Uint8Array(terminal.output.length);
    terminal.output.pull(shown);
    terminal.outputTaken();
    log.push(fromLatin1(shown));
  }
  return log;
}

test("our line discipline does what Linux's does", () => {
  const child = spawnSync("python3", ["-c", driver], { input: JSON.stringify(cases), encoding: "utf8" });
  expect(child.stderr).toBe("");
  const theirs = JSON.parse(child.stdout) as Record<string, unknown[]>;
  const ours = Object.fromEntries(Object.entries(cases).map(([name, steps]) => [name, runOurs(steps)]));
  expect(ours).toEqual(theirs);
}, 60_000);
