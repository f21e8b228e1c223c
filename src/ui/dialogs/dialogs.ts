/** Shows the dialog that is asked for; one at a time. */
import { app } from "../context.ts";
import { define, WherryElement } from "../element.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import type { DialogRequest } from "../state/app-state.ts";
import "./add-dialog.ts";
import "./confirm-dialog.ts";
import "./exec-dialog.ts";
import "./logs-dialog.ts";
import "./run-dialog.ts";
import "./share-dialog.ts";
import "./stats-dialog.ts";

class DialogsElement extends WherryElement {
  protected override render(): TemplateResult | typeof nothing {
    const request = app().dialog.value;
    return request === null ? nothing : dialogFor(request);
  }
}

function dialogFor(request: DialogRequest): TemplateResult {
  switch (request.kind) {
    case "run":
      return html`<wherry-run-dialog .image=${request.image ?? ""}></wherry-run-dialog>`;
    case "add":
      return html`<wherry-add-dialog></wherry-add-dialog>`;
    case "exec":
      return html`<wherry-exec-dialog .container=${request.container}></wherry-exec-dialog>`;
    case "logs":
      return html`<wherry-logs-dialog .container=${request.container}></wherry-logs-dialog>`;
    case "stats":
      return html`<wherry-stats-dialog .container=${request.container}></wherry-stats-dialog>`;
    case "share":
      return html`<wherry-share-dialog .run=${request.run}></wherry-share-dialog>`;
    case "shared":
      return html`<wherry-shared-dialog .run=${request.run}></wherry-shared-dialog>`;
    case "confirm":
      return html`<wherry-confirm-dialog .request=${request}></wherry-confirm-dialog>`;
  }
}

define("wherry-dialogs", DialogsElement);
