/**
 * Everything the page knows, and what its buttons do. Elements read the signals and call the methods; nothing here
 * touches an element.
 */
import { WherryError } from "../../base/errors.ts";
import { isPromise } from "../../base/maybe.ts";
import type {
  ContainerSummary,
  Engine,
  EngineInfo,
  ImageSource,
  ImageSummary,
  RunOptions,
} from "../../engine/types.ts";
import { defaultCpuLevel, defaultJitMode, parseCpuLevel, parseJitMode } from "../../container/processor.ts";
import { encodeShare } from "../../share/link.ts";
import type { SharedRun } from "../../share/link.ts";
import { computed, signal } from "../signals.ts";
import { Demos, hasReference } from "./demos.ts";
import type { Demo } from "./demos.ts";
import { Loads } from "./loads.ts";
import { Notices } from "./notices.ts";
import { Sessions } from "./sessions.ts";
import { createSettings } from "./settings.ts";
import { imageFrom, rememberSource, sourceOf } from "./sources.ts";

export type View = "images" | "containers" | "terminals";
export const views: readonly View[] = ["images", "containers", "terminals"];

/** What a dialog is open for; null when none is. */
export type DialogRequest =
  | { readonly kind: "run"; readonly image: string | null }
  | { readonly kind: "add" }
  | { readonly kind: "exec"; readonly container: ContainerSummary }
  | { readonly kind: "logs"; readonly container: ContainerSummary }
  | { readonly kind: "stats"; readonly container: ContainerSummary }
  | { readonly kind: "share"; readonly run: SharedRun }
  | { readonly kind: "shared"; readonly run: SharedRun }
  | {
      readonly kind: "confirm";
      readonly title: string;
      readonly text: string;
      readonly button: string;
      readonly confirm: () => void;
    };

export class AppState {
  readonly engine: Engine;
  readonly settings = createSettings();
  readonly notices = new Notices();
  readonly demos = new Demos();
  readonly loads: Loads;
  readonly sessions: Sessions;
  /** Null until first read. */
  readonly images = signal<readonly ImageSummary[] | null>(null);
  readonly containers = signal<readonly ContainerSummary[] | null>(null);
  readonly info = signal<EngineInfo | null>(null);
  readonly persisted = signal(false);
  readonly online = signal(navigator.onLine);
  readonly view = signal<View>("images");
  readonly dialog = signal<DialogRequest | null>(null);
  readonly openSessions = computed(() => this.sessions.list.value.filter((session) => session.open.value));
  /** Containers that run, in this tab or another: a new version of the page must wait for them. */
  readonly runningCount = computed(
    () => (this.containers.value ?? []).filter((container) => container.status === "running").length,
  );

  constructor(engine: Engine) {
    this.engine = engine;
    this.loads = new Loads(engine, this.notices);
    this.sessions = new Sessions(engine, this.settings, this.notices);
  }

  /** Reads what is there and follows changes until the page goes. */
  async start(): Promise<void> {
    addEventListener("online", () => (this.online.value = true));
    addEventListener("offline", () => (this.online.value = false));
    // Containers live in this tab: closing it by accident would end them.
    addEventListener("beforeunload", (event) => {
      if (this.sessions.anyRunning) event.preventDefault();
    });
    // Another tab may have changed things while this one was hidden.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.refresh();
    });
    const stop = this.engine.subscribe((event) => {
      if (event.type === "image") void this.refreshImages();
      void this.refreshContainers();
    });
    if (isPromise(stop)) stop.catch((reason: unknown) => this.notices.error(reason, "Following changes"));
    const persisted = navigator.storage?.persisted?.();
    if (persisted !== undefined) this.persisted.value = await persisted.catch(() => false);
    await Promise.all([this.demos.refresh(), this.refresh()]);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.refreshImages(), this.refreshContainers()]);
  }

  async refreshImages(): Promise<void> {
    try {
      this.images.value = await this.engine.images.list();
    } catch (reason) {
      this.images.value ??= [];
      this.notices.error(reason, "Reading the images");
    }
    void this.refreshInfo();
  }

  async refreshContainers(): Promise<void> {
    try {
      this.containers.value = await this.engine.containers.list({ all: true });
    } catch (reason) {
      this.containers.value ??= [];
      this.notices.error(reason, "Reading the containers");
    }
  }

  async refreshInfo(): Promise<void> {
    try {
      this.info.value = await this.engine.info();
    } catch {
      // Shown only as figures; what matters has failed, and said so, elsewhere.
    }
  }

  // Images

  async loadImage(source: ImageSource, title: string, demo?: Demo): Promise<readonly ImageSummary[] | null> {
    const images = await this.loads.start({ title, source, ...(demo === undefined ? {} : { demo: demo.name }) });
    if (images === null) return null;
    if (source.kind === "url") for (const image of images) rememberSource(image.id, source.url);
    void this.refreshImages();
    void this.#askToPersist();
    return images;
  }

  loadFiles(files: Iterable<File>): void {
    for (const file of files) void this.loadImage({ kind: "blob", blob: file, name: file.name }, file.name);
  }

  loadDemo(demo: Demo): Promise<readonly ImageSummary[] | null> {
    return this.loadImage({ kind: "url", url: demo.url }, demo.name, demo);
  }

  demoImage(demo: Demo): ImageSummary | null {
    return this.images.value?.find((image) => hasReference(image.references, demo.reference)) ?? null;
  }

  /** One click: loads the demo when it is not here yet, then runs its command in a terminal. */
  async runDemo(demo: Demo): Promise<void> {
    if (this.demoImage(demo) === null && (await this.loadDemo(demo)) === null) return;
    this.run({ image: demo.reference, command: demo.command, tty: true, interactive: true });
  }

  removeImage(image: ImageSummary): void {
    const name = image.references[0] ?? image.id;
    this.dialog.value = {
      kind: "confirm",
      title: `Delete ${name}?`,
      text: "The image is deleted from this device. Loading it again needs its file or address.",
      button: "Delete",
      confirm: () =>
        void this.#do(`Deleting ${name}`, async () => {
          await this.engine.images.remove(image.references.length > 1 ? image.id : name, {
            force: image.references.length > 1,
          });
          await this.refreshImages();
        }),
    };
  }

  /** Asked after the first load, when there is something worth keeping; a browser may refuse, which changes nothing. */
  async #askToPersist(): Promise<void> {
    if (this.persisted.value || navigator.storage?.persist === undefined) return;
    this.persisted.value = await navigator.storage.persist().catch(() => false);
  }

  // Containers

  run(options: RunOptions): void {
    const title = options.name ?? options.image;
    this.sessions.run(title, options);
    this.showView("terminals");
  }

  openTerminal(container: ContainerSummary): void {
    const kept = this.sessions.of(container.id);
    if (kept === null) this.sessions.attach(container.id, container.name, container.tty);
    this.showView("terminals");
    if (kept !== null) this.sessions.show(kept);
  }

  startContainer(container: ContainerSummary): void {
    this.sessions.start(container.id, container.name, container.tty);
    this.showView("terminals");
  }

  stopContainer(container: ContainerSummary): Promise<void> {
    return this.#do(`Stopping ${container.name}`, () => this.engine.containers.stop(container.id));
  }

  killContainer(container: ContainerSummary): Promise<void> {
    return this.#do(`Ending ${container.name}`, () => this.engine.containers.kill(container.id));
  }

  removeContainer(container: ContainerSummary): void {
    const running = container.status === "running";
    this.dialog.value = {
      kind: "confirm",
      title: `Remove ${container.name}?`,
      text: running
        ? "It is running: it will be ended. The files it wrote are deleted."
        : "The files it wrote are deleted.",
      button: "Remove",
      confirm: () =>
        void this.#do(`Removing ${container.name}`, async () => {
          await this.engine.containers.remove(container.id, { force: running });
          const session = this.sessions.of(container.id);
          if (session !== null) this.sessions.close(session);
          await this.refreshContainers();
        }),
    };
  }

  async #do(doing: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (reason) {
      this.notices.error(reason, doing);
    }
  }

  // Sharing

  /** What a link to this container would hold, or why there can be none. */
  shareable(imageId: string, image: string): { image: string } | { reason: string } {
    const summary = this.images.value?.find((each) => each.id === imageId);
    const demo = this.demos.of({ references: summary?.references ?? [image] });
    if (demo !== null) return { image: demo.name };
    const source = sourceOf(imageId);
    if (source !== null && /^https?:/.test(source)) return { image: source };
    return { reason: "This image was loaded from a file. Load it from an address to share a run of it." };
  }

  async shareContainer(container: ContainerSummary): Promise<void> {
    const target = this.shareable(container.imageId, container.image);
    if ("reason" in target) {
      this.notices.info(target.reason);
      return;
    }
    await this.#do(`Sharing ${container.name}`, async () => {
      const details = await this.engine.containers.inspect(container.id);
      const run = { ...sharedFromInspect(details), image: target.image, tty: container.tty };
      this.dialog.value = { kind: "share", run };
    });
  }

  async shareAddress(run: SharedRun): Promise<string> {
    return new URL(await encodeShare(run), document.baseURI).href;
  }

  /** Where a shared image comes from, for the person who decides whether to run it. */
  describeShared(run: SharedRun): { demo: Demo | null; url: string | null; here: ImageSummary | null } {
    const demo = this.demos.find(run.image);
    if (demo !== null) return { demo, url: null, here: this.demoImage(demo) };
    if (!/^https?:\/\//.test(run.image)) return { demo: null, url: null, here: null };
    const id = imageFrom(run.image);
    return { demo: null, url: run.image, here: this.images.value?.find((image) => image.id === id) ?? null };
  }

  /** Only ever called by the Run button of the dialog that shows what would run. */
  async runShared(run: SharedRun): Promise<void> {
    const { demo, url, here } = this.describeShared(run);
    let image = here?.id ?? null;
    if (image === null && demo !== null) image = (await this.loadDemo(demo)) === null ? null : demo.reference;
    else if (image === null && url !== null) {
      image = (await this.loadImage({ kind: "url", url }, url))?.[0]?.id ?? null;
    }
    if (image === null) return;
    const command = run.command.length > 0 ? run.command : demo?.command;
    this.run({
      image: demo?.reference ?? image,
      interactive: true,
      tty: run.tty,
      ...(command === undefined || command.length === 0 ? {} : { command }),
      ...(run.environment.length === 0 ? {} : { environment: run.environment }),
      ...(run.workingDirectory === "" ? {} : { workingDirectory: run.workingDirectory }),
      ...(run.user === "" ? {} : { user: run.user }),
      ...(run.name === "" ? {} : { name: run.name }),
      ...(run.cpu !== undefined && { cpu: run.cpu }),
      ...(run.jit !== undefined && { jit: run.jit }),
    });
  }

  showView(view: View): void {
    this.view.value = view;
    if (location.hash !== `#${view}`) history.pushState(null, "", `#${view}`);
  }
}

/** The parts of docker's inspect shape that a link carries. The image's own environment is not repeated. */
export function sharedFromInspect(details: Record<string, unknown>): Omit<SharedRun, "image" | "tty"> {
  const config = (details["Config"] ?? {}) as Partial<Record<string, unknown>>;
  const host = (details["HostConfig"] ?? {}) as Partial<Record<string, unknown>>;
  const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  const string = (value: unknown): string => (typeof value === "string" ? value : "");
  const [cpu, jit] = [string(host["Cpu"]), string(host["Jit"])];
  return {
    command: strings(config["Cmd"]),
    environment: strings(config["Env"]).filter((variable) => !variable.startsWith("PATH=")),
    workingDirectory: string(config["WorkingDir"]),
    user: string(config["User"]),
    name: "",
    ...(cpu !== "" && cpu !== defaultCpuLevel && { cpu: parseCpuLevel(cpu) }),
    ...(jit !== "" && jit !== defaultJitMode && { jit: parseJitMode(jit) }),
  };
}

/** For places that show an error without a notice. */
export function asError(reason: unknown): WherryError {
  return WherryError.from(reason);
}
