/** Adding an image: a file from this device, or an address. */
import { WherryError } from "../../base/errors.ts";
import { app } from "../context.ts";
import { define } from "../element.ts";
import { html } from "../lit.ts";
import type { TemplateResult } from "../lit.ts";
import { DialogElement, field, textOf } from "./dialog.ts";

class AddDialogElement extends DialogElement {
  protected heading(): string {
    return "Add an image";
  }

  protected actionLabel(): string {
    return "Add";
  }

  protected override act(form: FormData): boolean {
    const files = form.getAll("file").filter((file): file is File => file instanceof File && file.size > 0);
    const address = textOf(form, "url");
    if (files.length === 0 && address === "") throw new WherryError("usage", "Choose a file or give an address.");
    if (address !== "") {
      const url = parseAddress(address);
      void app().loadImage({ kind: "url", url }, url);
    }
    app().loadFiles(files);
    app().showView("images");
    return true;
  }

  protected content(): TemplateResult {
    return html`<div class="fields">
      ${field(
        "File",
        html`<input class="input" type="file" name="file" multiple data-first />`,
        html`What <code>docker save</code> writes, or an OCI archive. It stays on this device.`,
      )}
      ${field(
        "Or an address",
        html`<input class="input" type="url" name="url" placeholder="https://…" autocomplete="off" />`,
        "Of an archive, or of a folder with an OCI layout. Its server must allow this page to read it (CORS).",
      )}
    </div>`;
  }
}

function parseAddress(text: string): string {
  let url: URL;
  try {
    url = new URL(text, document.baseURI);
  } catch {
    throw new WherryError("usage", `“${text}” is no address.`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new WherryError("usage", "An address begins with https:// or http://.");
  }
  return url.href;
}

define("wherry-add-dialog", AddDialogElement);
