/**
 * A button that opens a small list of actions: a native popover, so Escape and a click outside close it and focus
 * comes back by itself. It is placed by hand because anchor positioning is not everywhere yet.
 */
import { html } from "./lit.ts";
import type { TemplateResult } from "./lit.ts";

export interface MenuItem {
  readonly label: string;
  readonly icon: TemplateResult;
  readonly run: () => void;
  readonly danger?: boolean;
}

let nextId = 1;
const ids = new Map<string, string>();

/** `key` says which menu it is across renders. */
export function menu(key: string, label: string, icon: TemplateResult, items: readonly MenuItem[]): TemplateResult {
  let id = ids.get(key);
  if (id === undefined) {
    id = `menu-${nextId++}`;
    ids.set(key, id);
  }
  const choose = (event: Event, item: MenuItem) => {
    (event.currentTarget as HTMLElement).closest<HTMLElement>("[popover]")?.hidePopover();
    item.run();
  };
  return html`<button class="button icon-button" popovertarget=${id} aria-label=${label} title=${label}>${icon}</button>
    <div class="menu" id=${id} popover @toggle=${place}>
      ${items.map(
        (item) =>
          html`<button
            class="menu-item ${item.danger === true ? "danger" : ""}"
            @click=${(event: Event) => choose(event, item)}
          >
            ${item.icon}<span>${item.label}</span>
          </button>`,
      )}
    </div>`;
}

/** Below the button, or above it where there is no room; inside the window either way. */
export function place(event: Event): void {
  const popover = event.currentTarget as HTMLElement;
  if ((event as ToggleEvent).newState !== "open") return;
  const button = document.querySelector(`[popovertarget="${popover.id}"]`);
  if (button === null) return;
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popover;
  const gap = 6;
  const below = at.bottom + gap + height <= innerHeight;
  popover.style.top = `${Math.max(gap, below ? at.bottom + gap : at.top - gap - height)}px`;
  popover.style.left = `${Math.max(gap, Math.min(at.right - width, innerWidth - width - gap))}px`;
}
