/** Names of instructions that the processor does not have, for the message to the user. */
import { decoded, InstructionDecoder } from "./instruction.ts";

let newest: InstructionDecoder | undefined;

/** Of what x86-64-v3 has and the processor does not. */
function nameOfV3(bytes: Uint8Array): string | null {
  newest ??= new InstructionDecoder("x86-64-v3");
  const padded = new Uint8Array(16);
  padded.set(bytes.subarray(0, 15));
  return newest.decode(padded, 0, 15) === decoded.ok ? `${newest.parsed.row.name} (x86-64-v3)` : null;
}

/** Names of instructions no row implements, for the message that goes with SIGILL. */
export function nameInstruction(bytes: Uint8Array): string | null {
  let at = 0;
  let rep = 0;
  let byte = bytes[at++];
  for (; byte !== undefined; byte = bytes[at++]) {
    if (byte === 0xf2 || byte === 0xf3) rep = byte;
    else if (![0x66, 0x67, 0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65].includes(byte) && (byte & 0xf0) !== 0x40) break;
  }
  if (byte === undefined) return null;
  const next = bytes[at];
  if (byte === 0xc4 || byte === 0xc5) return nameOfV3(bytes) ?? "VEX-encoded instruction";
  if (byte === 0x62) return "EVEX-encoded instruction (AVX-512)";
  if (byte !== 0x0f) return null;
  if (next === undefined) return null;
  const third = bytes[at + 1] ?? -1;
  const digit2 = (third >> 3) & 7;
  switch (next) {
    case 0x01:
      return third === 0xd0 ? "XGETBV" : null;
    case 0x34:
      return "SYSENTER";
    case 0x35:
      return "SYSEXIT";
    case 0xaa:
      return "RSM";
    case 0xae:
      if (rep === 0xf3 && third >= 0xc0) return ["RDFSBASE", "RDGSBASE", "WRFSBASE", "WRGSBASE"][digit2] ?? null;
      return ["FXSAVE", "FXRSTOR", "LDMXCSR", "STMXCSR", "XSAVE", "XRSTOR", "XSAVEOPT", "CLFLUSHOPT"][digit2] ?? null;
    case 0xc7:
      if (rep === 0xf3 && digit2 === 7) return "RDPID";
      return ["", "", "", "XRSTORS", "XSAVEC", "XSAVES", "RDRAND", "RDSEED"][digit2] || null;
    case 0x38:
      return third === 0xf0 || third === 0xf1
        ? "MOVBE or CRC32"
        : third >= 0xdb && third <= 0xdf
          ? "AES"
          : third >= 0xc8 && third <= 0xcd
            ? "SHA"
            : third === 0xf6
              ? "ADCX or ADOX"
              : null;
    case 0x3a:
      return third === 0x44 ? "PCLMULQDQ" : third === 0xdf ? "AESKEYGENASSIST" : third === 0xcc ? "SHA1RNDS4" : null;
    default:
      return null;
  }
}
