// Which pages may call: the app's own, never with cookies.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startApp } from "../support/app.js";
import { fhir } from "../support/steps.js";
import { code, redeem } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

let world;
let stranger;
before(async () => {
  world = await startWorld();
  // The same host under its other name is another origin.
  stranger = await startApp("localhost");
});
after(async () => {
  await stranger?.stop();
  await world?.close();
});

const allowed = (response) => response.headers.get("access-control-allow-origin");

test("discovery and metadata are for everybody", async () => {
  for (const url of [
    `${world.demo.fhir}/.well-known/smart-configuration`,
    `${world.demo.fhir}/metadata`,
    `${world.demo.url}/.well-known/openid-configuration`,
    `${world.demo.url}/.well-known/oauth-authorization-server`,
    world.demo.smart.jwks_uri,
  ]) {
    const response = await fetch(url, { headers: { origin: stranger.origin } });
    assert.equal(response.status, 200, url);
    assert.equal(allowed(response), "*", url);
    assert.equal(response.headers.get("access-control-allow-credentials"), null);
  }
});

test("the token endpoint is for registered origins", async () => {
  const preflight = (origin) =>
    fetch(world.demo.smart.token_endpoint, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    });
  assert.equal(allowed(await preflight(world.app.origin)), world.app.origin);
  for (const origin of [stranger.origin, "null", "https://evil.example", `${world.app.origin}.evil.example`, world.demo.url.toUpperCase()]) {
    assert.equal(allowed(await preflight(origin)), null, origin);
  }
  const granted = await code(world);
  const foreign = await redeem(world, granted, { code_verifier: "x".repeat(43) }, { origin: stranger.origin });
  assert.equal(allowed(foreign), null);
  const error = await redeem(world, granted, { code_verifier: "x".repeat(43) }, { origin: world.app.origin });
  assert.equal(allowed(error), world.app.origin, "errors can be read too");
  const other = await redeem(world, granted, { client_id: "test-elsewhere" }, { origin: world.app.origin });
  assert.notEqual(allowed(other), "*");
  const right = await redeem(world, granted, {}, { origin: world.app.origin });
  assert.equal(allowed(right), world.app.origin);
  assert.equal(right.headers.get("access-control-allow-credentials"), null);
  assert.match(right.headers.get("vary") ?? "", /origin/i);

  const read = (origin) =>
    fetch(`${world.demo.fhir}/Patient/ben`, { headers: { origin, authorization: `Bearer ${right.body.access_token}` } });
  assert.equal(allowed(await read(world.app.origin)), world.app.origin);
  assert.equal(allowed(await read(stranger.origin)), null);
  assert.equal(allowed(await read("https://elsewhere.example")), null, "registered, but for another app");
});

test("pages are never readable from another origin", async () => {
  for (const url of [`${world.demo.url}/`, `${world.demo.url}/ehr`, world.demo.smart.management_endpoint, world.demo.smart.authorization_endpoint]) {
    const response = await fetch(url, { headers: { origin: world.app.origin }, redirect: "manual" });
    assert.equal(allowed(response), null, url);
  }
});

test("in a browser: the app's page reads, a stranger's page does not", async () => {
  const granted = await code(world);
  const { body } = await redeem(world, granted);
  const mine = await world.newPage();
  await mine.goto(`${world.app.origin}/blank.html`);
  assert.equal((await fhir(mine, `${world.demo.fhir}/Patient/ben`, body.access_token)).status, 200);
  assert.equal((await fhir(mine, `${world.demo.fhir}/Patient/carol`, body.access_token)).status, 403, "refusals are readable");
  assert.equal((await fhir(mine, `${world.demo.fhir}/Patient/ben`, null)).status, 401);
  const other = await world.newPage();
  await other.goto(`${stranger.origin}/blank.html`);
  await assert.rejects(fhir(other, `${world.demo.fhir}/Patient/ben`, body.access_token), /Failed to fetch/);
});
