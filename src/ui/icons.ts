/** The page's icons, drawn on a 24 grid with a 1.75 stroke. Decoration: the text beside them says what they mean. */
import { html, svg } from "./lit.ts";
import type { TemplateResult } from "./lit.ts";

const icon = (body: TemplateResult): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${body}</svg>`;

export const icons = {
  images: icon(
    svg`<path d="M12 3 3.500 7.500 12 12l8.500-4.500z"/><path d="m3.500 12 8.500 4.500 8.500-4.500"/><path d="m3.500 16.500 8.500 4.500 8.500-4.500"/>`,
  ),
  containers: icon(svg`<rect x="3" y="6" width="18" height="13" rx="2"/><path d="M8 9.500v6M12 9.500v6M16 9.500v6"/>`),
  terminal: icon(
    svg`<rect x="3" y="4.500" width="18" height="15" rx="2"/><path d="m7 9.500 3 2.500-3 2.500M12.500 15H17"/>`,
  ),
  play: icon(svg`<path d="M8 5.500v13l10.500-6.500z"/>`),
  stop: icon(svg`<rect x="6.500" y="6.500" width="11" height="11" rx="1.500"/>`),
  trash: icon(svg`<path d="M5 7h14M10 7V4.500h4V7M7 7l1 12.500h8L17 7"/>`),
  share: icon(
    svg`<circle cx="6.500" cy="12" r="2.500"/><circle cx="17" cy="6" r="2.500"/><circle cx="17" cy="18" r="2.500"/><path d="m8.800 10.800 6-3.500M8.800 13.200l6 3.500"/>`,
  ),
  plus: icon(svg`<path d="M12 5v14M5 12h14"/>`),
  more: icon(svg`<circle cx="6" cy="12" r="1"/><circle cx="12" cy="12" r="1"/><circle cx="18" cy="12" r="1"/>`),
  close: icon(svg`<path d="m6.500 6.500 11 11M17.500 6.500l-11 11"/>`),
  logs: icon(svg`<path d="M6 3.500h9l4 4v13H6z"/><path d="M14.500 3.500V8H19M9 12h7M9 16h7"/>`),
  stats: icon(svg`<path d="M5 19.500V11M12 19.500v-15M19 19.500v-6"/>`),
  settings: icon(
    svg`<path d="M5 7h8M17 7h2M5 17h2M11 17h8"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>`,
  ),
  search: icon(svg`<circle cx="10.500" cy="10.500" r="6"/><path d="m15 15 5 5"/>`),
  columns: icon(svg`<rect x="3" y="4.500" width="18" height="15" rx="2"/><path d="M12 4.500v15"/>`),
  save: icon(svg`<path d="M12 4v10.500M7.500 10.500 12 15l4.500-4.500M5 19.500h14"/>`),
  copy: icon(
    svg`<rect x="8.500" y="8.500" width="11" height="11" rx="2"/><path d="M15.500 5.500h-9a2 2 0 0 0-2 2v8"/>`,
  ),
  sliders: icon(
    svg`<path d="M6 4v7M6 15v5M12 4v3M12 11v9M18 4v10M18 18v2"/><circle cx="6" cy="13" r="2"/><circle cx="12" cy="9" r="2"/><circle cx="18" cy="16" r="2"/>`,
  ),
  warning: icon(svg`<path d="M12 4 2.800 19.500h18.400z"/><path d="M12 10v4.500M12 17v.2"/>`),
};

export const logo = html`<svg class="logo" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
  <path class="logo-sail" d="M26 9c11 5 19 15 22 28-8 1.600-15 2-22 1.600z" />
  <path class="logo-jib" d="M22 15v23.300c-4.300-.4-7.700-1-10.400-1.900C13.600 28.300 17 21 22 15z" />
  <path
    class="logo-hull"
    d="M9 43c14 3.400 32 3.400 46 0-2 5.600-5.600 9.400-10.600 11H20C14.600 52.400 11 48.600 9 43z"
  />
  <path class="logo-mast" d="M24 7v36" />
</svg>`;
