/** The page: starts the engine in its worker, shows the first view, and lets scripts have the engine too. */
import type { Engine } from "./engine/types.ts";
import { openEngine } from "./main.embed.ts";
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

const engine = await openEngine();
window.wherry = engine;
const state = new AppState(engine);
setApp(state);
document.body.prepend(document.createElement("wherry-app"));
followAddress(state);
void state.start();
// Most visitors open a terminal sooner or later: its code may as well be here by then.
addEventListener("load", () => setTimeout(() => void import("./ui/terminal/xterm.ts"), 500), { once: true });
if (import.meta.env.PROD) void registerServiceWorker(state);
