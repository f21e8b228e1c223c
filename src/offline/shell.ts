/**
 * Makes the page work offline after one visit. It serves one version of the page's files, the one it was built with; a
 * newer service worker waits until every tab of this one is gone, or until the page says that nothing is running. So
 * code never changes under a running container. Images are in IndexedDB and need no cache here.
 */
export interface Shell {
  /** Names the cache: another version is another cache. */
  readonly version: string;
  /** The page's files, relative to the service worker's scope. */
  readonly files: readonly string[];
}

const prefix = "wherry-shell-";
/** The one file that may change without a new version: which demo images this host has. */
const demoList = "images/index.json";

export function serveShell(scope: ServiceWorkerGlobalScope, shell: Shell): void {
  const cacheName = prefix + shell.version;
  const files = new Set(shell.files);

  scope.addEventListener("install", (event) => event.waitUntil(install(cacheName, shell.files)));
  scope.addEventListener("activate", (event) => event.waitUntil(deleteOthers(cacheName)));
  scope.addEventListener("message", (event) => {
    if ((event.data as { type?: string } | null)?.type === "skip-waiting") void scope.skipWaiting();
  });
  scope.addEventListener("fetch", (event) => {
    const { request } = event;
    const base = scope.registration.scope;
    if (request.method !== "GET" || !request.url.startsWith(base)) return;
    const path = new URL(request.url).pathname.slice(new URL(base).pathname.length);
    if (request.mode === "navigate" && (path === "" || path === "index.html")) {
      event.respondWith(fromCache(cacheName, new URL("index.html", base).href, request));
    } else if (path === demoList) {
      event.respondWith(fromNetwork(cacheName, request));
    } else if (files.has(path)) {
      event.respondWith(fromCache(cacheName, request.url, request));
    }
  });
}

async function install(cacheName: string, files: readonly string[]): Promise<void> {
  const cache = await caches.open(cacheName);
  // "reload" passes by the HTTP cache, which may still hold files of another version.
  await cache.addAll(files.map((file) => new Request(file, { cache: "reload" })));
  // There may be no demo images on this host, and that is fine.
  await cache.add(new Request(demoList, { cache: "reload" })).catch(() => {});
}

async function deleteOthers(cacheName: string): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(prefix) && name !== cacheName);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function fromCache(cacheName: string, url: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(url, { ignoreVary: true })) ?? fetch(request);
}

async function fromNetwork(cacheName: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request.url, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request.url);
    if (kept !== undefined) return kept;
    throw error;
  }
}
