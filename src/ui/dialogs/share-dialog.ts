/** A link to a run, and what somebody who opens one sees: what would run, and a button. */
import type { SharedRun } from "../../share/link.ts";
import { joinWords } from "../../share/words.ts";
import { app } from "../context.ts";
import { define } from "../element.ts";
import { formatBytes } from "../format.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { DialogElement } from "./dialog.ts";

class ShareDialogElement extends DialogElement {
  static override properties = { ...DialogElement.properties, run: { attribute: false }, address: { state: true } };
  declare run: SharedRun;
  declare address: string;

  constructor() {
    super();
    this.address = "";
  }

  protected override firstUpdated(): void {
    super.firstUpdated();
    void app()
      .shareAddress(this.run)
      .then((address) => {
        this.address = address;
        return this.updateComplete;
      })
      .then(() => this.querySelector<HTMLInputElement>(".share-address")?.select());
  }

  protected heading(): string {
    return "Share this run";
  }

  protected actionLabel(): string {
    return "Copy link";
  }

  protected override act(): boolean {
    const input = this.querySelector<HTMLInputElement>(".share-address");
    input?.select();
    navigator.clipboard.writeText(this.address).then(
      () => {
        app().notices.info("The link is copied.");
        this.close();
      },
      () => (this.problem = "The browser did not allow copying. The link is selected: copy it with the keyboard."),
    );
    return false;
  }

  protected content(): TemplateResult {
    return html`
      <p>Whoever opens the link sees what would run, and has to press Run. Nothing starts by itself.</p>
      <label class="field"
        ><span class="field-label">Link</span
        ><input class="input code share-address" readonly data-first .value=${this.address}
      /></label>
      ${describe(this.run)}
    `;
  }
}

class SharedDialogElement extends DialogElement {
  static override properties = { ...DialogElement.properties, run: { attribute: false } };
  declare run: SharedRun;

  protected heading(): string {
    return "Someone shared this with you";
  }

  protected actionLabel(): string | null {
    const { demo, url } = app().describeShared(this.run);
    return demo === null && url === null ? null : "Run";
  }

  protected override act(): boolean {
    const { run } = this;
    app().showView("images");
    void app().runShared(run);
    return true;
  }

  protected content(): TemplateResult {
    const state = app();
    const { demo, url, here } = state.describeShared(this.run);
    if (demo === null && url === null) {
      const text = state.demos.ready.value ? "It is no demo of this site." : "Looking for it…";
      return html`<p>The link asks for the image <strong>${this.run.image}</strong>. ${text}</p>`;
    }
    return html`
      <p>Nothing has run yet. If you press Run, this happens in your browser:</p>
      ${describe(this.run, origin(demo === null ? url : null, demo?.sizeBytes ?? null, here !== null))}
    `;
  }
}

function origin(url: string | null, sizeBytes: number | null, here: boolean): TemplateResult {
  if (here) return html`is on this device already`;
  if (url !== null) return html`is downloaded from <strong>${new URL(url).host}</strong>`;
  return html`is downloaded from this site${sizeBytes === null ? "" : ` (${formatBytes(sizeBytes)})`}`;
}

function describe(run: SharedRun, from: TemplateResult | null = null): TemplateResult {
  return html`<dl class="facts">
    <dt>Image</dt>
    <dd><code>${run.image}</code>${from === null ? nothing : html`<span class="soft">${from}</span>`}</dd>
    <dt>Command</dt>
    <dd>
      ${run.command.length === 0 ? html`<span class="soft">the image’s own</span>` : html`<code>${joinWords(run.command)}</code>`}
    </dd>
    ${
      run.environment.length === 0
        ? nothing
        : html`<dt>Environment</dt>
            <dd>${run.environment.map((variable) => html`<code>${variable}</code>`)}</dd>`
    }
    ${
      run.workingDirectory === ""
        ? nothing
        : html`<dt>Working directory</dt>
            <dd><code>${run.workingDirectory}</code></dd>`
    }
    ${
      run.user === ""
        ? nothing
        : html`<dt>User</dt>
            <dd><code>${run.user}</code></dd>`
    }
    ${
      run.cpu === undefined && run.jit === undefined
        ? nothing
        : html`<dt>Engine</dt>
            <dd>
              ${run.cpu === undefined ? nothing : html`<code>${run.cpu}</code>`}
              ${run.jit === undefined ? nothing : html`<code>jit ${run.jit}</code>`}
            </dd>`
    }
    <dt>Network</dt>
    <dd>None: programs in the container cannot reach any network</dd>
  </dl>`;
}

define("wherry-share-dialog", ShareDialogElement);
define("wherry-shared-dialog", SharedDialogElement);
