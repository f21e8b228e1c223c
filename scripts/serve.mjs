// A small static server for dist/page: `npm start` and the browser tests use it. Any other static host does as well.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".tar": "application/x-tar",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** The file a request names, or null: never outside the folder. */
function resolve(folder, extra, url) {
  let path;
  try {
    path = decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    return null;
  }
  if (path.includes("\0")) return null;
  const file = extra[path] ?? normalize(join(folder, path.endsWith("/") ? `${path}index.html` : path));
  if (extra[path] === undefined && !file.startsWith(normalize(folder) + sep)) return null;
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() ? { file, stat } : null;
}

function answer(folder, extra, request, response) {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  const found = resolve(folder, extra, request.url);
  if (found === null) {
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("Not found\n");
    return;
  }
  const { file, stat } = found;
  // Names in assets/ carry a hash of their content; everything else is asked about each time.
  const hashed = file.includes(`${sep}assets${sep}`);
  const etag = `"${stat.size.toString(36)}-${Math.round(stat.mtimeMs).toString(36)}"`;
  const headers = {
    "cache-control": hashed ? "public, max-age=31536000, immutable" : "no-cache",
    "content-type": types[extname(file)] ?? "application/octet-stream",
    "x-content-type-options": "nosniff",
    etag,
  };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, "content-length": stat.size });
  if (request.method === "HEAD") response.end();
  else
    createReadStream(file)
      .on("error", () => response.destroy())
      .pipe(response);
}

/** Serves `folder` on localhost and returns the address. A busy port gives way to the next; port 0 takes any. */
export function serve({ folder, port = 8080 }) {
  return listen(folder, port).then(({ address }) => address);
}

/** The same, with how to stop it. `extra`: files of other places, by the path they are asked for with. */
export function listen(folder, port, extra = {}) {
  return new Promise((resolvePromise, reject) => {
    const server = createServer((request, response) => answer(folder, extra, request, response));
    server.on("error", (error) => {
      if (error.code === "EADDRINUSE" && port !== 0 && port < 65535) resolvePromise(listen(folder, port + 1, extra));
      else reject(error);
    });
    server.listen(port, "127.0.0.1", () => {
      const close = () =>
        new Promise((done) => {
          server.close(done);
          server.closeAllConnections();
        });
      resolvePromise({ address: `http://localhost:${server.address().port}/`, close });
    });
  });
}
