/** The address's hash: which view is shown, or a share link that somebody opened. */
import { decodeShare, isShareLink } from "../share/link.ts";
import { views } from "./state/app-state.ts";
import type { AppState, View } from "./state/app-state.ts";

export function followAddress(state: AppState): void {
  const read = () => void readAddress(state);
  addEventListener("hashchange", read);
  addEventListener("popstate", read);
  read();
}

async function readAddress(state: AppState): Promise<void> {
  const { hash } = location;
  if (isShareLink(hash)) {
    try {
      // Only shown; its Run button is the one way to start it.
      state.dialog.value = { kind: "shared", run: await decodeShare(hash) };
    } catch (reason) {
      state.notices.error(reason, "Opening the share link");
    }
    return;
  }
  const view = hash.slice(1) as View;
  state.view.value = views.includes(view) ? view : "images";
}
