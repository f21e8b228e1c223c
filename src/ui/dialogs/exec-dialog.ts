/** A second process in a running container. */
import { WherryError } from "../../base/errors.ts";
import type { ContainerSummary } from "../../engine/types.ts";
import { splitWords } from "../../share/words.ts";
import { app } from "../context.ts";
import { define } from "../element.ts";
import { html } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { DialogElement, field, textOf } from "./dialog.ts";

class ExecDialogElement extends DialogElement {
  static override properties = { ...DialogElement.properties, container: { attribute: false } };
  declare container: ContainerSummary;

  protected heading(): string {
    return `New terminal in ${this.container.name}`;
  }

  protected actionLabel(): string {
    return "Open";
  }

  protected override act(form: FormData): boolean {
    const command = splitWords(textOf(form, "command"));
    if (command.length === 0) throw new WherryError("usage", "Give a command, such as sh.");
    const user = textOf(form, "user");
    app().sessions.exec(this.container.id, `${this.container.name}: ${command[0]!}`, {
      command,
      tty: true,
      interactive: true,
      ...(user === "" ? {} : { user }),
    });
    app().showView("terminals");
    return true;
  }

  protected content(): TemplateResult {
    return html`<div class="fields">
      ${field(
        "Command",
        html`<input
          class="input code"
          name="command"
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
          .value=${"sh"}
          data-first
        />`,
      )}
      ${field("User", html`<input class="input" name="user" autocomplete="off" placeholder="the container’s own" />`)}
    </div>`;
  }
}

define("wherry-exec-dialog", ExecDialogElement);
