/**
 * What the store keeps of a container: one document of kind "container" under its id. Whoever hosts the container
 * (the page, or in Node its supervising process) writes its state; everyone else only reads it.
 */
import { WherryError } from "../base/errors.ts";
import type { ContainerSpec, Runtime } from "../runtime/types.ts";
import type { Store, StoreLocator } from "../store/types.ts";
import { logName } from "./log.ts";
import type { ContainerStatus } from "./types.ts";

export interface ContainerState {
  readonly status: ContainerStatus;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly exitCode: number | null;
  /** Why it did not start, or how its host ended; "" otherwise. */
  readonly error: string;
  /** The host's id of its first process while it runs; 0 when it has none. */
  readonly pid: number;
  /** Who hosts it while it runs: for the host's own use (a process id and a socket, for instance). */
  readonly host: Readonly<Record<string, string | number>> | null;
}

export interface ContainerRecord {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  /** As the user wrote it. */
  readonly image: string;
  readonly imageId: string;
  readonly createdMs: number;
  readonly runtime: Runtime["name"];
  /** Removed as soon as it has ended. */
  readonly remove: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** How many of the arguments are the entrypoint's: docker's inspect tells them apart. */
  readonly entrypointLength: number;
  readonly spec: ContainerSpec;
  readonly state: ContainerState;
}

const kind = "container";

export const createdState: ContainerState = {
  status: "created",
  startedMs: null,
  finishedMs: null,
  exitCode: null,
  error: "",
  pid: 0,
  host: null,
};

export async function saveRecord(store: Store, record: ContainerRecord): Promise<void> {
  await store.putDocument(kind, record.id, record);
}

export async function loadRecord(store: Store, id: string): Promise<ContainerRecord | null> {
  return ((await store.getDocument(kind, id)) as ContainerRecord | undefined) ?? null;
}

/** Newest first, as `ps` shows them. */
export async function listRecords(store: Store): Promise<readonly ContainerRecord[]> {
  const ids = await store.listDocuments(kind);
  const records = await Promise.all(ids.map((id) => loadRecord(store, id)));
  return records.filter((record) => record !== null).toSorted((a, b) => b.createdMs - a.createdMs);
}

/** Takes a container that does not run out of the store, with its log and whatever its runtime kept. */
export async function deleteContainer(
  store: Store,
  locator: StoreLocator,
  runtime: Runtime | undefined,
  record: ContainerRecord,
): Promise<void> {
  await Promise.all([runtime?.discard?.(record.spec, locator), store.deleteJournal(logName(record.id))]);
  await store.deleteDocument(kind, record.id);
}

/** By name, id, or the beginning of an id, in this order. */
export function findRecord(records: readonly ContainerRecord[], wanted: string): ContainerRecord {
  const name = wanted.startsWith("/") ? wanted.slice(1) : wanted;
  const exact = records.find((record) => record.id === wanted) ?? records.find((record) => record.name === name);
  if (exact !== undefined) return exact;
  const matches = wanted === "" ? [] : records.filter((record) => record.id.startsWith(wanted));
  if (matches.length === 1) return matches[0]!;
  if (matches.length > 1)
    throw new WherryError("conflict", `multiple IDs found with provided prefix: ${wanted}`, {
      data: { container: wanted },
    });
  throw new WherryError("not-found", `No such container: ${wanted}`, { data: { container: wanted } });
}
