/**
 * A rehearsal for the decoder: a few blocks of the instructions compilers write most, in all addressing forms and
 * operand kinds, so that the host's compiler has seen and optimised the decoder before the first program comes. Code
 * that runs once costs several times more to decode cold than warm, and that is most of a short program's start.
 *
 * It is never executed: only decoded, in a page that holds nothing yet, and forgotten.
 */
import type { BlockDecoder } from "./decoder.ts";

/** Each line of text is part of a block; a block ends with a jump, a call or a return. */
const blocks = [
  [
    "f30f1efa554889e54154534883ec1864488b042528000000488944240831c04889fb4885ff743f488d3d34120000be05",
    "0000004889e2e8c5ffffff",
  ],
  ["488b7b100fb6073c2f0f94c248630c834801c83d001000000f87f7000000488b050020000048890424ffe0"],
  [
    "438b84ec0001000083e0f083ca0448c1e003c1fa1f480f45c2496bd0184f8d0c40ff4308ffc948f7d848f7d24c29f00f",
    "95c10fb6c9884f0166894702c74424400700000048c780880000000000000049baf0debc9a78563412480fbae0057308",
    "8b3bff1500050000",
  ],
  [
    "660fefc00f11442420660f6f0d0006000066480f6ed0660f7ed1660f74c8660fd7d1660f6cc2f20f1018f20f58d9f248",
    "0f2ae0660f2edc0f28eb0fc6ed000fbcc24531c04898489948f7f94883d0004819d2c1c0070f8f12ffffff4893f00fb1",
    "0af0830701b910000000f348abf348a5660f1f0400a8010f851bffffff5b415c5dc3",
  ],
  [
    "483b77180f82e1feffff4c8b7dc8837dc0020f8efefeffff803c18000f885cffffff4589fb49d3eb41f7c3008000000f",
    "857bfeffffc9c3",
  ],
];

/** Together often enough that the optimising compiler takes notice; each short, because a program may come any time. */
export const rehearsals = 10;
const rounds = 5;

/** Decodes the blocks over and over. `frame` is an unused page of `bytes`, zero before and after. */
export function rehearseDecoder(decoder: BlockDecoder, bytes: Uint8Array, frame: number): void {
  const starts: number[] = [];
  let end = frame;
  for (const lines of blocks) {
    const block = Uint8Array.from(lines.join("").match(/../g)!, (pair) => parseInt(pair, 16));
    starts.push(end);
    bytes.set(block, end);
    end += block.length;
  }
  for (let round = 0; round < rounds; round++) for (const start of starts) decoder.decode(start, start);
  decoder.forget(frame);
  bytes.fill(0, frame, end);
}
