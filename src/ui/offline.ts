/**
 * The service worker from the page's side. A newer version waits; when it does, the page says so and offers to reload,
 * but only while no container runs here or in another tab.
 */
import { effect } from "./signals.ts";
import type { AppState } from "./state/app-state.ts";

export async function registerServiceWorker(state: AppState): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register("./service-worker.js");
    if (registration.waiting !== null) offer(state, registration.waiting);
    registration.addEventListener("updatefound", () => {
      const incoming = registration.installing;
      incoming?.addEventListener("statechange", () => {
        // The first one ever has nothing to replace.
        if (incoming.state === "installed" && navigator.serviceWorker.controller !== null) offer(state, incoming);
      });
    });
  } catch {
    // A private window or a file address may forbid it: the page works, only not offline.
  }
}

function offer(state: AppState, waiting: ServiceWorker): void {
  let offered = false;
  effect(() => {
    if (offered || state.containers.value === null || state.runningCount.value > 0) return;
    offered = true;
    state.notices.info("A new version of Wherry is ready.", {
      label: "Reload",
      run: () => {
        if (state.runningCount.value > 0) {
          state.notices.info("A container is running. Stop it first, then reload.");
          return;
        }
        navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
        waiting.postMessage({ type: "skip-waiting" });
      },
    });
  });
}
