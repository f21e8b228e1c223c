/**
 * One terminal with its bar. The pane, not the screen inside it, is what Tab reaches: Enter goes in, `leaveChord`
 * comes out, and the line at the bottom says which of the two applies.
 */
import type { WherryError } from "../../base/errors.ts";
import { app } from "../context.ts";
import { define, WherryElement } from "../element.ts";
import { hintFor } from "../hints.ts";
import { icons } from "../icons.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { menu } from "../menu.ts";
import type { MenuItem } from "../menu.ts";
import { saveFile } from "../save-file.ts";
import { effect } from "../signals.ts";
import type { Session } from "../state/sessions.ts";
import { findEvent, leaveChord, leaveEvent, touchKeys } from "../terminal/types.ts";

class TerminalPaneElement extends WherryElement {
  static override properties = { session: { attribute: false }, inside: { state: true }, finding: { state: true } };
  declare session: Session;
  declare inside: boolean;
  declare finding: boolean;
  #observer: ResizeObserver | null = null;
  #stop: (() => void) | null = null;
  #frame = 0;
  #focused = false;

  constructor() {
    super();
    this.inside = false;
    this.finding = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer?.disconnect();
    this.#stop?.();
    cancelAnimationFrame(this.#frame);
  }

  protected override firstUpdated(): void {
    const holder = this.#holder();
    this.#observer = new ResizeObserver(() => {
      cancelAnimationFrame(this.#frame);
      this.#frame = requestAnimationFrame(() => this.session.terminal.value?.fit());
    });
    this.#observer.observe(holder);
    holder.addEventListener(leaveEvent, () => holder.focus());
    holder.addEventListener(findEvent, () => this.#find(true));
    // The screen is made elsewhere and outlives this pane; here it is only hung in.
    this.#stop = effect(() => {
      const terminal = this.session.terminal.value;
      if (terminal === null) return;
      holder.replaceChildren(terminal.element);
      terminal.fit();
      // Whoever started it means to type; but focus is never taken from somebody who has gone on.
      if (!this.#focused && this.closest("dialog") === null) {
        this.#focused = true;
        terminal.focus();
      }
    });
  }

  protected override render(): TemplateResult {
    const { session } = this;
    const status = session.status.value;
    return html`
      <div class="pane-bar">
        <span class="dot dot-${status.kind}"></span>
        <span class="pane-title">${session.title.value}</span>
        <span class="soft pane-status">${this.#statusText()}</span>
        ${status.kind === "exited" && session.kind === "run" ? this.#startAgain() : nothing}
        <span class="pane-tools">
          <button
            class="button icon-button quiet"
            aria-label="Find in the terminal"
            title="Find (Ctrl+Shift+F)"
            aria-expanded=${this.finding}
            @click=${() => this.#find(!this.finding)}
          >
            ${icons.search}
          </button>
          ${menu(`session-${session.key}`, `More for terminal ${session.title.value}`, icons.more, this.#menuItems())}
          <button
            class="button icon-button quiet"
            aria-label="Close terminal ${session.title.value}"
            title="Close"
            @click=${() => app().sessions.close(session)}
          >
            ${icons.close}
          </button>
        </span>
      </div>
      ${this.finding ? this.#findBar() : nothing} ${status.kind === "failed" ? failure(status.error) : nothing}
      <div
        class="terminal-holder"
        role="group"
        tabindex="0"
        aria-label="Terminal ${session.title.value}"
        aria-describedby="keys-${session.key}"
        @keydown=${this.#keydown}
        @focusin=${(event: FocusEvent) => this.#focusChanged(event)}
        @focusout=${() => (this.inside = false)}
      ></div>
      <p class="pane-keys" id="keys-${session.key}">
        ${this.inside ? `${leaveChord} leaves the terminal` : "Enter types into the terminal"}
      </p>
      <div class="pane-touch" role="group" aria-label="Keys">
        ${touchKeys.map(
          (key) =>
            html`<button
              class="button small"
              @pointerdown=${(event: Event) => event.preventDefault()}
              @click=${() => session.terminal.value?.press(key)}
            >
              ${key}
            </button>`,
        )}
      </div>
    `;
  }

  #holder(): HTMLElement {
    return this.querySelector<HTMLElement>(".terminal-holder")!;
  }

  #keydown(event: KeyboardEvent): void {
    if (event.target !== this.#holder() || event.key !== "Enter" || event.ctrlKey) return;
    event.preventDefault();
    this.session.terminal.value?.focus();
  }

  #focusChanged(event: FocusEvent): void {
    this.inside = event.target !== this.#holder();
    app().sessions.active.value = this.session;
  }

  #statusText(): string {
    const status = this.session.status.value;
    if (status.kind === "starting") return "Starting…";
    if (status.kind === "running") return this.#containerName();
    if (status.kind === "exited") return `Ended with exit code ${status.code}`;
    return "Did not start";
  }

  /** Only where it says more than the title. */
  #containerName(): string {
    const name = app().containers.value?.find((each) => each.id === this.session.containerId.value)?.name ?? "";
    return this.session.title.value.startsWith(name) ? "" : name;
  }

  #menuItems(): readonly MenuItem[] {
    const state = app();
    const { session } = this;
    const id = session.containerId.value;
    const container = state.containers.value?.find((each) => each.id === id);
    const items: MenuItem[] = [];
    if (container !== undefined && container.status === "running") {
      items.push(
        {
          label: "New terminal…",
          icon: icons.terminal,
          run: () => (state.dialog.value = { kind: "exec", container }),
        },
        { label: "Stop", icon: icons.stop, run: () => void state.stopContainer(container) },
      );
    }
    items.push({
      label: "Save text",
      icon: icons.save,
      run: () => saveFile(`${session.title.value}.txt`, session.terminal.value?.text() ?? ""),
    });
    if (container !== undefined) {
      items.push({ label: "Share…", icon: icons.share, run: () => void state.shareContainer(container) });
    }
    return items;
  }

  /** Gone with `--rm`: then there is nothing to start. */
  #startAgain(): TemplateResult | typeof nothing {
    const container = app().containers.value?.find((each) => each.id === this.session.containerId.value);
    return container === undefined
      ? nothing
      : html`<button class="button small" @click=${() => app().startContainer(container)}>
          ${icons.play}<span>Start again</span>
        </button>`;
  }

  #find(on: boolean): void {
    this.finding = on;
    if (on) void this.updateComplete.then(() => this.querySelector<HTMLInputElement>(".find-input")?.focus());
    else this.session.terminal.value?.focus();
  }

  #findBar(): TemplateResult {
    const search = (text: string, backwards: boolean) => {
      if (this.session.terminal.value?.find(text, backwards) === false) app().notices.announce("Not found");
    };
    return html`<div class="find" role="search">
      <input
        class="input find-input"
        type="search"
        aria-label="Find in the terminal"
        placeholder="Find"
        @input=${(event: Event) => search((event.target as HTMLInputElement).value, true)}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key === "Enter") search((event.target as HTMLInputElement).value, !event.shiftKey);
          if (event.key === "Escape") this.#find(false);
        }}
      />
    </div>`;
  }
}

function failure(error: WherryError): TemplateResult {
  return html`<div class="pane-error" role="alert">
    ${icons.warning}
    <div>
      <p>${error.message}</p>
      <p class="soft">${hintFor(error)}</p>
    </div>
  </div>`;
}

define("wherry-terminal-pane", TerminalPaneElement);
