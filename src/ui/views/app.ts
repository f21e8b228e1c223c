/** The page's frame: header, navigation, the view shown, dialogs, notices, and dropping files anywhere. */
import { app } from "../context.ts";
import { define, WherryElement } from "../element.ts";
import { icons, logo } from "../icons.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { views } from "../state/app-state.ts";
import type { View } from "../state/app-state.ts";
import "../dialogs/dialogs.ts";
import "./containers-view.ts";
import "./images-view.ts";
import "./notices.ts";
import "./settings-menu.ts";
import "./terminals-view.ts";

const titles: Record<View, string> = { images: "Images", containers: "Containers", terminals: "Terminals" };

class AppElement extends WherryElement {
  static override properties = { dropping: { state: true } };
  declare dropping: boolean;

  constructor() {
    super();
    this.dropping = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("dragenter", this.#onDrag);
    addEventListener("dragover", this.#onDrag);
    addEventListener("dragleave", this.#onDragLeave);
    addEventListener("drop", this.#onDrop);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("dragenter", this.#onDrag);
    removeEventListener("dragover", this.#onDrag);
    removeEventListener("dragleave", this.#onDragLeave);
    removeEventListener("drop", this.#onDrop);
  }

  #onDrag = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes("Files") !== true) return;
    event.preventDefault();
    this.dropping = true;
  };

  #onDragLeave = (event: DragEvent) => {
    if (event.relatedTarget === null) this.dropping = false;
  };

  #onDrop = (event: DragEvent) => {
    if (event.dataTransfer === null || event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    this.dropping = false;
    app().showView("images");
    app().loadFiles(event.dataTransfer.files);
  };

  protected override render(): TemplateResult {
    const state = app();
    const view = state.view.value;
    return html`
      <a class="skip" href="#main" @click=${skipToMain}>Skip to content</a>
      <header class="header">
        <a class="brand" href="#images">${logo}<span>Wherry</span></a>
        <nav class="nav" aria-label="Main">${views.map((each) => this.#link(each, each === view))}</nav>
        <div class="header-end">
          ${state.online.value ? nothing : html`<span class="chip">Offline</span>`}
          <button class="button primary header-run" @click=${() => (state.dialog.value = { kind: "run", image: null })}>
            ${icons.play}<span>Run</span>
          </button>
          <wherry-settings></wherry-settings>
        </div>
      </header>
      <main id="main" class="main main-${view}" tabindex="-1">
        <wherry-images ?hidden=${view !== "images"}></wherry-images>
        <wherry-containers ?hidden=${view !== "containers"}></wherry-containers>
        <wherry-terminals ?hidden=${view !== "terminals"}></wherry-terminals>
      </main>
      <wherry-dialogs></wherry-dialogs>
      <wherry-notices></wherry-notices>
      <div class="drop ${this.dropping ? "drop-on" : ""}" aria-hidden="true">
        <div class="drop-inner">
          ${icons.images}
          <p>Drop an image archive to load it</p>
        </div>
      </div>
    `;
  }

  #link(view: View, current: boolean): TemplateResult {
    const count = this.#count(view);
    return html`<a href="#${view}" class="nav-link" aria-current=${current ? "page" : nothing}>
      ${icons[view === "terminals" ? "terminal" : view]}<span>${titles[view]}</span>
      ${count === 0 ? nothing : html`<span class="count" aria-label=${`${count}`}>${count}</span>`}
    </a>`;
  }

  #count(view: View): number {
    const state = app();
    if (view === "images") return 0;
    return view === "containers" ? state.runningCount.value : state.openSessions.value.length;
  }
}

function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

define("wherry-app", AppElement);
