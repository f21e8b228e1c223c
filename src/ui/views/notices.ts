/** The corner where short messages appear, and the live region that speaks. */
import { app } from "../context.ts";
import { define, WherryElement } from "../element.ts";
import { icons } from "../icons.ts";
import { html, nothing, repeat } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";

class NoticesElement extends WherryElement {
  protected override render(): TemplateResult {
    const { notices } = app();
    return html`
      <div class="visually-hidden" role="status" aria-live="polite">${notices.spoken.value}</div>
      <section class="notices" aria-label="Messages">
        ${repeat(
          notices.list.value,
          (notice) => notice.id,
          (notice) =>
            html`<div class="notice notice-${notice.kind}">
              ${notice.kind === "error" ? icons.warning : nothing}
              <div class="notice-text">
                <p>${notice.text}</p>
                ${notice.hint === "" ? nothing : html`<p class="soft">${notice.hint}</p>`}
                ${
                  notice.action === null
                    ? nothing
                    : html`<button class="button small" @click=${notice.action.run}>${notice.action.label}</button>`
                }
              </div>
              <button
                class="button icon-button quiet"
                aria-label="Dismiss"
                title="Dismiss"
                @click=${() => notices.dismiss(notice.id)}
              >
                ${icons.close}
              </button>
            </div>`,
        )}
      </section>
    `;
  }
}

define("wherry-notices", NoticesElement);
