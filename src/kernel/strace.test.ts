import { expect, test } from "vitest";
import { encodeUtf8 } from "../base/bytes.ts";
import { formatEnd, formatResult, formatSignal, quote } from "./strace.ts";
import { formatFlags } from "./strace-flags.ts";

test.each([
  ["open", 0, "O_RDONLY"],
  ["open", 0o2000102, "O_RDWR|O_CREAT|O_CLOEXEC"],
  ["open", 0o4010001, "O_WRONLY|O_SYNC"],
  ["prot", 0, "PROT_NONE"],
  ["prot", 5, "PROT_READ|PROT_EXEC"],
  ["map", 0x22, "MAP_PRIVATE|MAP_ANONYMOUS"],
  ["map", 0x22 | 0x10000000, "MAP_PRIVATE|MAP_ANONYMOUS|0x10000000"],
  ["futex", 0x189, "FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME"],
  ["access", 0, "F_OK"],
  ["clock", 1, "CLOCK_MONOTONIC"],
  ["no such set", -1, "0xffffffff"],
])("%s %i is %s", (set, value, text) => {
  expect(formatFlags(set, value)).toBe(text);
});

test("results, strings, signals and ends read as in strace", () => {
  expect(formatResult(0, 5)).toBe("5");
  expect(formatResult(9, 0x7f0000)).toBe("0x7f0000");
  expect(formatResult(2, -2)).toBe("-1 ENOENT");
  expect(quote(encodeUtf8('a"\n\u00e9\0'))).toBe('"a\\"\\n\\303\\251\\000"');
  expect(formatSignal({ signal: 11, code: 1, address: 0 })).toBe("SIGSEGV {si_signo=SIGSEGV, si_code=1, si_addr=NULL}");
  expect(formatEnd(0x300)).toBe("exited with 3");
  expect(formatEnd(9)).toBe("killed by SIGKILL");
});
