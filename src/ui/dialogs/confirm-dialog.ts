/** Asks before something is deleted. */
import { define } from "../element.ts";
import { html } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import type { DialogRequest } from "../state/app-state.ts";
import { DialogElement } from "./dialog.ts";

class ConfirmDialogElement extends DialogElement {
  static override properties = { ...DialogElement.properties, request: { attribute: false } };
  declare request: Extract<DialogRequest, { kind: "confirm" }>;

  protected heading(): string {
    return this.request.title;
  }

  protected actionLabel(): string {
    return this.request.button;
  }

  protected override actionClass(): string {
    return "danger-solid";
  }

  protected override act(): boolean {
    this.request.confirm();
    return true;
  }

  protected content(): TemplateResult {
    return html`<p>${this.request.text}</p>`;
  }
}

define("wherry-confirm-dialog", ConfirmDialogElement);
