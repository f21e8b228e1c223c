/**
 * Containers of a page: hosted in this tab, each under a Web Lock that lasts as long as it runs. The lock is how
 * another tab knows that a container lives elsewhere, and that it is dead once its tab is gone, however that went.
 */
import { WherryError } from "../base/errors.ts";
import { readLog, tailLog } from "../container/log.ts";
import { loadRecord } from "../container/record.ts";
import type { ContainerRecord } from "../container/record.ts";
import type { HostedContainer, Supervision } from "../container/supervision.ts";
import type { LogChunk, LogOptions } from "../container/types.ts";
import type { Store } from "../store/types.ts";

/** A container that can be ended with its tab. */
export interface DestroyableContainer extends HostedContainer {
  destroy(): Promise<void>;
}

interface Held {
  readonly container: DestroyableContainer;
  readonly release: () => void;
}

export interface TabSupervisionOptions {
  readonly store: Store;
  /** Apart for each store, so that two pages with stores of different names do not meet. */
  readonly scope: string;
  readonly locks: LockManager;
  readonly make: (record: ContainerRecord, foreground: boolean) => DestroyableContainer;
}

export class TabSupervision implements Supervision {
  readonly #options: TabSupervisionOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: TabSupervisionOptions) {
    this.#options = options;
  }

  async prepare(record: ContainerRecord, foreground: boolean): Promise<HostedContainer> {
    const release = await this.#lock(record.id);
    if (release === null) throw elsewhere(record);
    const container = this.#options.make(record, foreground);
    this.#held.set(record.id, { container, release });
    let started = false;
    const drop = () => {
      this.#held.delete(record.id);
      release();
    };
    void container.exited.then(drop);
    return {
      attach: () => container.attach(),
      start: async () => {
        await container.start();
        started = true;
      },
      exec: (options) => container.exec(options),
      signal: (signal) => container.signal(signal),
      logs: (options) => container.logs(options),
      copyOut: (path) => container.copyOut(path),
      copyIn: (path, tar) => container.copyIn(path, tar),
      missing: () => container.missing(),
      counters: async () => (await container.counters?.()) ?? null,
      stats: async () => (await container.stats?.()) ?? null,
      exited: container.exited,
      // One that never started never ends either: letting go of it frees it.
      close: async () => {
        if (!started) drop();
        await container.close();
      },
    };
  }

  async find(record: ContainerRecord): Promise<HostedContainer | null> {
    const held = this.#held.get(record.id);
    if (held !== undefined) return held.container;
    const { held: locks = [] } = await this.#options.locks.query();
    return locks.some((lock) => lock.name === this.#name(record.id)) ? this.#elsewhere(record) : null;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ container }) => container.destroy()));
  }

  #name(id: string): string {
    return `${this.#options.scope}-container-${id}`;
  }

  /** How to let the lock go, or null when another tab has it. */
  #lock(id: string): Promise<(() => void) | null> {
    return new Promise((resolve, reject) => {
      this.#options.locks
        .request(this.#name(id), { ifAvailable: true }, (lock) => {
          if (lock === null) return resolve(null);
          return new Promise<void>((release) => resolve(release));
        })
        .catch(reject);
    });
  }

  /** Its tab alone can reach its worker; what is in the store everyone can read. */
  #elsewhere(record: ContainerRecord): HostedContainer {
    const { store, locks } = this.#options;
    const refuse = async (): Promise<never> => {
      throw elsewhere(record);
    };
    return {
      attach: refuse,
      start: refuse,
      exec: refuse,
      signal: refuse,
      copyOut: refuse,
      copyIn: refuse,
      missing: async () => [],
      stats: refuse,
      logs: async (options: LogOptions) => {
        const chunks = tailLog(await readLog(store, record.id), options.tail);
        return new ReadableStream<LogChunk>({
          start(controller) {
            for (const chunk of chunks) controller.enqueue(chunk);
            controller.close();
          },
        });
      },
      exited: locks.request(this.#name(record.id), { mode: "shared" }, async () => {
        const ended = await loadRecord(store, record.id);
        return { code: ended?.state.exitCode ?? 137 };
      }),
      close: async () => {},
    };
  }
}

function elsewhere(record: ContainerRecord): WherryError {
  return new WherryError("conflict", `The container ${record.name} is running in another tab.`, {
    data: { container: record.id, elsewhere: 1 },
  });
}
