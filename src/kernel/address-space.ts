/**
 * The memory of a process (Linux: struct mm_struct): areas, page tables, and the fault handler that fills the latter
 * from the former. Shared by threads, copied on write by fork. The calls that change areas are in `mmap.ts`.
 *
 * Each present leaf holds one reference of its frame. A private page may be written when its leaf has no `copyOnWrite`
 * bit; a shared one once it has been marked dirty with its file.
 */
import { assert } from "../base/assert.ts";
import { errno } from "../abi/errno.ts";
import { prot } from "../abi/mman.ts";
import { siCode, signals } from "../abi/signal.ts";
import { limits } from "../base/limits.ts";
import type { Maybe } from "../base/maybe.ts";
import { access, pte } from "../../wasm/x86/types.ts";
import type { Access, Cpu } from "../../wasm/x86/types.ts";
import type { Mmu, TlbIdentity } from "./mmu.ts";
import { PageTable } from "./page-table.ts";
import { UserMemory, userEnd } from "./user-memory.ts";
import { VmaList } from "./vma.ts";
import type { Vma } from "./vma.ts";

const pageBytes = limits.pageBytes;
const frameMask = pte.frameMask;

/** Linux keeps this distance between a growing stack and what is below it (stack_guard_gap). */
export const stackGuardBytes = 256 * pageBytes;

/** The signal a failed access raises: SIGSEGV or SIGBUS with its si_code, or SIGKILL when memory is used up. */
export interface AccessFault {
  readonly signal: number;
  readonly code: number;
}

const mapError: AccessFault = { signal: signals.SIGSEGV, code: siCode.SEGV_MAPERR };
const accessError: AccessFault = { signal: signals.SIGSEGV, code: siCode.SEGV_ACCERR };
const busError: AccessFault = { signal: signals.SIGBUS, code: siCode.BUS_ADRERR };
const outOfMemory: AccessFault = { signal: signals.SIGKILL, code: siCode.SI_KERNEL };

export class AddressSpace implements TlbIdentity {
  readonly mmu: Mmu;
  readonly table: PageTable;
  readonly areas = new VmaList();
  readonly user: UserMemory;

  // For the TLB (see `mmu.ts`).
  readonly root: number;
  id = 0;
  epoch = 0;

  /** Top of the area that mmap fills downwards. */
  mmapBase = userEnd;
  heapStart = 0;
  heapEnd = 0;
  /** RLIMIT_STACK of the process: how far the stack grows. */
  stackLimit = 8 << 20;
  /** For /proc/PID/stat and cmdline: where execve put things. */
  codeStart = 0;
  codeEnd = 0;
  dataStart = 0;
  dataEnd = 0;
  stackStart = 0;
  argumentsStart = 0;
  argumentsEnd = 0;
  environmentStart = 0;
  environmentEnd = 0;
  auxv: Uint8Array = new Uint8Array(0);

  /** Present leaves: the resident set. */
  residentPages = 0;
  peakResidentPages = 0;
  #users = 1;

  constructor(mmu: Mmu) {
    this.mmu = mmu;
    this.table = new PageTable(mmu.cpu, mmu.frames);
    this.root = this.table.root;
    this.user = new UserMemory(this);
  }

  get cpu(): Cpu {
    return this.mmu.cpu;
  }

  activate(): void {
    this.mmu.activate(this);
  }

  get users(): number {
    return this.#users;
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users > 0) return;
    for (const area of this.areas.all) {
      this.clearLeaves(area.start, area.end);
      area.backing?.release();
    }
    this.areas.clear();
    this.mmu.forget(this);
    this.table.destroy();
  }

  /** Sum of all areas, in bytes. */
  get virtualBytes(): number {
    let bytes = 0;
    for (const area of this.areas.all) bytes += area.end - area.start;
    return bytes;
  }

  /**
   * Brings in the page at `address` for `kind` of access. Null: it is there now. A promise: it comes from storage, try
   * again when it resolves. Otherwise the signal that this access raises.
   */
  fault(address: number, kind: Access): Maybe<AccessFault | null> {
    const area = this.areas.find(address) ?? this.#growStack(address);
    if (area === null) return mapError;
    const needed =
      kind === access.write ? prot.WRITE : kind === access.execute ? prot.EXEC : prot.READ | prot.WRITE | prot.EXEC;
    if ((area.protection & needed) === 0) return accessError;
    const page = address - (address % pageBytes);
    const entry = this.table.get(page);
    const write = kind === access.write;
    if (area.shared) return this.#faultShared(area, page, entry, write);
    if (entry !== 0) {
      if (write && (entry & pte.copyOnWrite) !== 0) return this.#breakCopyOnWrite(area, page, entry);
      // Another thread brought it in, or a stale translation: the leaf itself is right once its bits are.
      this.table.set(page, (entry & frameMask) | this.leafBits(area, entry));
      this.mmu.flushPage(this, page);
      return null;
    }
    if (area.backing === null) {
      if (!write) {
        this.mmu.frames.retain(this.mmu.frames.zeroPage);
        return this.#mapPage(area, page, this.mmu.frames.zeroPage, pte.copyOnWrite);
      }
      const frame = this.mmu.frames.allocate();
      if (frame < 0) return outOfMemory;
      return this.#mapPage(area, page, frame, 0);
    }
    return this.#faultPrivateFile(area, page, write);
  }

  /** Maps a page of a file that is mapped for execution and whose content is at hand: nobody asked for it yet. */
  bringIn(address: number): void {
    const area = this.areas.find(address);
    if (area === null || area.backing === null || area.shared || (area.protection & prot.EXEC) === 0) return;
    const page = address - (address % pageBytes);
    if (this.table.get(page) === 0) void this.#faultPrivateFile(area, page, false);
  }

  /** Permission bits of a leaf in `area`, given its software bits. */
  leafBits(area: Vma, software: number): number {
    const kept = software & (pte.copyOnWrite | pte.shared | pte.dirty);
    let bits = kept;
    if ((area.protection & (prot.READ | prot.WRITE | prot.EXEC)) !== 0) bits |= pte.read;
    if ((area.protection & prot.EXEC) !== 0) bits |= pte.execute;
    if ((area.protection & prot.WRITE) !== 0 && (kept & pte.copyOnWrite) === 0) {
      if (!area.shared || (kept & pte.dirty) !== 0) bits |= pte.write;
    }
    return bits;
  }

  /** Removes the pages of [start, end) and lets their frames go. The areas stay; the TLB is flushed. */
  clearLeaves(start: number, end: number): void {
    let cleared = 0;
    this.table.update(start, end, (address, entry) => {
      this.mmu.frames.release((entry & frameMask) >>> 0);
      if (++cleared === 1) this.mmu.flushPage(this, address);
      return 0;
    });
    this.residentPages -= cleared;
    if (cleared > 1) this.mmu.flush(this);
  }

  /** Gives leaves of [start, end) the permissions their areas now have. */
  refreshLeaves(start: number, end: number): void {
    for (const area of this.areas.overlapping(start, end)) {
      this.table.update(
        Math.max(start, area.start),
        Math.min(end, area.end),
        (_, entry) => (entry & frameMask) | this.leafBits(area, entry),
      );
    }
    this.mmu.flush(this);
  }

  /** Moves present pages: mremap(2). The ranges do not overlap. */
  moveLeaves(source: number, target: number, length: number): number {
    const moved: { address: number; entry: number }[] = [];
    this.table.update(source, source + length, (address, entry) => {
      moved.push({ address, entry });
      return 0;
    });
    for (const { address, entry } of moved) {
      const result = this.table.set(target + (address - source), entry);
      if (result < 0) {
        this.mmu.frames.release((entry & frameMask) >>> 0);
        this.residentPages--;
      }
    }
    this.mmu.flush(this);
    return 0;
  }

  /** A copy for fork(2): private pages become copy-on-write in both. -ENOMEM when there is no memory for the tables. */
  copy(): AddressSpace | number {
    let child: AddressSpace;
    try {
      child = new AddressSpace(this.mmu);
    } catch (error) {
      if (typeof error === "number") return error;
      throw error;
    }
    child.mmapBase = this.mmapBase;
    child.heapStart = this.heapStart;
    child.heapEnd = this.heapEnd;
    child.stackLimit = this.stackLimit;
    child.codeStart = this.codeStart;
    child.codeEnd = this.codeEnd;
    child.dataStart = this.dataStart;
    child.dataEnd = this.dataEnd;
    child.stackStart = this.stackStart;
    child.argumentsStart = this.argumentsStart;
    child.argumentsEnd = this.argumentsEnd;
    child.environmentStart = this.environmentStart;
    child.environmentEnd = this.environmentEnd;
    child.auxv = this.auxv;
    let failed = false;
    for (const area of this.areas.all) {
      if (area.dontFork) continue;
      area.backing?.retain();
      child.areas.insert({ ...area });
      if (area.wipeOnFork) continue;
      this.table.update(area.start, area.end, (address, entry) => {
        const shared = area.shared;
        // The write bit goes, the software bit says why: the next write fault copies or takes over the page.
        const copied = shared ? entry : ((entry & ~pte.write) | pte.copyOnWrite) >>> 0;
        if (child.table.set(address, copied) < 0) {
          failed = true;
          return entry;
        }
        this.mmu.frames.retain((entry & frameMask) >>> 0);
        child.residentPages++;
        return copied;
      });
    }
    child.peakResidentPages = child.residentPages;
    this.mmu.flush(this);
    if (failed) {
      child.release();
      return -errno.ENOMEM;
    }
    return child;
  }

  #growStack(address: number): Vma | null {
    const index = this.areas.indexFrom(address);
    const area = this.areas.at(index);
    if (area === undefined || !area.growsDown) return null;
    const start = address - (address % pageBytes);
    if (area.end - start > this.stackLimit) return null;
    const below = this.areas.at(index - 1);
    if (below !== undefined && !below.growsDown && below.protection !== 0 && start - below.end < stackGuardBytes)
      return null;
    area.start = start;
    return area;
  }

  #mapPage(area: Vma, page: number, frame: number, software: number): AccessFault | null {
    if (this.table.set(page, frame | this.leafBits(area, software)) < 0) {
      this.mmu.frames.release(frame);
      return outOfMemory;
    }
    this.residentPages++;
    if (this.residentPages > this.peakResidentPages) this.peakResidentPages = this.residentPages;
    return null;
  }

  #breakCopyOnWrite(area: Vma, page: number, entry: number): AccessFault | null {
    const frames = this.mmu.frames;
    const old = (entry & frameMask) >>> 0;
    if (frames.references(old) === 1) {
      this.table.set(page, old | this.leafBits(area, 0));
    } else {
      const fresh = old === frames.zeroPage ? frames.allocate() : frames.allocateRaw();
      if (fresh < 0) return outOfMemory;
      if (old !== frames.zeroPage) this.cpu.bytes.copyWithin(fresh, old, old + pageBytes);
      this.table.set(page, fresh | this.leafBits(area, 0));
      frames.release(old);
    }
    this.mmu.flushPage(this, page);
    return null;
  }

  #faultPrivateFile(area: Vma, page: number, write: boolean): Maybe<AccessFault | null> {
    const mapping = area.backing!.mapping;
    const cached = mapping.page((area.offset + (page - area.start)) / pageBytes);
    if (cached instanceof Promise) return cached.then((result) => (result < 0 ? storageFault(result) : null));
    if (cached < 0) return storageFault(cached);
    assert(cached % pageBytes === 0, "a cached page's handle is a frame");
    if (!write) {
      this.mmu.frames.retain(cached);
      return this.#mapPage(area, page, cached, pte.copyOnWrite);
    }
    // Holding it: the allocation below may shrink the page cache.
    this.mmu.frames.retain(cached);
    const fresh = this.mmu.frames.allocateRaw();
    if (fresh > 0) this.cpu.bytes.copyWithin(fresh, cached, cached + pageBytes);
    this.mmu.frames.release(cached);
    if (fresh < 0) return outOfMemory;
    return this.#mapPage(area, page, fresh, 0);
  }

  #faultShared(area: Vma, page: number, entry: number, write: boolean): Maybe<AccessFault | null> {
    const mapping = area.backing!.mapping;
    const index = (area.offset + (page - area.start)) / pageBytes;
    const frame = write ? mapping.writablePage(index) : mapping.page(index);
    if (frame instanceof Promise) return frame.then((result) => (result < 0 ? storageFault(result) : null));
    if (frame < 0) return storageFault(frame);
    this.mmu.frames.retain(frame);
    if (entry !== 0) {
      this.mmu.frames.release((entry & frameMask) >>> 0);
      this.residentPages--;
    }
    const software = pte.shared | (write ? pte.dirty : entry & pte.dirty);
    const result = this.#mapPage(area, page, frame, software);
    if (entry !== 0) this.mmu.flushPage(this, page);
    return result;
  }
}

function storageFault(result: number): AccessFault {
  return result === -errno.ENOMEM ? outOfMemory : busError;
}
