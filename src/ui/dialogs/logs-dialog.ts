/** What a container has printed, followed while it runs. */
import { limits } from "../../base/limits.ts";
import { WherryError } from "../../base/errors.ts";
import type { ContainerSummary } from "../../engine/types.ts";
import { app } from "../context.ts";
import { define } from "../element.ts";
import { icons } from "../icons.ts";
import { html } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { saveFile } from "../save-file.ts";
import { stripEscapes } from "../terminal/escapes.ts";
import { DialogElement } from "./dialog.ts";

/** Redrawing text is slow; twice a second is often enough to follow. */
const drawMs = 500;

class LogsDialogElement extends DialogElement {
  static override properties = { ...DialogElement.properties, container: { attribute: false }, text: { state: true } };
  declare container: ContainerSummary;
  declare text: string;
  #reader: ReadableStreamDefaultReader<{ bytes: Uint8Array }> | null = null;
  #gone = false;

  constructor() {
    super();
    this.text = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#gone = true;
    this.#reader?.cancel().catch(() => {});
  }

  protected override firstUpdated(): void {
    super.firstUpdated();
    void this.#read();
  }

  protected heading(): string {
    return `Logs of ${this.container.name}`;
  }

  protected actionLabel(): null {
    return null;
  }

  protected override wide(): boolean {
    return true;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let raw = "";
    let timer: ReturnType<typeof setTimeout> | null = null;
    const draw = () => {
      timer = null;
      const holder = this.querySelector(".logs");
      const atEnd = holder === null || holder.scrollTop + holder.clientHeight >= holder.scrollHeight - 4;
      this.text = stripEscapes(raw);
      if (atEnd) void this.updateComplete.then(() => holder?.scrollTo(0, holder.scrollHeight));
    };
    try {
      const follow = this.container.status === "running";
      const stream = await app().engine.containers.logs(this.container.id, { follow });
      this.#reader = stream.getReader();
      if (this.#gone) await this.#reader.cancel();
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (done) break;
        raw += decoder.decode(value.bytes, { stream: true });
        if (raw.length > limits.logCharactersShownMax) raw = raw.slice(-limits.logCharactersShownMax);
        timer ??= setTimeout(draw, drawMs);
      }
      draw();
    } catch (reason) {
      if (!this.#gone) this.problem = WherryError.from(reason).message;
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  }

  protected content(): TemplateResult {
    return html`
      <pre class="logs" tabindex="0" role="region" aria-label="Log text">
${this.text === "" ? "Nothing yet." : this.text}</pre>
      <button class="button small" type="button" @click=${() => saveFile(`${this.container.name}.log`, this.text)}>
        ${icons.save}<span>Save</span>
      </button>
    `;
  }
}

define("wherry-logs-dialog", LogsDialogElement);
