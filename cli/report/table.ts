/** A table that may be wider than the page: it scrolls in its own box, by keyboard too. */
import { html, type Html } from "./html.js";

export function scrolled(label: string, table: Html): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">${table}</div>`;
}
