/** The page: starts the engine in its worker, shows the first view, and lets scripts have the engine too. */
import { opening } from "./main.page-engine.ts";
import type { Engine } from "./engine/types.ts";
import { setApp } from "./ui/context.ts";
import { registerServiceWorker } from "./ui/offline.ts";
import { followAddress } from "./ui/routes.ts";
import { AppState } from "./ui/state/app-state.ts";
import "./ui/styles/all.css";
import "./ui/views/app.ts";

declare global {
  interface Window {
    /** The engine's API: docs/api.md. */
    wherry: Engine;
  }
}

const engine = await opening;
window.wherry = engine;
const state = new AppState(engine);
setApp(state);
document.body.prepend(document.createElement("wherry-app"));
followAddress(state);
void state.start();
// Most visitors open a terminal sooner or later: its code may as well be here by then. Not while the first container may
// be starting, which has better uses for the processor.
const terminalCodeDelayMs = 3000;
addEventListener("load", () => setTimeout(() => void import("./ui/terminal/xterm.ts"), terminalCodeDelayMs), {
  once: true,
});
if (import.meta.env.PROD) void registerServiceWorker(state);
