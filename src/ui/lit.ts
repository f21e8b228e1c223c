/** The one door to lit. */
export { html, LitElement, nothing, svg } from "lit";
export type { PropertyValues, TemplateResult } from "lit";
export { repeat } from "lit/directives/repeat.js";
