/**
 * The page's engine, started before anything else of the page is run: main.page.ts imports this first. Its worker loads
 * its code on another processor while the page's own elements are defined and shown.
 */
import { openEngine } from "./main.embed.ts";

export const opening = openEngine();
