/** The one AppState of the page. Set before the first element renders; elements take it from here. */
import { assert } from "../base/assert.ts";
import type { AppState } from "./state/app-state.ts";

let current: AppState | null = null;

export function setApp(state: AppState): void {
  current = state;
}

export function app(): AppState {
  assert(current !== null, "the page sets its state before it renders");
  return current;
}
