/** The base of the page's dialogs: a native modal <dialog>, labelled by its heading, closed by Escape or its buttons. */
import { app } from "../context.ts";
import { WherryElement } from "../element.ts";
import { icons } from "../icons.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";

export abstract class DialogElement extends WherryElement {
  static override properties: Record<string, object> = { problem: { state: true } };
  /** What is wrong with what was entered. */
  declare problem: string;

  constructor() {
    super();
    this.problem = "";
  }

  protected abstract heading(): string;
  protected abstract content(): TemplateResult;
  /** The button that does it. */
  protected abstract actionLabel(): string | null;
  /** True when done: the dialog closes. */
  protected act(_form: FormData): boolean {
    return true;
  }
  protected actionClass(): string {
    return "primary";
  }
  protected wide(): boolean {
    return false;
  }

  protected override firstUpdated(): void {
    const dialog = this.querySelector("dialog")!;
    dialog.showModal();
    // Without a field to fill, the heading: pressing Enter by habit must not run or delete anything.
    (dialog.querySelector<HTMLElement>("[data-first]") ?? dialog.querySelector("h2"))?.focus();
  }

  protected close(): void {
    this.querySelector("dialog")?.close();
  }

  protected override render(): TemplateResult {
    const action = this.actionLabel();
    return html`<dialog
      class="dialog ${this.wide() ? "dialog-wide" : ""}"
      aria-labelledby="dialog-heading"
      @close=${() => (app().dialog.value = null)}
    >
      <form @submit=${this.#submit} novalidate>
        <div class="dialog-head">
          <h2 id="dialog-heading" tabindex="-1">${this.heading()}</h2>
          <button
            class="button icon-button quiet"
            type="button"
            aria-label="Close"
            title="Close"
            @click=${() => this.close()}
          >
            ${icons.close}
          </button>
        </div>
        <div class="dialog-body">${this.content()}</div>
        <p class="problem" role="alert">${this.problem}</p>
        <div class="dialog-foot">
          <button class="button" type="button" @click=${() => this.close()}>
            ${action === null ? "Close" : "Cancel"}
          </button>
          ${
            action === null
              ? nothing
              : html`<button class="button ${this.actionClass()}" type="submit">${action}</button>`
          }
        </div>
      </form>
    </dialog>`;
  }

  #submit = (event: SubmitEvent) => {
    event.preventDefault();
    this.problem = "";
    try {
      // The state is cleared by the dialog's own close event, after what the action may have opened next.
      const before = app().dialog.value;
      if (!this.act(new FormData(event.target as HTMLFormElement))) return;
      if (app().dialog.value === before) this.close();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  };
}

export function field(label: string, control: TemplateResult, help: TemplateResult | string = ""): TemplateResult {
  return html`<label class="field"
    ><span class="field-label">${label}</span>${control}${
      help === "" ? nothing : html`<small class="soft">${help}</small>`
    }</label
  >`;
}

/** One trimmed text field of a form. */
export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
}
