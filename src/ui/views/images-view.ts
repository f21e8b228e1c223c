/** The first view: what Wherry is, the demos one click away, and the images kept on this device. */
import type { ImageSummary } from "../../engine/types.ts";
import { app } from "../context.ts";
import { define, WherryElement } from "../element.ts";
import { formatAge, formatBytes, shortId } from "../format.ts";
import { icons } from "../icons.ts";
import { html, nothing, repeat } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { menu } from "../menu.ts";
import type { Demo } from "../state/demos.ts";
import { loadProgress } from "./load-progress.ts";

class ImagesElement extends WherryElement {
  protected override render(): TemplateResult {
    const state = app();
    const loads = state.loads.list.value.filter((load) => load.demo === null);
    const images = state.images.value;
    return html`
      <div class="page">
        <section class="hero">
          <h1>Linux containers, in this tab</h1>
          <p>
            Real <span class="nowrap">linux/amd64</span> images, unpacked and run by your browser. Nothing is uploaded,
            no server computes for you, and it works offline.
          </p>
        </section>
        ${state.demos.list.value.length === 0 ? nothing : this.#demos(state.demos.list.value)}
        <section aria-labelledby="images-heading">
          <div class="section-head">
            <h2 id="images-heading">Images on this device</h2>
            <button class="button" @click=${() => (state.dialog.value = { kind: "add" })}>
              ${icons.plus}<span>Add image</span>
            </button>
          </div>
          ${loads.map((load) => html`<div class="card">${loadProgress(load)}</div>`)}
          ${images === null ? html`<p class="soft">Looking…</p>` : images.length === 0 ? empty() : table(images)}
        </section>
      </div>
    `;
  }

  #demos(demos: readonly Demo[]): TemplateResult {
    return html`<section aria-labelledby="demos-heading">
      <h2 id="demos-heading" class="visually-hidden">Demo images</h2>
      <ul class="cards">
        ${repeat(
          demos,
          (demo) => demo.name,
          (demo) => html`<li class="card">${this.#demo(demo)}</li>`,
        )}
      </ul>
    </section>`;
  }

  #demo(demo: Demo): TemplateResult {
    const state = app();
    const load = state.loads.list.value.find((each) => each.demo === demo.name);
    const here = state.demoImage(demo) !== null;
    return html`
      <h3>${demo.name}</h3>
      <p class="soft card-text">${demo.description}</p>
      ${
        load !== undefined
          ? loadProgress(load)
          : html`<div class="card-foot">
              <button class="button primary" @click=${() => void state.runDemo(demo)}>
                ${icons.play}<span>Run<span class="visually-hidden"> ${demo.name}</span></span>
              </button>
              ${menu(`demo-${demo.name}`, `More for ${demo.name}`, icons.more, [
                {
                  label: "Run with options…",
                  icon: icons.sliders,
                  run: () => (state.dialog.value = { kind: "run", image: demo.reference }),
                },
                { label: "Share…", icon: icons.share, run: () => (state.dialog.value = shareOf(demo)) },
              ])}
              <span class="soft card-size">${here ? "On this device" : formatBytes(demo.sizeBytes)}</span>
            </div>`
      }
    `;
  }
}

function shareOf(demo: Demo) {
  const options = { environment: [], workingDirectory: "", user: "", tty: true, name: "" };
  return { kind: "share", run: { image: demo.name, command: demo.command, ...options } } as const;
}

function empty(): TemplateResult {
  return html`<div class="empty">
    ${icons.images}
    <p>No images yet. Run a demo, or drop an archive made by <code>docker save</code> anywhere on this page.</p>
  </div>`;
}

function table(images: readonly ImageSummary[]): TemplateResult {
  return html`<table class="table" role="table">
    <caption class="visually-hidden">
      Images on this device
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col">Image</th>
        <th role="columnheader" scope="col">Platform</th>
        <th role="columnheader" scope="col">Size</th>
        <th role="columnheader" scope="col">Created</th>
        <th role="columnheader" scope="col"><span class="visually-hidden">Actions</span></th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${repeat(images, (image) => image.id, row)}
    </tbody>
  </table>`;
}

function row(image: ImageSummary): TemplateResult {
  const state = app();
  const name = image.references[0] ?? shortId(image.id);
  return html`<tr role="row">
    <th role="rowheader" scope="row">
      <span class="row-name">${image.references.length === 0 ? "(no name)" : image.references.join(", ")}</span>
      <code class="soft">${shortId(image.id)}</code>
    </th>
    <td role="cell" data-label="Platform">${image.platform.os}/${image.platform.architecture}</td>
    <td role="cell" data-label="Size">${formatBytes(image.sizeBytes)}</td>
    <td role="cell" data-label="Created">${image.createdSeconds <= 0 ? "—" : formatAge(image.createdSeconds)}</td>
    <td role="cell" class="actions">
      <button class="button" @click=${() => (state.dialog.value = { kind: "run", image: name })}>
        ${icons.play}<span>Run<span class="visually-hidden"> ${name}</span>…</span>
      </button>
      <button
        class="button icon-button danger"
        aria-label="Delete ${name}"
        title="Delete"
        @click=${() => state.removeImage(image)}
      >
        ${icons.trash}
      </button>
    </td>
  </tr>`;
}

define("wherry-images", ImagesElement);
