/** Images being loaded: progress by layer, how to cancel, and what went wrong. */
import { WherryError } from "../../base/errors.ts";
import type { Engine, ImageSource, ImageSummary, LoadProgress } from "../../engine/types.ts";
import { formatPercent } from "../format.ts";
import { signal } from "../signals.ts";
import type { Notices } from "./notices.ts";

export interface Load {
  readonly id: number;
  readonly title: string;
  /** A demo's name, so that its card can show the progress. */
  readonly demo: string | null;
  readonly layers: readonly LoadProgress[];
  readonly layerCount: number;
  readonly error: WherryError | null;
  readonly cancelling: boolean;
}

export interface LoadRequest {
  readonly title: string;
  readonly source: ImageSource;
  readonly demo?: string;
}

/** Progress arrives for every piece read; the page draws it ten times a second. */
const drawMs = 100;

export class Loads {
  readonly list = signal<readonly Load[]>([]);
  readonly #engine: Engine;
  readonly #notices: Notices;
  readonly #controllers = new Map<number, AbortController>();
  #next = 1;

  constructor(engine: Engine, notices: Notices) {
    this.#engine = engine;
    this.#notices = notices;
  }

  /** The images loaded, or null when it failed or was cancelled; the list keeps a failed load until dismissed. */
  async start(request: LoadRequest): Promise<readonly ImageSummary[] | null> {
    const id = this.#next++;
    const controller = new AbortController();
    this.#controllers.set(id, controller);
    const { title } = request;
    const demo = request.demo ?? null;
    this.list.value = [
      ...this.list.value,
      { id, title, demo, layers: [], layerCount: 0, error: null, cancelling: false },
    ];
    this.#notices.announce(`Loading ${title}.`);
    const draw = this.#drawer(id, title);
    try {
      const images = await this.#engine.images.load(request.source, {
        signal: controller.signal,
        onProgress: draw.progress,
      });
      this.#drop(id);
      this.#notices.info(`${title} is loaded and kept on this device.`);
      return images;
    } catch (reason) {
      const error = WherryError.from(reason);
      if (error.code === "cancelled" || controller.signal.aborted) {
        this.#drop(id);
        this.#notices.info(`Loading ${title} was cancelled.`);
      } else {
        this.#change(id, { error });
        this.#notices.announce(`Loading ${title} failed. ${error.message}`);
      }
      return null;
    } finally {
      draw.stop();
      this.#controllers.delete(id);
    }
  }

  cancel(id: number): void {
    this.#change(id, { cancelling: true });
    this.#controllers.get(id)?.abort(new WherryError("cancelled", "Cancelled."));
  }

  dismiss(id: number): void {
    this.#drop(id);
  }

  #drawer(id: number, title: string): { progress: (progress: LoadProgress) => void; stop: () => void } {
    const layers: LoadProgress[] = [];
    let timer: ReturnType<typeof setTimeout> | null = null;
    let layerCount = 0;
    const draw = () => {
      timer = null;
      this.#change(id, { layers: layers.filter((layer) => layer !== undefined), layerCount });
      const { done, total } = totals(layers);
      const percent = formatPercent(done, total);
      if (percent !== "") this.#notices.announce(`Loading ${title}: ${percent}`);
    };
    return {
      progress: (progress) => {
        layers[progress.layer] = progress;
        layerCount = Math.max(layerCount, progress.layers, layers.length);
        timer ??= setTimeout(draw, drawMs);
      },
      stop: () => {
        if (timer !== null) clearTimeout(timer);
      },
    };
  }

  #change(id: number, change: Partial<Load>): void {
    this.list.value = this.list.value.map((load) => (load.id === id ? { ...load, ...change } : load));
  }

  #drop(id: number): void {
    this.list.value = this.list.value.filter((load) => load.id !== id);
  }
}

/** All layers together; the total is unknown until every layer's is. */
export function totals(layers: readonly LoadProgress[]): { done: number; total: number | null } {
  let done = 0;
  let total: number | null = 0;
  for (const layer of layers) {
    if (layer === undefined) continue;
    done += layer.doneBytes;
    total = total === null || layer.totalBytes === null ? null : total + layer.totalBytes;
  }
  return { done, total: layers.length === 0 ? null : total };
}
