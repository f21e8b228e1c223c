/** The one door to @preact/signals-core. */
export { batch, computed, effect, signal, untracked } from "@preact/signals-core";
export type { ReadonlySignal, Signal } from "@preact/signals-core";
