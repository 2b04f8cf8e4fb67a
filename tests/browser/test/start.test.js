// What can be in the way when the demo starts: one clear line, and the right exit status.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { spawnDemo } from "../support/demo.js";

let dir;
before(async () => (dir = await mkdtemp(path.join(os.tmpdir(), "vestibule-start-"))));
after(() => rm(dir, { recursive: true, force: true }));

async function fails(args, ...words) {
  const option = (name, value) => (args.includes(name) ? [] : [name, value]);
  const all = [...option("--store", "memory"), ...option("--listen", "127.0.0.1:0"), ...args];
  const program = spawnDemo(all, { cwd: dir });
  const late = setTimeout(() => program.stop(), 20_000);
  const code = await program.exited;
  clearTimeout(late);
  const text = program.log();
  assert.ok(code === 1 || code === 2, `exit status ${code}:\n${text}`);
  for (const word of words) assert.match(text, word);
  assert.doesNotMatch(text, /panicked|RUST_BACKTRACE/);
  assert.ok(text.length < 2000, text);
}

test("a store in a directory that is not there", () =>
  fails(["--store", `sqlite:${path.join(dir, "missing", "demo.sqlite3")}`], /missing/));

test("a port in use", async () => {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  try {
    await fails(["--listen", `127.0.0.1:${port}`], new RegExp(`${port}`), /in use/i);
  } finally {
    server.close();
  }
});

test("a clients file that is not there", () => fails(["--clients", path.join(dir, "none.json")], /none\.json/));

test("a clients file that is wrong names client and field, all of them", async () => {
  const file = path.join(dir, "clients.json");
  await writeFile(file, JSON.stringify([
    { client_id: "one", token_endpoint_auth_method: "none", scope: "openid", redirect_uris: ["http://one.example/"] },
    { client_id: "two", client_secret: "short", scope: "openid", redirect_uris: ["https://two.example/"], colour: "red" },
    { client_id: "sample-app", token_endpoint_auth_method: "none", scope: "openid", redirect_uris: ["https://x.example/"] },
  ]));
  await fails(
    ["--clients", file],
    /one.*redirect_uris/,
    /two.*client_secret/,
    /two.*colour/,
    /sample-app.*client_id/,
  );
  await writeFile(file, "[{");
  await fails(["--clients", file], /JSON/);
});

test("an option that makes no sense", async () => {
  await fails(["--public-url", "http://ehr.example"], /public-url/);
  await fails(["--store", "mysql:x"], /store/);
});
