/** What to run, and how. */
import { WherryError } from "../../base/errors.ts";
import { joinWords } from "../../share/words.ts";
import { app } from "../context.ts";
import { define } from "../element.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { hasReference } from "../state/demos.ts";
import { DialogElement, field, textOf } from "./dialog.ts";
import { asCommandLine, runOptions } from "./run-options.ts";
import type { RunFields } from "./run-options.ts";

class RunDialogElement extends DialogElement {
  static override properties = { ...DialogElement.properties, image: {}, line: { state: true } };
  /** The image chosen at first; empty for the first there is. */
  declare image: string;
  declare line: string;

  constructor() {
    super();
    this.image = "";
    this.line = "";
  }

  protected heading(): string {
    return "Run a container";
  }

  protected actionLabel(): string {
    return "Run";
  }

  protected override firstUpdated(): void {
    super.firstUpdated();
    this.#preview();
  }

  protected override act(form: FormData): boolean {
    const options = runOptions(fieldsOf(form));
    const state = app();
    const demo = state.demos.list.value.find((each) => each.reference === options.image);
    if (demo !== undefined && state.demoImage(demo) === null) {
      state.showView("images");
      void state.loadDemo(demo).then((images) => images !== null && state.run(options));
    } else {
      state.run(options);
    }
    return true;
  }

  protected content(): TemplateResult {
    const choices = this.#images();
    if (choices.length === 0) {
      return html`<p>
        There is no image on this device yet. Add one first: drop an archive on the page, or give its address.
      </p>`;
    }
    const chosen = choices.includes(this.image) ? this.image : choices[0]!;
    const demo = app().demos.list.value.find((each) => hasReference([each.reference], chosen));
    return html`<div class="fields" @input=${() => this.#preview()}>
      ${field(
        "Image",
        html`<select class="input" name="image" data-first>
          ${choices.map((choice) => html`<option value=${choice} ?selected=${choice === chosen}>${choice}</option>`)}
        </select>`,
      )}
      ${field(
        "Command",
        html`<input
          class="input code"
          name="command"
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
          placeholder="the image’s own"
          .value=${demo === undefined ? "" : joinWords(demo.command)}
        />`,
        "Words as a shell splits them; quotes work.",
      )}
      <div class="checks">
        <label class="check"><input type="checkbox" name="tty" checked /><span>Terminal</span></label>
        <label class="check"><input type="checkbox" name="remove" /><span>Remove when it ends</span></label>
      </div>
      ${field(
        "Environment",
        html`<textarea
          class="input code"
          name="environment"
          rows="2"
          spellcheck="false"
          autocapitalize="off"
          placeholder="KEY=value"
        ></textarea>`,
        "One variable a line.",
      )}
      <div class="field-pair">
        ${field("Working directory", textInput("workingDirectory", "the image’s own"))}
        ${field("User", textInput("user", "the image’s own"))}
      </div>
      ${field("Name", textInput("name", "made up"))}
      <details class="more">
        <summary>More options</summary>
        <div class="field-pair">
          ${field("Entry point", textInput("entrypoint", "the image’s own"))}
          ${field("Host name", textInput("hostname", "the container’s id"))}
        </div>
        <label class="check"><input type="checkbox" name="readOnly" /><span>Read-only file system</span></label>
      </details>
      <details class="more">
        <summary>Engine</summary>
        <div class="field-pair">
          ${field(
            "Processor",
            choice("cpu", [
              ["x86-64-v2", "x86-64-v2"],
              ["x86-64-v3", "x86-64-v3, with AVX2"],
            ]),
          )}
          ${field(
            "Compile hot code",
            choice("jit", [
              ["on", "Yes"],
              ["off", "No: interpret everything"],
              ["force", "Everything, before it first runs"],
            ]),
          )}
        </div>
      </details>
      ${this.line === "" ? nothing : html`<p class="preview"><span class="soft">The same with Node</span><code>${this.line}</code></p>`}
    </div>`;
  }

  /** Images here, and the demos that one click would load. */
  #images(): readonly string[] {
    const state = app();
    const names = (state.images.value ?? []).map((image) => image.references[0] ?? image.id);
    const demos = state.demos.list.value.map((demo) => demo.reference);
    return [...names, ...demos.filter((demo) => !hasReference(names, demo))];
  }

  #preview(): void {
    const form = this.querySelector("form");
    if (form === null || this.querySelector("select") === null) return;
    try {
      this.line = asCommandLine(runOptions(fieldsOf(new FormData(form))));
    } catch (error) {
      // While somebody types it may be incomplete; pressing Run says what is wrong.
      if (!(error instanceof WherryError)) throw error;
    }
  }
}

function textInput(name: string, placeholder: string): TemplateResult {
  return html`<input
    class="input"
    name=${name}
    placeholder=${placeholder}
    autocomplete="off"
    autocapitalize="off"
    spellcheck="false"
  />`;
}

function choice(name: string, options: readonly (readonly [string, string])[]): TemplateResult {
  return html`<select class="input" name=${name}>
    ${options.map(([value, label]) => html`<option value=${value}>${label}</option>`)}
  </select>`;
}

function fieldsOf(form: FormData): RunFields {
  return {
    image: textOf(form, "image"),
    command: textOf(form, "command"),
    entrypoint: textOf(form, "entrypoint"),
    environment: textOf(form, "environment"),
    workingDirectory: textOf(form, "workingDirectory"),
    user: textOf(form, "user"),
    name: textOf(form, "name"),
    hostname: textOf(form, "hostname"),
    tty: form.has("tty"),
    remove: form.has("remove"),
    readOnly: form.has("readOnly"),
    cpu: textOf(form, "cpu"),
    jit: textOf(form, "jit"),
  };
}

define("wherry-run-dialog", RunDialogElement);
