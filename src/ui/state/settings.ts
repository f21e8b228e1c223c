/** What the user chose, kept in localStorage: small, and wanted before the first paint. */
import { effect, signal } from "../signals.ts";
import type { Signal } from "../signals.ts";

export type Theme = "system" | "light" | "dark";

export interface Settings {
  readonly theme: Signal<Theme>;
  readonly screenReader: Signal<boolean>;
  readonly sideBySide: Signal<boolean>;
}

function remembered<T>(key: string, initial: T, valid: (value: unknown) => value is T): Signal<T> {
  const name = `wherry.${key}`;
  let value = initial;
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(name) ?? "null");
    if (valid(kept)) value = kept;
  } catch {
    // Storage may be forbidden, or hold what another version wrote: the default is fine.
  }
  const remember = signal(value);
  let first = true;
  effect(() => {
    const now = JSON.stringify(remember.value);
    if (first) {
      first = false;
      return;
    }
    try {
      localStorage.setItem(name, now);
    } catch {
      // Only the memory of the choice is lost.
    }
  });
  return remember;
}

const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isTheme = (value: unknown): value is Theme => value === "system" || value === "light" || value === "dark";

export function createSettings(): Settings {
  const settings = {
    theme: remembered<Theme>("theme", "system", isTheme),
    screenReader: remembered("screenReader", false, isBoolean),
    sideBySide: remembered("sideBySide", true, isBoolean),
  };
  effect(() => {
    const theme = settings.theme.value;
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  });
  return settings;
}
