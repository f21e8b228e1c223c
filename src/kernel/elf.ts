/**
 * ELF64 headers as execve(2) reads them (man 5 elf). Only what a loader needs; anything that would make it read or map
 * outside the file's own promises is -ENOEXEC.
 */
import { errno } from "../abi/errno.ts";
import { userEnd } from "./user-memory.ts";

export const elfHeaderBytes = 64;
export const programHeaderBytes = 56;
/** Linux: at most 64 KiB of program headers. */
export const programHeadersBytesMax = 65536;

const ET_EXEC = 2;
const ET_DYN = 3;
const EM_X86_64 = 62;

export const programType = { LOAD: 1, INTERP: 3, PHDR: 6, TLS: 7, GNU_STACK: 0x6474e551 } as const;

export interface ElfHeader {
  /** ET_DYN: goes anywhere. */
  readonly relocatable: boolean;
  readonly entry: number;
  readonly programHeadersAt: number;
  readonly programHeaderCount: number;
}

export interface ProgramHeader {
  readonly type: number;
  /** PF_X 1, PF_W 2, PF_R 4. */
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

export function isElf(head: Uint8Array): boolean {
  return head.length >= 4 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

/** The header, or -ENOEXEC. */
export function parseElfHeader(head: Uint8Array): ElfHeader | number {
  if (!isElf(head) || head.length < elfHeaderBytes) return -errno.ENOEXEC;
  // 64-bit, little-endian.
  if (head[4] !== 2 || head[5] !== 1) return -errno.ENOEXEC;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) return -errno.ENOEXEC;
  if (view.getUint16(18, true) !== EM_X86_64) return -errno.ENOEXEC;
  const programHeaderCount = view.getUint16(56, true);
  if (view.getUint16(54, true) !== programHeaderBytes) return -errno.ENOEXEC;
  if (programHeaderCount === 0 || programHeaderCount * programHeaderBytes > programHeadersBytesMax) {
    return -errno.ENOEXEC;
  }
  return {
    relocatable: type === ET_DYN,
    entry: Number(view.getBigUint64(24, true)),
    programHeadersAt: Number(view.getBigUint64(32, true)),
    programHeaderCount,
  };
}

/** The program headers, or -ENOEXEC when a segment cannot be mapped as it says. */
export function parseProgramHeaders(bytes: Uint8Array, count: number): ProgramHeader[] | number {
  if (bytes.length < count * programHeaderBytes) return -errno.ENOEXEC;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headers: ProgramHeader[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * programHeaderBytes;
    const number = (offset: number) => Number(view.getBigUint64(at + offset, true));
    const header: ProgramHeader = {
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: number(8),
      address: number(16),
      fileBytes: number(32),
      memoryBytes: number(40),
      align: number(48),
    };
    if (header.type === programType.LOAD) {
      const fits = header.address + header.memoryBytes <= userEnd && header.offset + header.fileBytes <= 2 ** 52;
      const congruent = header.offset % 4096 === header.address % 4096;
      if (!fits || !congruent || header.fileBytes > header.memoryBytes) return -errno.ENOEXEC;
    }
    headers.push(header);
  }
  return headers;
}
