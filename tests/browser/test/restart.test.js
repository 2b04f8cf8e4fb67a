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
