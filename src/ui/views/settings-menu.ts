/** Settings, storage, and what Wherry lacks, behind one button of the header. */
import type { EngineInfo } from "../../engine/types.ts";
import { app } from "../context.ts";
import { define, WherryElement } from "../element.ts";
import { formatBytes } from "../format.ts";
import { icons } from "../icons.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { place } from "../menu.ts";
import type { Theme } from "../state/settings.ts";
import { leaveChord } from "../terminal/types.ts";

const themes: readonly [Theme, string][] = [
  ["system", "System"],
  ["light", "Light"],
  ["dark", "Dark"],
];

class SettingsElement extends WherryElement {
  protected override render(): TemplateResult {
    const { settings, info, sessions } = app();
    return html`
      <button
        class="button icon-button"
        popovertarget="settings"
        aria-label="Settings and storage"
        title="Settings and storage"
      >
        ${icons.settings}
      </button>
      <div
        class="menu settings"
        id="settings"
        popover
        role="dialog"
        aria-label="Settings and storage"
        @toggle=${opened}
      >
        <fieldset class="choices">
          <legend>Appearance</legend>
          ${themes.map(
            ([theme, label]) =>
              html`<label class="choice">
                <input
                  type="radio"
                  name="theme"
                  .checked=${settings.theme.value === theme}
                  @change=${() => (settings.theme.value = theme)}
                />${label}
              </label>`,
          )}
        </fieldset>
        <label class="check">
          <input
            type="checkbox"
            .checked=${settings.screenReader.value}
            @change=${(event: Event) => {
              settings.screenReader.value = (event.target as HTMLInputElement).checked;
              for (const session of sessions.list.value) {
                session.terminal.value?.setScreenReader(settings.screenReader.value);
              }
            }}
          />
          <span>Screen reader mode<small class="soft">Terminals speak what is printed</small></span>
        </label>
        <h2>Keyboard</h2>
        <dl class="keys">
          <dt><kbd>Enter</kbd></dt>
          <dd>types into the focused terminal</dd>
          <dt><kbd>${leaveChord}</kbd></dt>
          <dd>leaves it</dd>
          <dt><kbd>Ctrl+C</kbd></dt>
          <dd>copies a selection, otherwise interrupts</dd>
          <dt><kbd>Ctrl+Shift+V</kbd></dt>
          <dd>pastes</dd>
        </dl>
        <h2>Storage</h2>
        ${this.#storage()} ${info.value === null || info.value.missing.length === 0 ? nothing : this.#missing()}
        ${info.value === null ? nothing : this.#emulator(info.value.emulator)}
        <p class="soft version">Wherry ${info.value?.version ?? ""}, Apache License 2.0</p>
      </div>
    `;
  }

  #storage(): TemplateResult {
    const { info, persisted } = app();
    const storage = info.value?.storage;
    if (storage === undefined) return html`<p class="soft">Not known yet.</p>`;
    const { usedBytes, quotaBytes } = storage;
    return html`
      ${
        quotaBytes === null
          ? nothing
          : html`<meter
              aria-label="Storage used"
              max=${quotaBytes}
              .value=${usedBytes}
              .high=${quotaBytes * 0.9}
            ></meter>`
      }
      <p class="soft">
        ${formatBytes(usedBytes)} used${quotaBytes === null ? "" : ` of ${formatBytes(quotaBytes)}`}.
        ${
          persisted.value
            ? "The browser keeps it until you delete it."
            : "The browser may clear it when space runs short."
        }
      </p>
    `;
  }

  #emulator({ cpu, jit, cacheBytes, containers, counters }: EngineInfo["emulator"]): TemplateResult {
    const count = (value: number) => Math.round(value).toLocaleString();
    return html`<h2>Emulator</h2>
      <p class="soft">${cpu}, jit ${jit}. ${formatBytes(cacheBytes)} kept for the next run.</p>
      ${
        counters === null
          ? nothing
          : html`<p class="soft">
              ${containers} running: ${count(counters.instructions)} instructions, ${count(counters.regions)} regions in
              ${count(counters.modules)} modules, ${count(counters.instructionsDecoded)} decoded.
            </p>`
      }`;
  }

  #missing(): TemplateResult {
    return html`<h2>Asked for, and missing</h2>
      <ul class="missing">
        ${app().info.value!.missing.map(
          ({ kind, name, count }) =>
            html`<li>
              <code>${name}</code> <span class="soft">${kind === "syscall" ? "system call" : kind}, ${count}×</span>
            </li>`,
        )}
      </ul>`;
  }
}

function opened(event: Event): void {
  place(event);
  if ((event as ToggleEvent).newState === "open") void app().refreshInfo();
}

define("wherry-settings", SettingsElement);
