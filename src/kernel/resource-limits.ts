/** RLIMIT_ values of a process (man 2 getrlimit): BigInt pairs, indexed by the numbers of `abi/resource.ts`. */
import { RLIM_INFINITY, RLIM_NLIMITS, rlimit } from "../abi/resource.ts";
import { limits } from "../base/limits.ts";

export interface ResourceLimit {
  readonly soft: bigint;
  readonly hard: bigint;
}

export class ResourceLimits {
  #limits: ResourceLimit[];

  constructor(values: readonly ResourceLimit[] = defaults()) {
    this.#limits = [...values];
  }

  get(resource: number): ResourceLimit {
    return this.#limits[resource]!;
  }

  set(resource: number, limit: ResourceLimit): void {
    this.#limits[resource] = limit;
  }

  /** The soft limit as a number; Infinity for none. */
  soft(resource: number): number {
    const { soft } = this.#limits[resource]!;
    return soft === RLIM_INFINITY ? Infinity : Number(soft);
  }

  copy(): ResourceLimits {
    return new ResourceLimits(this.#limits);
  }
}

function defaults(): ResourceLimit[] {
  const unlimited = { soft: RLIM_INFINITY, hard: RLIM_INFINITY };
  const values: ResourceLimit[] = Array.from({ length: RLIM_NLIMITS }, () => unlimited);
  values[rlimit.STACK] = { soft: BigInt(8 << 20), hard: RLIM_INFINITY };
  values[rlimit.CORE] = { soft: 0n, hard: RLIM_INFINITY };
  values[rlimit.NPROC] = { soft: BigInt(limits.tasksMax), hard: BigInt(limits.tasksMax) };
  values[rlimit.NOFILE] = { soft: 1024n, hard: BigInt(limits.openFilesMax) };
  values[rlimit.MEMLOCK] = { soft: BigInt(8 << 20), hard: BigInt(8 << 20) };
  values[rlimit.SIGPENDING] = { soft: BigInt(limits.tasksMax), hard: BigInt(limits.tasksMax) };
  values[rlimit.MSGQUEUE] = { soft: 819200n, hard: 819200n };
  values[rlimit.NICE] = { soft: 0n, hard: 0n };
  values[rlimit.RTPRIO] = { soft: 0n, hard: 0n };
  return values;
}
