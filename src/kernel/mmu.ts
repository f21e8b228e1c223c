/**
 * Ties address spaces to the processor's TLBs. Each space has an id there; a space whose translations changed in bulk,
 * or while another one was loaded, simply gets a new id the next time it is used.
 */
import type { Cpu } from "../../wasm/x86/types.ts";
import type { FrameAllocator } from "./frames.ts";

const idMax = 65535;

/** What the MMU keeps for one address space. */
export interface TlbIdentity {
  readonly root: number;
  /** 0: needs a new one. */
  id: number;
  epoch: number;
  /** Maps a page of code, if that needs no waiting. */
  bringIn(address: number): void;
}

export class Mmu {
  readonly cpu: Cpu;
  readonly frames: FrameAllocator;
  #current: TlbIdentity | null = null;
  #nextId = 1;
  #epoch = 1;

  constructor(cpu: Cpu, frames: FrameAllocator) {
    this.cpu = cpu;
    this.frames = frames;
    cpu.pager = (address) => this.#current?.bringIn(address);
  }

  activate(space: TlbIdentity): void {
    if (this.#current === space && space.id !== 0) return;
    if (space.id === 0 || space.epoch !== this.#epoch) this.#assign(space);
    this.#current = space;
    this.cpu.setAddressSpace(space.root, space.id);
  }

  /** One leaf changed. */
  flushPage(space: TlbIdentity, address: number): void {
    if (this.#current === space) this.cpu.invalidatePage(address);
    else space.id = 0;
  }

  /** Many leaves changed. */
  flush(space: TlbIdentity): void {
    space.id = 0;
    if (this.#current === space) {
      this.#assign(space);
      this.cpu.setAddressSpace(space.root, space.id);
    }
  }

  /** The space goes away: nothing may translate with its tables any more. */
  forget(space: TlbIdentity): void {
    space.id = 0;
    if (this.#current === space) this.#current = null;
  }

  #assign(space: TlbIdentity): void {
    if (this.#nextId > idMax) {
      this.cpu.invalidateAll();
      this.#nextId = 1;
      this.#epoch++;
    }
    space.id = this.#nextId++;
    space.epoch = this.#epoch;
  }
}
