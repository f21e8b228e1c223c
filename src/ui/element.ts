/**
 * The base of every element of the page. It renders into itself rather than a shadow root, so that one style sheet,
 * one set of labels and ids, and the browser's own find and translate work across the whole page. A signal read while
 * rendering makes the element render again when it changes.
 */
import { LitElement } from "./lit.ts";
import { effect } from "./signals.ts";

export class WherryElement extends LitElement {
  #stopWatching: (() => void) | null = null;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override performUpdate(): void {
    if (!this.isUpdatePending) return;
    this.#stopWatching?.();
    let rendering = true;
    this.#stopWatching = effect(() => {
      if (rendering) {
        rendering = false;
        super.performUpdate();
      } else {
        // The effect that ran only to tell of a change reads nothing, so it ends; the next render starts another.
        this.requestUpdate();
      }
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopWatching?.();
    this.#stopWatching = null;
  }
}

/** Registers an element once; a hot reload or a test may come by again. */
export function define(name: string, element: CustomElementConstructor): void {
  if (customElements.get(name) === undefined) customElements.define(name, element);
}
