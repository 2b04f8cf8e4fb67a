// A SMART app on another origin: three static pages around the fhirclient library, and what this test wants of it.

import { readFile } from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";

import { KEYS } from "./clients.js";

const require = createRequire(import.meta.url);
const library = require.resolve("fhirclient/build/fhir-client.min.js", {});

const files = {
  "/start.html": ["text/html", new URL("../app/start.html", import.meta.url)],
  "/launch.html": ["text/html", new URL("../app/start.html", import.meta.url)],
  "/callback.html": ["text/html", new URL("../app/callback.html", import.meta.url)],
  "/other.html": ["text/html", new URL("../app/callback.html", import.meta.url)],
  "/blank.html": ["text/html", new URL("../app/blank.html", import.meta.url)],
  "/fhir-client.js": ["text/javascript", library],
};

/** Serves the app on `localhost`. `settings` is what its pages read before they ask for access. */
export async function startApp(host = "localhost") {
  const app = { settings: {} };
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/settings.json") {
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      return response.end(JSON.stringify(app.settings));
    }
    if (pathname === "/jwks.json") {
      // The key set of the service that registered a `jwks_uri`.
      response.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=60" });
      return response.end(JSON.stringify({ keys: [KEYS.rs384.jwk] }));
    }
    const file = files[pathname];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": `${file[0]}; charset=utf-8` });
    response.end(await readFile(file[1]));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  app.origin = `http://${host}:${server.address().port}`;
  app.callback = `${app.origin}/callback.html`;
  app.other = `${app.origin}/other.html`;
  // Where nothing reads, changes or redeems what arrives.
  app.plain = `${app.origin}/blank.html`;
  app.stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return app;
}
