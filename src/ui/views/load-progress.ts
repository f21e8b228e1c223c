/** One image being loaded: a bar for the whole, the layers below it, and what went wrong. */
import type { LoadProgress } from "../../engine/types.ts";
import { app } from "../context.ts";
import { formatBytes, formatPercent, shortId } from "../format.ts";
import { hintFor } from "../hints.ts";
import { html, nothing } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { totals } from "../state/loads.ts";
import type { Load } from "../state/loads.ts";

const phases: Record<LoadProgress["phase"], string> = {
  reading: "Reading",
  unpacking: "Unpacking",
  exists: "Already here",
  done: "Done",
};

export function loadProgress(load: Load): TemplateResult {
  if (load.error !== null) return failure(load, load.error.message, hintFor(load.error));
  const { done, total } = totals(load.layers);
  return html`<div class="load">
    <div class="load-head">
      <span>${load.cancelling ? "Cancelling" : "Loading"} ${load.title}</span>
      <span class="soft">${load.layers.length === 0 ? "" : formatPercent(done, total) || formatBytes(done)}</span>
    </div>
    ${bar(`Loading ${load.title}`, done, total)} ${load.layerCount > 1 ? layerList(load) : nothing}
    <div class="load-foot">
      <button class="button small" ?disabled=${load.cancelling} @click=${() => app().loads.cancel(load.id)}>
        Cancel
      </button>
    </div>
  </div>`;
}

function bar(label: string, done: number, total: number | null): TemplateResult {
  return total === null || total === 0
    ? html`<progress aria-label=${label}></progress>`
    : html`<progress aria-label=${label} max=${total} .value=${Math.min(done, total)}></progress>`;
}

function layerList(load: Load): TemplateResult {
  return html`<ol class="layers">
    ${load.layers.map(
      (layer) =>
        html`<li>
          <code>${shortId(layer.digest)}</code>
          ${bar(`Layer ${layer.layer + 1} of ${load.layerCount}`, layer.doneBytes, layer.totalBytes)}
          <span class="soft">${phases[layer.phase]}</span>
        </li>`,
    )}
  </ol>`;
}

function failure(load: Load, text: string, hint: string): TemplateResult {
  return html`<div class="load load-failed">
    <p><strong>${load.title} could not be loaded.</strong></p>
    <p>${text}</p>
    <p class="soft">${hint}</p>
    <div class="load-foot">
      <button class="button small" @click=${() => app().loads.dismiss(load.id)}>Dismiss</button>
    </div>
  </div>`;
}
