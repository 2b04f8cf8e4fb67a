// The demo stops and starts again in the middle: nothing is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Visitor, ask, code, redeem, request, step } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld({ browser: false })));
after(() => world?.close());

test("interaction, code and token outlive a restart", async () => {
  const granted = await code(world);
  const token = (await redeem(world, await code(world))).body.access_token;
  const asked = request(world);
  const visitor = new Visitor();
  const consent = await visitor.walk(asked.url, { user: "alice", patient: "ben", until: "consent" });
  const waiting = new Visitor();
  const signIn = await waiting.open(request(world).url);
  assert.equal(step(signIn), "sign-in");

  await world.demo.restart();

  assert.equal((await ask(`${world.demo.fhir}/Patient/ben`, token)).status, 200, "a token: the keys are kept");
  const redeemed = await redeem(world, granted);
  assert.equal(redeemed.status, 200, "a code");
  const end = await visitor.submit(consent, "decision", { decision: "allow" });
  const answered = new URL(end.location).searchParams.get("code");
  assert.equal((await redeem(world, { ...asked, code: answered })).body.patient, "ben", "a form that was open");
  // A sign-in form is of the run that drew it; shown again it works.
  let page = await waiting.submit(signIn, "password", { username: "carol", password: "carol" });
  if (step(page) === "sign-in") page = await waiting.submit(page, "password", { username: "carol", password: "carol" });
  assert.equal(step(page), "consent", `${page.status}`);
});

test("an app that registered itself outlives a restart, with what staff decided", async () => {
  const { registration_endpoint } = world.demo.smart;
  const headers = {
    authorization: "Bearer this-is-the-public-registration-token-of-the-demo",
    "content-type": "application/json",
  };
  const metadata = {
    client_name: "Newcomer",
    token_endpoint_auth_method: "none",
    redirect_uris: [world.app.plain],
    application_type: "native",
    scope: "launch/patient patient/*.rs",
  };
  const answer = await fetch(registration_endpoint, { method: "POST", headers, body: JSON.stringify(metadata) });
  assert.equal(answer.status, 201);
  const registered = await answer.json();
  const staff = new Visitor();
  const apps = `${world.demo.url}/ehr/apps`;
  let page = await staff.open(apps);
  page = await staff.submit(page, "password", { username: "dr-lee", password: "dr-lee" });
  assert.match(page.text, /Newcomer[^]*waits for approval/);

  await world.demo.restart();

  page = await staff.open(apps);
  page = await staff.submit(page, "revision", { what: "approve" });
  assert.match(page.text, /Newcomer[^]*in use/);

  await world.demo.restart();

  const changes = { client_id: registered.client_id, scope: "launch/patient patient/*.rs" };
  const token = await redeem(world, await code(world, { changes }));
  assert.equal(token.status, 200);
  const own = { authorization: `Bearer ${registered.registration_access_token}` };
  const read = await fetch(registered.registration_client_uri, { headers: own });
  assert.equal((await read.json()).client_name, "Newcomer");
});
