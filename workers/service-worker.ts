/** The service worker: src/offline/shell.ts with the list of files, which the build fills in. */
import { serveShell } from "../src/offline/shell.ts";

serveShell(self as unknown as ServiceWorkerGlobalScope, {
  version: "__PRECACHE_VERSION__",
  files: JSON.parse("__PRECACHE_FILES__") as string[],
});
