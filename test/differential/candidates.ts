/** One instruction for each opcode, prefix, REX.W (or VEX's L, W, vvvv), ModRM.reg and mode: all that can be written, valid or not. */

/** Each candidate has 16 bytes, what follows the instruction being NOPs. */
export const candidateBytes = 16;

const prefixBytes = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

export function everyOpcode(): Uint8Array {
  const all: number[] = [];
  for (const map of [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]])
    for (let opcode = 0; opcode < 256; opcode++) {
      const isPrefix = map.length === 0 && (prefixBytes.has(opcode) || (opcode & 0xf0) === 0x40 || opcode === 0x0f);
      if (isPrefix || (map.length === 1 && (opcode === 0x38 || opcode === 0x3a || opcode === 0x0f))) continue;
      for (const prefix of [[], [0x66], [0xf3], [0xf2]])
        for (const rex of [[], [0x48]])
          for (let reg = 0; reg < 8; reg++)
            for (const mode of [0x03, 0xc3]) {
              const bytes = [...prefix, ...rex, ...map, opcode, mode | (reg << 3)];
              while (bytes.length < candidateBytes) bytes.push(0x90);
              for (const byte of bytes) all.push(byte);
            }
    }
  // Where the whole ModRM byte tells.
  for (const opcode of groups)
    for (const prefix of [[], [0x66], [0xf3], [0xf2]])
      for (let modrm = 0xc0; modrm < 0x100; modrm++) {
        const bytes = [...prefix, ...opcode, modrm];
        while (bytes.length < candidateBytes) bytes.push(0x90);
        for (const byte of bytes) all.push(byte);
      }
  return Uint8Array.from(all);
}
/** The same with VEX: each map, opcode, prefix, L and W, ModRM.reg and mode; with vvvv unused and used. */
export function everyVexOpcode(): Uint8Array {
  const all: number[] = [];
  for (const map of [1, 2, 3])
    for (let opcode = 0; opcode < 256; opcode++)
      for (let last = 0; last < 16; last++)
        for (let reg = 0; reg < 8; reg++)
          for (const [mode, vvvv] of [
            [0x04, 15],
            [0xc3, 15],
            [0xc3, 9],
          ] as const) {
            // Gathers without a vector index, or with one register twice, are invalid, which objdump does not say.
            const isGather = map === 2 && opcode >= 0x90 && opcode <= 0x93;
            if (isGather && (mode !== 0x04 || reg === 0 || reg === 2)) continue;
            // W L pp around vvvv, in three bytes; and the form of two bytes where that says as much.
            const fields = ((last & 8) << 4) | (vvvv << 3) | (last & 7);
            const vex = map === 1 && last < 8 && vvvv === 9 ? [0xc5, 0x80 | fields] : [0xc4, 0xe0 | map, fields];
            // Index 2 of a SIB byte, scaled by 4.
            const bytes = [...vex, opcode, mode | (reg << 3), ...(mode === 0x04 ? [0x93] : [])];
            while (bytes.length < candidateBytes) bytes.push(0x90);
            for (const byte of bytes) all.push(byte);
          }
  return Uint8Array.from(all);
}
const groups = [
  ...[0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xc6, 0xc7].map((opcode) => [opcode]),
  ...[0x01, 0x1e, 0xae, 0xc7].map((opcode) => [0x0f, opcode]),
];
