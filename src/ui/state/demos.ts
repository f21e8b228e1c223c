/** The demo images this host offers: images/index.json, made by the demo build. */
import type { ImageSummary } from "../../engine/types.ts";
import { signal } from "../signals.ts";

export interface Demo {
  readonly name: string;
  readonly reference: string;
  readonly description: string;
  readonly command: readonly string[];
  /** Where the archive is, as an absolute address. */
  readonly url: string;
  readonly sizeBytes: number;
}

export class Demos {
  readonly list = signal<readonly Demo[]>([]);
  readonly ready = signal(false);

  async refresh(): Promise<void> {
    try {
      const base = new URL("images/", document.baseURI);
      const response = await fetch(new URL("index.json", base));
      if (response.ok) this.list.value = parseDemos(await response.json(), base.href);
    } catch {
      // A host without demos, or offline before the first visit: the page works without.
    }
    this.ready.value = true;
  }

  find(name: string): Demo | null {
    return this.list.value.find((demo) => demo.name === name) ?? null;
  }

  /** The demo an image came from, by its reference. */
  of(image: Pick<ImageSummary, "references">): Demo | null {
    return this.list.value.find((demo) => hasReference(image.references, demo.reference)) ?? null;
  }
}

/** "debian" and "debian:latest" name the same image. */
export function hasReference(references: readonly string[], wanted: string): boolean {
  return references.some((reference) => withTag(reference) === withTag(wanted));
}

function withTag(reference: string): string {
  const short = reference.replace(/^docker\.io\/(library\/)?/, "");
  return /:[^/]*$/.test(short) ? short : `${short}:latest`;
}

export function parseDemos(value: unknown, base: string): Demo[] {
  if (!Array.isArray(value)) return [];
  const demos: Demo[] = [];
  for (const item of value as Partial<Record<string, unknown>>[]) {
    const { name, file, reference, description, sizeBytes, command } = item;
    if (typeof name !== "string" || typeof file !== "string") continue;
    demos.push({
      name,
      reference: typeof reference === "string" ? reference : `${name}:latest`,
      description: typeof description === "string" ? description : "",
      command: Array.isArray(command) ? command.map(String) : [],
      url: new URL(file, base).href,
      sizeBytes: typeof sizeBytes === "number" ? sizeBytes : 0,
    });
  }
  return demos;
}
