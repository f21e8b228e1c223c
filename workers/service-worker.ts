/**
 * Makes the page work offline after one visit. It serves one version of the page's files, the one it was built with; a
 * newer service worker waits until every tab of this one is gone, or until the page says that nothing is running. So
 * code never changes under a running container. Images are in IndexedDB and need no cache here.
 *
 * It must stay one file without imports: it is registered by name, as a classic script.
 */
const scope = self as unknown as ServiceWorkerGlobalScope;

/** The build fills these two in. */
const version = "__PRECACHE_VERSION__";
const files = JSON.parse("__PRECACHE_FILES__") as string[];

const prefix = "wherry-shell-";
const cacheName = prefix + version;
const demoList = "images/index.json";

scope.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(cacheName);
      // "reload" passes by the HTTP cache, which may still hold files of another version.
      await cache.addAll(files.map((file) => new Request(file, { cache: "reload" })));
      // There may be no demo images on this host, and that is fine.
      await cache.add(new Request(demoList, { cache: "reload" })).catch(() => {});
    })(),
  );
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      const old = names.filter((name) => name.startsWith(prefix) && name !== cacheName);
      await Promise.all(old.map((name) => caches.delete(name)));
    })(),
  );
});

scope.addEventListener("message", (event) => {
  if ((event.data as { type?: string } | null)?.type === "skip-waiting") void scope.skipWaiting();
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const base = scope.registration.scope;
  if (request.method !== "GET" || !request.url.startsWith(base)) return;
  const path = new URL(request.url).pathname.slice(new URL(base).pathname.length);
  if (request.mode === "navigate" && (path === "" || path === "index.html")) {
    event.respondWith(fromCache(new URL("index.html", base).href, request));
  } else if (path === demoList) {
    event.respondWith(fromNetwork(request));
  } else if (files.includes(path)) {
    event.respondWith(fromCache(request.url, request));
  }
});

async function fromCache(url: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(url, { ignoreVary: true })) ?? fetch(request);
}

async function fromNetwork(request: Request): Promise<Response> {
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
