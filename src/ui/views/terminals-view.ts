/** The open terminals: a bar to choose one, and the panes, one at a time or side by side. */
import { app } from "../context.ts";
import { define, WherryElement } from "../element.ts";
import { icons } from "../icons.ts";
import { html, nothing, repeat } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import type { Session } from "../state/sessions.ts";
import "./terminal-pane.ts";

class TerminalsElement extends WherryElement {
  protected override render(): TemplateResult {
    const state = app();
    const open = state.openSessions.value;
    if (open.length === 0) return empty();
    const active = state.sessions.active.value ?? open[0]!;
    const sideBySide = state.settings.sideBySide.value && open.length > 1;
    return html`
      <h1 class="visually-hidden">Terminals</h1>
      ${open.length > 1 ? this.#bar(open, active) : nothing}
      <div class="panes ${sideBySide ? "panes-side" : ""}" data-count=${Math.min(open.length, 5)}>
        ${repeat(
          open,
          (session) => session.key,
          (session) =>
            html`<wherry-terminal-pane
              class="pane ${session === active ? "pane-active" : ""}"
              .session=${session}
            ></wherry-terminal-pane>`,
        )}
      </div>
    `;
  }

  #bar(open: readonly Session[], active: Session): TemplateResult {
    const { settings } = app();
    return html`<div class="terminal-bar">
      <ul class="terminal-list" aria-label="Open terminals">
        ${open.map(
          (session) =>
            html`<li>
              <button
                class="terminal-choice"
                aria-current=${session === active ? "true" : nothing}
                @click=${() => app().sessions.show(session)}
              >
                <span class="dot dot-${session.status.value.kind}"></span>${session.title.value}
              </button>
            </li>`,
        )}
      </ul>
      <button
        class="button small side-toggle"
        aria-pressed=${settings.sideBySide.value}
        @click=${() => (settings.sideBySide.value = !settings.sideBySide.value)}
      >
        ${icons.columns}<span>Side by side</span>
      </button>
    </div>`;
  }
}

function empty(): TemplateResult {
  return html`<div class="page">
    <h1>Terminals</h1>
    <div class="empty">
      ${icons.terminal}
      <p>No terminal is open. Run an image, or open the terminal of a running container.</p>
      <a class="button" href="#images">Choose an image</a>
    </div>
  </div>`;
}

define("wherry-terminals", TerminalsElement);
