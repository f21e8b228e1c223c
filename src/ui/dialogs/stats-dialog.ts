/** What a running container uses, and where its time goes; read again each second while the dialog is open. */
import { WherryError } from "../../base/errors.ts";
import { limits } from "../../base/limits.ts";
import type { ContainerStats, ContainerSummary } from "../../engine/types.ts";
import { app } from "../context.ts";
import { define } from "../element.ts";
import { formatBytes } from "../format.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { DialogElement } from "./dialog.ts";

type EngineStats = NonNullable<ContainerStats["engine"]>;

const accounts: readonly (readonly [keyof EngineStats["accounts"], string])[] = [
  ["interpreterMs", "Interpreter"],
  ["compiledMs", "Compiled code"],
  ["compilingMs", "Compiling"],
  ["decodingMs", "Decoding"],
  ["faultsMs", "Page faults"],
  ["kernelMs", "System calls"],
  ["idleMs", "Idle"],
];

const count = (value: number): string => Math.round(value).toLocaleString();
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

class StatsDialogElement extends DialogElement {
  static override properties = {
    ...DialogElement.properties,
    container: { attribute: false },
    previous: { state: true },
    now: { state: true },
  };
  declare container: ContainerSummary;
  declare previous: ContainerStats | null;
  declare now: ContainerStats | null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #gone = false;

  constructor() {
    super();
    this.previous = null;
    this.now = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#gone = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  protected override firstUpdated(): void {
    super.firstUpdated();
    void this.#read();
  }

  protected heading(): string {
    return `Where the time of ${this.container.name} goes`;
  }

  protected actionLabel(): null {
    return null;
  }

  protected override wide(): boolean {
    return true;
  }

  async #read(): Promise<void> {
    try {
      const read = await app().engine.containers.stats(this.container.id);
      this.previous = this.now;
      this.now = read;
      if (!this.#gone) this.#timer = setTimeout(() => void this.#read(), limits.statsIntervalMs);
    } catch (reason) {
      // Once it has ended, the last figures stay.
      if (!this.#gone) this.problem = WherryError.from(reason).message;
    }
  }

  protected content(): TemplateResult {
    const { now, previous: before } = this;
    if (now === null) return html`<p class="soft">Looking…</p>`;
    const elapsed = before === null ? 0 : now.readMs - before.readMs;
    const cpu = before === null || elapsed <= 0 ? null : ((now.cpuMs - before.cpuMs) / elapsed) * 100;
    return html`
      <dl class="facts">
        <dt>Processor</dt>
        <dd>${seconds(now.cpuMs)}${cpu === null ? nothing : html`, now ${Math.max(0, cpu).toFixed(0)} %`}</dd>
        <dt>Memory</dt>
        <dd>${formatBytes(now.memoryBytes)} of ${formatBytes(now.memoryBytesMax)}</dd>
        <dt>Processes</dt>
        <dd>${now.pids}</dd>
      </dl>
      ${now.engine === null ? nothing : engine(now.engine, before?.engine ?? null)}
    `;
  }
}

function engine(now: EngineStats, before: EngineStats | null): TemplateResult {
  const sum = (times: EngineStats["accounts"]) => Object.values(times).reduce((all, ms) => all + ms, 0);
  const all = sum(now.accounts);
  const lately = before === null ? 0 : all - sum(before.accounts);
  const share = (part: number, whole: number) => (whole > 0 ? `${Math.max(0, (part / whole) * 100).toFixed(1)} %` : "");
  return html`
    <table class="stats">
      <caption>
        Time since the start, by kind
      </caption>
      <thead>
        <tr>
          <th scope="col">Where</th>
          <th scope="col">Time</th>
          <th scope="col">Share</th>
          <th scope="col">Now</th>
        </tr>
      </thead>
      <tbody>
        ${accounts.map(
          ([key, words]) =>
            html`<tr data-account=${key}>
              <th scope="row">${words}</th>
              <td>${seconds(now.accounts[key])}</td>
              <td>${share(now.accounts[key], all)}</td>
              <td>${before === null ? "" : share(now.accounts[key] - before.accounts[key], lately)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    <table class="stats">
      <caption>
        System calls that took longest
      </caption>
      <thead>
        <tr>
          <th scope="col">Call</th>
          <th scope="col">Count</th>
          <th scope="col">Time</th>
        </tr>
      </thead>
      <tbody>
        ${now.topSyscalls.map(
          (call) =>
            html`<tr>
              <th scope="row"><code>${call.name}</code></th>
              <td>${count(call.count)}</td>
              <td>${call.ms.toFixed(1)} ms</td>
            </tr>`,
        )}
      </tbody>
    </table>
    <p class="soft">
      ${now.cpu}, jit ${now.jit}: ${count(now.counters.instructions)} instructions, ${count(now.counters.regions)}
      regions compiled in ${count(now.counters.modules)} modules, ${count(now.pageFaults)} page faults,
      ${formatBytes(now.wasmBytes)} of WebAssembly memory.
    </p>
    ${
      now.missing.length === 0
        ? nothing
        : html`<p class="soft">
            Missing: ${now.missing.map((each) => html`<code>${each.name}</code> ${count(each.count)}× `)}
          </p>`
    }
  `;
}

define("wherry-stats-dialog", StatsDialogElement);
