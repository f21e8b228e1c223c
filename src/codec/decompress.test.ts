import { execFileSync } from "node:child_process";
import { constants, createGzip, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { concat, encodeUtf8 } from "../base/bytes.ts";
import { decompress, decompressReopenable } from "./decompress.ts";
import { gunzip } from "./gzip.ts";
import { collect } from "./stream.ts";
import { unzstd } from "./zstd.ts";

/** Text that repeats, then noise: compressible and not. */
function sample(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = i % 5000 < 3000 ? i % 97 : state >>> 16;
  }
  return bytes;
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

const all = (source: AsyncIterable<Uint8Array>) => collect(source, 1 << 30, "test");
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

const plain = sample(700_000);
const gzipMembers = concat([
  gzipSync(plain.subarray(0, 300_000)),
  gzipSync(plain.subarray(300_000, 300_000)),
  gzipSync(plain.subarray(300_000, 300_001)),
  gzipSync(plain.subarray(300_001)),
]);

describe("gzip", () => {
  test.each([1, 7, 10, 511, 65_536, 10_000_000])("one member, in chunks of %i bytes", async (size) => {
    const small = size === 1 ? plain.subarray(0, 6000) : plain;
    expect(same(await all(gunzip(pieces(gzipSync(small), size))), small)).toBe(true);
  });

  test.each([3, 1000, 65_536, 10_000_000])("several members, in chunks of %i bytes", async (size) => {
    expect(same(await all(gunzip(pieces(gzipMembers, size))), plain)).toBe(true);
  });

  test.each([1000, 65_536, 10_000_000])(
    "several members after the native decoder gave up, chunks of %i",
    async (size) => {
      let opened = 0;
      const { stream } = await decompressReopenable(() => {
        opened++;
        return pieces(gzipMembers, size);
      });
      expect(same(await all(stream), plain)).toBe(true);
      expect(opened).toBeLessThanOrEqual(2);
    },
  );

  test("a header with a file name and extra field", async () => {
    const bytes = gzipSync(Buffer.from("hello"));
    const header = Uint8Array.from([...bytes.subarray(0, 10), 3, 0, 1, 2, 3, 0x61, 0]);
    header[3] = 4 | 8;
    const file = concat([header, bytes.subarray(10)]);
    for (let size = 1; size < 20; size++)
      expect(new TextDecoder().decode(await all(gunzip(pieces(file, size))))).toBe("hello");
  });

  test("whatever zlib makes: every level and strategy, in chunks of any size", async () => {
    const zeros = new Uint8Array(3_000_000);
    const noise = new Uint8Array(400_000);
    for (let at = 0; at < noise.length; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536));
    const words = encodeUtf8(Array.from({ length: 60_000 }, (_, i) => `word${(i * 7919) % 5003} `).join(""));
    for (const bytes of [plain, zeros, noise, words, new Uint8Array(0), Uint8Array.of(7)])
      for (const options of [
        { level: 0 },
        { level: 1 },
        { level: 9 },
        { strategy: constants.Z_FIXED },
        { strategy: constants.Z_HUFFMAN_ONLY },
        { strategy: constants.Z_RLE },
        { windowBits: 9, memLevel: 1 },
      ]) {
        const packed = gzipSync(bytes, options);
        for (const size of [bytes.length > 50_000 ? 997 : 1, 16_384, 1 << 20])
          expect(same(await all(gunzip(pieces(packed, size))), bytes), `${JSON.stringify(options)} ${size}`).toBe(true);
      }
  });

  test("flushed data, zeros at the end, and other things at the end", async () => {
    const deflater = createGzip();
    const parts: Uint8Array[] = [];
    deflater.on("data", (part: Uint8Array) => parts.push(part));
    for (let i = 0; i < 20; i++) {
      deflater.write(plain.subarray(i * 10, i * 10 + 10));
      await new Promise<void>((resolve) =>
        deflater.flush(i % 2 ? constants.Z_FULL_FLUSH : constants.Z_SYNC_FLUSH, resolve),
      );
    }
    deflater.end();
    await new Promise((resolve) => deflater.once("end", resolve));
    const packed = concat(parts);
    for (const size of [1, 5, 1000]) {
      expect(same(await all(gunzip(pieces(packed, size))), plain.subarray(0, 200))).toBe(true);
      const padded = concat([packed, new Uint8Array(700)]);
      expect(same(await all(gunzip(pieces(padded, size))), plain.subarray(0, 200))).toBe(true);
    }
    await expect(all(gunzip(pieces(concat([packed, encodeUtf8("more")]), 99)))).rejects.toThrow("magic number");
  });

  test("any damage ends in an error or in other bytes, never in a crash or a hang", async () => {
    const packed = gzipSync(plain.subarray(0, 30_000));
    for (let i = 0; i < 600; i++) {
      const bad = Uint8Array.from(packed);
      bad[10 + ((i * 7919) % (bad.length - 10))]! ^= 1 << (i % 8);
      const outcome = await all(gunzip(pieces(bad, 4096))).catch((error: unknown) => error);
      if (!(outcome instanceof Uint8Array)) expect(outcome).toMatchObject({ code: "invalid-archive" });
    }
  });

  test("data cut anywhere is an error", async () => {
    const bytes = gzipSync(plain.subarray(0, 3000));
    for (let length = 0; length < bytes.length; length += 1)
      await expect(all(gunzip(pieces(bytes.subarray(0, length), 64))), `${length}`).rejects.toMatchObject({
        code: "invalid-archive",
      });
  });

  test("damaged data is an error", async () => {
    const bytes = Uint8Array.from(gzipSync(plain));
    // A block of the reserved type 3. (Damage that is still deflate is the digest's to find.)
    bytes[10] = 7;
    await expect(all(gunzip(pieces(bytes, 65_536)))).rejects.toMatchObject({ code: "invalid-archive" });
    await expect(
      decompressReopenable(() => pieces(bytes, 65_536)).then(({ stream }) => all(stream)),
    ).rejects.toMatchObject({ code: "invalid-archive" });
  });

  test("an error of the source stays itself", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gzipSync(plain).subarray(0, 5000);
      throw new Error("the network went away");
    }
    const { stream } = await decompressReopenable(failing);
    await expect(all(stream)).rejects.toThrow("the network went away");
  });
});

const zstdTool = (() => {
  try {
    execFileSync("zstd", ["--version"]);
    return true;
  } catch {
    return false;
  }
})();
const zstd = (bytes: Uint8Array, ...args: string[]) =>
  new Uint8Array(execFileSync("zstd", ["-qc", ...args], { input: bytes, maxBuffer: 1 << 30 }));

describe.runIf(zstdTool)("zstd", () => {
  test.each([1, 100, 65_536, 10_000_000])("one frame, in chunks of %i bytes", async (size) => {
    const small = size === 1 ? plain.subarray(0, 6000) : plain;
    expect(same(await all(unzstd(pieces(zstd(small), size))), small)).toBe(true);
  });

  test("several frames with skippable ones between", async () => {
    const skippable = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
    const file = concat([
      skippable,
      zstd(plain.subarray(0, 200_000), "-19"),
      skippable,
      zstd(plain.subarray(200_000), "--no-check"),
      skippable,
    ]);
    for (const size of [1000, 10_000_000]) expect(same(await all(unzstd(pieces(file, size))), plain)).toBe(true);
    const { compression, stream } = await decompress(pieces(file, 1000));
    expect(compression).toBe("zstd");
    expect(same(await all(stream), plain)).toBe(true);
  });

  test("run-length and raw blocks, an empty file, a known size", async () => {
    for (const bytes of [
      new Uint8Array(1_000_000),
      sample(10),
      new Uint8Array(0),
      crypto.getRandomValues(new Uint8Array(60_000)),
    ])
      for (const args of [["-1"], ["-1", "--stream-size", `${bytes.length}`]])
        expect(same(await all(unzstd(pieces(zstd(bytes, ...args), 5000))), bytes)).toBe(true);
  });

  test("data cut anywhere is an error", async () => {
    const bytes = zstd(plain);
    for (const length of [3, 7, 1000, bytes.length - 2])
      await expect(all(unzstd(pieces(bytes.subarray(0, length), 64))), `${length}`).rejects.toMatchObject({
        code: "invalid-archive",
      });
  });

  test("a window over the limit is refused before memory is taken", async () => {
    const header = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 1, 0, 0);
    await expect(all(unzstd(pieces(header, 100)))).rejects.toMatchObject({ code: "limit-exceeded" });
  });
});

test("what is not compressed passes through", async () => {
  const { compression, stream } = await decompress(pieces(plain, 999));
  expect(compression).toBe("none");
  expect(same(await all(stream), plain)).toBe(true);
  expect(await all((await decompress(pieces(new Uint8Array(0), 1))).stream)).toHaveLength(0);
});
