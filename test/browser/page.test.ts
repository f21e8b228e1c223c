/** The page's elements in a real browser, over a scripted engine: what a visitor sees and does, and axe's rules. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { page, userEvent } from "vitest/browser";
import { setApp } from "../../src/ui/context.ts";
import { createFakeEngine } from "../../src/ui/fake-engine.ts";
import type { FakeOptions } from "../../src/ui/fake-engine.ts";
import { followAddress } from "../../src/ui/routes.ts";
import { AppState } from "../../src/ui/state/app-state.ts";
import "../../src/ui/styles/all.css";
import "../../src/ui/views/app.ts";
import { violations } from "./axe.ts";

const demos = [
  {
    name: "debian",
    reference: "debian:demo",
    description: "A small Debian",
    command: ["bash"],
    file: "debian.tar",
    sizeBytes: 48_000_000,
  },
];

let state: AppState;

async function open(options: FakeOptions = {}, hash = ""): Promise<void> {
  history.replaceState(null, "", hash === "" ? location.pathname : hash);
  state = new AppState(createFakeEngine(options));
  setApp(state);
  document.documentElement.lang = "en";
  document.title = "Wherry";
  document.body.prepend(document.createElement("wherry-app"));
  followAddress(state);
  await state.start();
}

const text = () => document.querySelector("wherry-app")!.textContent.replaceAll(/\s+/g, " ");
const button = (name: string | RegExp) => page.getByRole("button", { name });

/** Until the page has done it; ten times what a slow machine needs. */
const waitFor = (check: () => void) => vi.waitFor(check, { timeout: 20_000 });

/** What a terminal shows. */
const screen = () => state.sessions.active.value?.terminal.value?.text() ?? "";

async function typeLine(line: string): Promise<void> {
  await userEvent.keyboard(`${line}{Enter}`);
}

beforeEach(async () => {
  await page.viewport(1200, 800);
  localStorage.clear();
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) =>
    String(input instanceof Request ? input.url : input).endsWith("images/index.json")
      ? Response.json(demos)
      : new Response("", { status: 404 }),
  );
});

afterEach(() => {
  vi.restoreAllMocks();
  document.querySelector("wherry-app")?.remove();
});

describe("images", () => {
  test("one click loads a demo with progress, then runs it in a terminal that has the pane's size", async () => {
    await open({ stepMs: 100 });
    await button("Run debian").click();
    await expect.element(page.getByRole("progressbar", { name: "Loading debian" })).toBeVisible();
    await expect.element(page.getByText("Layer", { exact: false }).first()).not.toBeInTheDocument();
    await waitFor(() => expect(screen()).toContain("bash in debian:demo"));
    await typeLine("size");
    await waitFor(() => expect(screen()).toMatch(/\n\d{2,3} \d{2,3}\n/));
    expect(location.hash).toBe("#terminals");
  });

  test("a load can be cancelled and leaves nothing", async () => {
    await open({ stepMs: 500 });
    await button("Run debian").click();
    await button("Cancel").click();
    await waitFor(() => expect(text()).toContain("Loading debian was cancelled."));
    expect(state.images.value).toEqual([]);
    expect(state.loads.list.value).toEqual([]);
  });

  test("a broken archive says what happened and what to do", async () => {
    await open();
    state.loadFiles([new File(["x"], "broken.tar")]);
    await waitFor(() => expect(text()).toContain("broken.tar could not be loaded."));
    expect(text()).toContain("layer 1 is not what its digest says");
    expect(text()).toContain("The file is damaged. Get or make it again.");
  });

  test("a dropped file is loaded", async () => {
    await open();
    const data = new DataTransfer();
    data.items.add(new File(["x"], "tool.tar"));
    dispatchEvent(new DragEvent("dragenter", { dataTransfer: data, bubbles: true, cancelable: true }));
    dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    await waitFor(() => expect(text()).toContain("tool:latest"));
  });

  test("deleting asks first", async () => {
    await open({ images: ["alpine:3.20"] });
    await button("Delete alpine:3.20").click();
    await expect.element(page.getByRole("heading", { name: "Delete alpine:3.20?" })).toBeVisible();
    expect(state.images.value).toHaveLength(1);
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await waitFor(() => expect(state.images.value).toEqual([]));
  });
});

describe("running", () => {
  test("the dialog makes run options, and says the same as a command line", async () => {
    await open({ images: ["alpine:3.20"] });
    const create = vi.spyOn(state.engine.containers, "create");
    await button(/^Run alpine/).click();
    await page.getByLabelText("Command").fill(`sh -c 'echo "a  b"'`);
    await page.getByLabelText("Environment").fill("LANG=C\n# no\nA=b c");
    await page.getByLabelText("Working directory").fill("/tmp");
    await page.getByLabelText("User").fill("nobody");
    await expect
      .element(page.getByText(`wherry run -it -u nobody -w /tmp -e LANG=C -e 'A=b c' alpine:3.20 sh -c 'echo "a  b"'`))
      .toBeVisible();
    await page.getByRole("dialog").getByRole("button", { name: "Run" }).click();
    await waitFor(() => expect(create).toHaveBeenCalled());
    expect(create.mock.calls[0]![0]).toMatchObject({
      image: "alpine:3.20",
      command: ["sh", "-c", 'echo "a  b"'],
      environment: ["LANG=C", "A=b c"],
      workingDirectory: "/tmp",
      user: "nobody",
      tty: true,
      interactive: true,
    });
  });

  test("what is wrong with the fields is said in the dialog", async () => {
    await open({ images: ["alpine:3.20"] });
    await button(/^Run alpine/).click();
    await page.getByLabelText("Command").fill("echo 'a");
    await page.getByRole("dialog").getByRole("button", { name: "Run" }).click();
    await expect.element(page.getByRole("alert")).toHaveTextContent("The command has a ' that is never closed.");
  });

  test("a command that is not there is told in its pane", async () => {
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", command: ["nope"], tty: true });
    await waitFor(() => expect(text()).toContain("executable file not found in $PATH"));
    expect(text()).toContain("Check the spelling");
  });

  test("two containers side by side; one is stopped, the other goes on; logs, start again, remove", async () => {
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", name: "one", tty: true });
    state.run({ image: "alpine:3.20", name: "two", tty: true });
    await waitFor(() => expect(document.querySelectorAll(".xterm")).toHaveLength(2));
    await waitFor(() => expect(state.runningCount.value).toBe(2));
    await page.getByRole("link", { name: "Containers" }).click();
    await button("Stop one").click();
    await waitFor(() => expect(text()).toContain("Exited (143)"));
    expect(state.runningCount.value).toBe(1);
    await button("More for one").click();
    await button("Logs").click();
    await expect.element(page.getByRole("region", { name: "Log text" })).toHaveTextContent("hello from the log");
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).first().click();
    await button("Start one").click();
    await waitFor(() => expect(state.runningCount.value).toBe(2));
    await page.getByRole("link", { name: "Containers" }).click();
    await button("More for two").click();
    await button("Remove…").click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await waitFor(() => expect(state.containers.value).toHaveLength(1));
  });

  test("a second terminal by exec", async () => {
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", name: "one", tty: true });
    await waitFor(() => expect(state.runningCount.value).toBe(1));
    await page.getByRole("link", { name: "Containers" }).click();
    await button("More for one").click();
    await button("New terminal…").click();
    await page.getByLabelText("Command").fill("top -b");
    await button("Open").click();
    await waitFor(() => expect(screen()).toContain("top -b"));
    expect(state.openSessions.value.map((session) => session.title.value)).toEqual(["one", "one: top"]);
  });

  test("a process without a terminal gets whole lines", async () => {
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", name: "plain", tty: false });
    await waitFor(() => expect(screen()).toContain("$"));
    await userEvent.keyboard("abx{Backspace}c{Enter}");
    await waitFor(() => expect(screen()).toContain("abc"));
  });
});

describe("share links", () => {
  test("opening one shows what would run, and runs nothing until Run is pressed", async () => {
    await open({ images: [] }, "#v1/run/debian?cmd=python3+-V&e=A%3Db");
    await expect.element(page.getByRole("heading", { name: "Someone shared this with you" })).toBeVisible();
    await waitFor(() => expect(text()).toContain("is downloaded from this site"));
    expect(text()).toContain("python3 -V");
    expect(text()).toContain("A=b");
    expect(text()).toContain("cannot reach any network");
    expect(await state.engine.containers.list({ all: true })).toEqual([]);
    await page.getByRole("dialog").getByRole("button", { name: "Run" }).click();
    await waitFor(() => expect(screen()).toContain("python3 -V in debian:demo"));
  });

  test("an image of another host is named with its host", async () => {
    await open({}, "#v1/run/https://example.org/tool.tar");
    await waitFor(() => expect(text()).toContain("is downloaded from example.org"));
  });

  test("a damaged link says so", async () => {
    await open({}, "#v1/z/AAAA");
    await waitFor(() => expect(text()).toContain("This share link is damaged"));
  });

  test("a run of a demo makes a link", async () => {
    await open();
    state.run({ image: "debian:demo", name: "one", command: ["sh", "-c", "true"], tty: true });
    await waitFor(() => expect(state.runningCount.value).toBe(1));
    await state.shareContainer(state.containers.value![0]!);
    await waitFor(() =>
      expect(document.querySelector<HTMLInputElement>(".share-address")!.value).toMatch(
        /#v1\/run\/debian\?cmd=sh\+-c\+true$/,
      ),
    );
  });
});

describe("keyboard", () => {
  test("Tab passes a terminal by, Enter goes in, the chord comes out", async () => {
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", name: "one", tty: true });
    await waitFor(() => expect(state.runningCount.value).toBe(1));
    const holder = document.querySelector<HTMLElement>(".terminal-holder")!;
    const inside = () => document.activeElement !== holder && holder.contains(document.activeElement);
    await waitFor(() => expect(inside()).toBe(true));
    await expect.element(page.getByText("Ctrl+Shift+Enter leaves the terminal")).toBeVisible();
    await userEvent.keyboard("{Control>}{Shift>}{Enter}{/Shift}{/Control}");
    expect(document.activeElement).toBe(holder);
    await userEvent.keyboard("{Enter}");
    expect(inside()).toBe(true);
    await userEvent.keyboard("{Control>}{Shift>}{Enter}{/Shift}{/Control}");
    await userEvent.tab();
    expect(holder.contains(document.activeElement)).toBe(false);
    await userEvent.tab({ shift: true });
    expect(document.activeElement).toBe(holder);
  });

  test("Ctrl+C without a selection is the program's", async () => {
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", name: "one", tty: true });
    await waitFor(() => expect(state.runningCount.value).toBe(1));
    await userEvent.keyboard("abc{Control>}c{/Control}");
    await waitFor(() => expect(screen()).toContain("abc^C"));
  });
});

describe.each(["light", "dark"] as const)("axe finds nothing, %s", (theme) => {
  beforeEach(() => localStorage.setItem("wherry.theme", JSON.stringify(theme)));

  test("images, with a load and an error", async () => {
    await open({ stepMs: 30, images: ["alpine:3.20"] });
    state.loadFiles([new File(["x"], "broken.tar"), new File(["x"], "tool.tar")]);
    await waitFor(() => expect(text()).toContain("could not be loaded"));
    expect(await violations()).toEqual([]);
  });

  test("containers, and its menu", async () => {
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", name: "one", tty: true });
    await waitFor(() => expect(state.runningCount.value).toBe(1));
    await page.getByRole("link", { name: "Containers" }).click();
    await button("More for one").click();
    expect(await violations()).toEqual([]);
  });

  test("terminals, also in screen reader mode", async () => {
    localStorage.setItem("wherry.screenReader", "true");
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", name: "one", tty: true });
    state.run({ image: "alpine:3.20", name: "two", command: ["nope"], tty: true });
    await waitFor(() => expect(text()).toContain("not found in $PATH"));
    expect(await violations()).toEqual([]);
  });

  test("where the time of a container goes", async () => {
    await open({ images: ["alpine:3.20"] });
    state.run({ image: "alpine:3.20", name: "busy", tty: true });
    await waitFor(() => expect(state.containers.value?.[0]?.status).toBe("running"));
    state.dialog.value = { kind: "stats", container: state.containers.value![0]! };
    await waitFor(() => expect(document.querySelector("[data-account=interpreterMs]")?.textContent).toMatch(/0.50 s/));
    expect(await violations()).toEqual([]);
    state.dialog.value = null;
    await waitFor(() => expect(document.querySelector("dialog")).toBe(null));
  });

  test("dialogs and settings", async () => {
    await open({ images: ["alpine:3.20"] });
    await button("Settings and storage").click();
    expect(await violations()).toEqual([]);
    await userEvent.keyboard("{Escape}");
    const run = { command: ["sh"], environment: ["A=b"], workingDirectory: "", user: "", tty: true, name: "" };
    for (const dialog of [
      { kind: "run", image: "alpine:3.20" },
      { kind: "add" },
      { kind: "share", run: { image: "debian", ...run } },
      { kind: "shared", run: { image: "https://example.org/x.tar", ...run } },
    ] as const) {
      state.dialog.value = dialog;
      await waitFor(() => expect(document.querySelector("dialog[open]")).not.toBe(null));
      expect(await violations()).toEqual([]);
      state.dialog.value = null;
      await waitFor(() => expect(document.querySelector("dialog")).toBe(null));
    }
  });
});
