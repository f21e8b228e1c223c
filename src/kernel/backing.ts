/** What shared and file mappings take their pages from. */
import type { OpenFile, PageMapping } from "../vfs/types.ts";
import type { FrameAllocator } from "./frames.ts";
import type { Backing } from "./vma.ts";

/** A mapped file: holds the open file, whose inode's page cache gives the pages. */
export class FileBacking implements Backing {
  readonly mapping: PageMapping;
  readonly file: OpenFile;
  #references = 1;

  /** Takes a reference of `file`; the caller keeps its own. */
  constructor(file: OpenFile, mapping: PageMapping) {
    this.file = file;
    this.mapping = mapping;
    file.retain();
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references === 0) this.file.release();
  }
}

/** MAP_SHARED | MAP_ANONYMOUS: pages that fork shares. */
export class SharedAnonymous implements Backing, PageMapping {
  readonly file = null;
  readonly #frames: FrameAllocator;
  #pages = new Map<number, number>();
  #references = 1;

  constructor(frames: FrameAllocator) {
    this.#frames = frames;
  }

  get mapping(): PageMapping {
    return this;
  }

  page(index: number): number {
    const known = this.#pages.get(index);
    if (known !== undefined) return known;
    const frame = this.#frames.allocate();
    if (frame > 0) this.#pages.set(index, frame);
    return frame;
  }

  writablePage(index: number): number {
    return this.page(index);
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    if (--this.#references > 0) return;
    for (const frame of this.#pages.values()) this.#frames.release(frame);
    this.#pages.clear();
  }
}
