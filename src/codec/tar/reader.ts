/**
 * Reads a tar stream entry by entry, for callers that want content where it stands:
 *
 *     for await (const { entry, content } of readTar(stream)) { … for await (const bytes of content) … }
 *
 * Content not read is skipped when the next entry is asked for.
 */
import type { ByteStream } from "../stream.ts";
import type { TarEntry } from "./entry.ts";
import { TarParser } from "./parser.ts";

export interface TarMember {
  readonly entry: TarEntry;
  readonly content: ByteStream;
}

type Event = { readonly entry: TarEntry } | { readonly bytes: Uint8Array } | "entry-end";

export async function* readTar(source: ByteStream): AsyncGenerator<TarMember> {
  let events: Event[] = [];
  let at = 0;
  const parser = new TarParser({
    entry: (entry) => events.push({ entry }),
    content: (bytes) => events.push({ bytes }),
    entryEnd: () => events.push("entry-end"),
  });
  const iterator = source[Symbol.asyncIterator]();
  const next = async (): Promise<Event | null> => {
    while (at === events.length) {
      events = [];
      at = 0;
      const { done, value } = await iterator.next();
      if (done) {
        parser.finish();
        return null;
      }
      parser.push(value);
    }
    return events[at++]!;
  };
  try {
    for (;;) {
      const event = await next();
      if (event === null) return;
      if (event === "entry-end" || "bytes" in event) continue;
      let ended = false;
      const content = (async function* (): AsyncGenerator<Uint8Array> {
        while (!ended) {
          const piece = await next();
          if (piece === null || piece === "entry-end") ended = true;
          else if ("bytes" in piece) yield piece.bytes;
        }
      })();
      yield { entry: event.entry, content };
      while (!ended) {
        const piece = await next();
        if (piece === null || piece === "entry-end") ended = true;
      }
    }
  } finally {
    await iterator.return?.();
  }
}
