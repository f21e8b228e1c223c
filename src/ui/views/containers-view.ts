/** The containers, running and stopped, and what can be done with each. */
import type { ContainerSummary } from "../../engine/types.ts";
import { joinWords } from "../../share/words.ts";
import { app } from "../context.ts";
import { define, WherryElement } from "../element.ts";
import { formatAge } from "../format.ts";
import { icons } from "../icons.ts";
import { html, nothing, repeat } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { menu } from "../menu.ts";
import type { MenuItem } from "../menu.ts";

class ContainersElement extends WherryElement {
  protected override render(): TemplateResult {
    const state = app();
    const containers = state.containers.value;
    return html`
      <div class="page">
        <div class="section-head">
          <h1>Containers</h1>
        </div>
        ${
          containers === null
            ? html`<p class="soft">Looking…</p>`
            : containers.length === 0
              ? empty()
              : table(containers)
        }
      </div>
    `;
  }
}

function empty(): TemplateResult {
  return html`<div class="empty">
    ${icons.containers}
    <p>No containers yet. Every image you run gets one, with a file system of its own.</p>
    <a class="button" href="#images">Choose an image</a>
  </div>`;
}

function table(containers: readonly ContainerSummary[]): TemplateResult {
  return html`<table class="table" role="table">
    <caption class="visually-hidden">
      Containers, newest first
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col">Name</th>
        <th role="columnheader" scope="col">Image</th>
        <th role="columnheader" scope="col">Command</th>
        <th role="columnheader" scope="col">Status</th>
        <th role="columnheader" scope="col"><span class="visually-hidden">Actions</span></th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${repeat(containers, (container) => container.id, row)}
    </tbody>
  </table>`;
}

function row(container: ContainerSummary): TemplateResult {
  const command = joinWords(container.command);
  return html`<tr role="row">
    <th role="rowheader" scope="row">
      <span class="row-name">${container.name}</span>
      <code class="soft">${container.id.slice(0, 12)}</code>
    </th>
    <td role="cell" data-label="Image">${container.image}</td>
    <td role="cell" data-label="Command">
      <code class="command" title=${command}>${command}</code>
    </td>
    <td role="cell" data-label="Status">${statusOf(container)}</td>
    <td role="cell" class="actions">${actions(container)}</td>
  </tr>`;
}

function statusOf(container: ContainerSummary): TemplateResult {
  if (container.status === "running") {
    const since = container.startedSeconds === null ? "" : `, started ${formatAge(container.startedSeconds)}`;
    return html`<span class="status"><span class="dot dot-running"></span>Running${since}</span>`;
  }
  if (container.status === "exited") {
    const code = container.exitCode ?? 0;
    const when = container.finishedSeconds === null ? "" : `, ${formatAge(container.finishedSeconds)}`;
    return html`<span class="status"
      ><span class="dot ${code === 0 ? "" : "dot-failed"}"></span>Exited (${code})${when}</span
    >`;
  }
  return html`<span class="status"><span class="dot"></span>${container.status}</span>`;
}

function actions(container: ContainerSummary): TemplateResult {
  const state = app();
  const { name } = container;
  const running = container.status === "running";
  const more: MenuItem[] = [
    ...(running
      ? [
          {
            label: "New terminal…",
            icon: icons.terminal,
            run: () => (state.dialog.value = { kind: "exec", container }),
          } satisfies MenuItem,
          {
            label: "Where time goes",
            icon: icons.stats,
            run: () => (state.dialog.value = { kind: "stats", container }),
          } satisfies MenuItem,
        ]
      : []),
    { label: "Logs", icon: icons.logs, run: () => (state.dialog.value = { kind: "logs", container }) },
    { label: "Share…", icon: icons.share, run: () => void state.shareContainer(container) },
    ...(running
      ? [{ label: "End at once", icon: icons.stop, run: () => void state.killContainer(container) } satisfies MenuItem]
      : []),
    { label: "Remove…", icon: icons.trash, danger: true, run: () => state.removeContainer(container) },
  ];
  const hidden = html`<span class="visually-hidden"> ${name}</span>`;
  return html`
    ${
      running
        ? html`<button class="button" @click=${() => state.openTerminal(container)}>
              ${icons.terminal}<span>Terminal${hidden}</span>
            </button>
            <button class="button" @click=${() => void state.stopContainer(container)}>
              ${icons.stop}<span>Stop${hidden}</span>
            </button>`
        : html`<button class="button" @click=${() => state.startContainer(container)}>
            ${icons.play}<span>Start${hidden}</span>
          </button>`
    }
    ${menu(`container-${container.id}`, `More for ${name}`, icons.more, more)} ${nothing}
  `;
}

define("wherry-containers", ContainersElement);
