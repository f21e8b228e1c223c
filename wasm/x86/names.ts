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
  if (byte === 0xc4 || byte === 0xc5) return "VEX-encoded instruction (AVX, AVX2, BMI, FMA)";
  if (byte === 0x62) return "EVEX-encoded instruction (AVX-512)";
  if (byte !== 0x0f) return one[byte] ?? null;
  if (next === undefined) return null;
  const third = bytes[at + 1] ?? -1;
  const digit2 = (third >> 3) & 7;
  switch (next) {
    case 0x00:
      return ["SLDT", "STR", "LLDT", "LTR", "VERR", "VERW"][digit2] ?? null;
    case 0x01:
      if (third === 0xd0) return "XGETBV";
      if (third === 0xd1) return "XSETBV";
      if (third === 0xf8) return "SWAPGS";
      return ["SGDT", "SIDT", "LGDT", "LIDT", "SMSW", null, "LMSW", "INVLPG"][digit2] ?? null;
    case 0x02:
      return "LAR";
    case 0x03:
      return "LSL";
    case 0x34:
      return "SYSENTER";
    case 0x35:
      return "SYSEXIT";
    case 0x07:
      return "SYSRET";
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23:
      return "MOV of a control or debug register";
    case 0xaa:
      return "RSM";
    case 0xae:
      if (rep === 0xf3 && third >= 0xc0) return ["RDFSBASE", "RDGSBASE", "WRFSBASE", "WRGSBASE"][digit2] ?? null;
      return ["FXSAVE", "FXRSTOR", "LDMXCSR", "STMXCSR", "XSAVE", "XRSTOR", "XSAVEOPT", "CLFLUSHOPT"][digit2] ?? null;
    case 0xb2:
      return "LSS";
    case 0xb4:
      return "LFS";
    case 0xb5:
      return "LGS";
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

const one: Record<number, string> = {
  0x8e: "MOV to a segment register",
  0xca: "RETF",
  0xcb: "RETF",
  0xcf: "IRET",
  0xf1: "INT1",
  0xe0: "LOOPNE with a 32-bit counter",
  0xe1: "LOOPE with a 32-bit counter",
  0xe2: "LOOP with a 32-bit counter",
  0xe3: "JECXZ",
  0xa4: "MOVS with 32-bit addresses",
  0xa5: "MOVS with 32-bit addresses",
  0xa6: "CMPS with 32-bit addresses",
  0xa7: "CMPS with 32-bit addresses",
  0xaa: "STOS with 32-bit addresses",
  0xab: "STOS with 32-bit addresses",
  0xac: "LODS with 32-bit addresses",
  0xad: "LODS with 32-bit addresses",
  0xae: "SCAS with 32-bit addresses",
  0xaf: "SCAS with 32-bit addresses",
  0xff: "far CALL or JMP",
};
