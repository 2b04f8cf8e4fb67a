// What the user leaves out, the app does not get.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { answer, choosePatient, consent, fhir, press, scopeBox, scopes, signIn, standalone, where } from "../support/steps.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld()));
after(() => world?.close());

const SCOPE = "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs patient/Condition.rs";

async function toConsent(scope = SCOPE, settings = {}) {
  const page = await world.newPage();
  await standalone(world, page, { scope, ...settings });
  await signIn(page, "alice");
  await choosePatient(page, "ben");
  assert.equal(await where(page), "consent");
  return page;
}

test("a scope that was unticked is not granted", async () => {
  const page = await toConsent();
  await consent(page, { untick: ["patient/Condition.rs"] });
  const { token } = await answer(page);
  assert.ok(!scopes(token).some((scope) => scope.includes("Condition")), token.scope);
  const get = (path) => fhir(page, `${world.demo.fhir}/${path}`, token.access_token);
  assert.equal((await get("Condition?patient=ben")).status, 403);
  assert.equal((await get("Observation?patient=ben")).status, 200);
});

test("only a category: the search is narrowed to it", async () => {
  const page = await toConsent();
  const laboratory = await page
    .locator('input[type=checkbox][name=scope][value^="patient/Observation.rs?category="][value$="|laboratory"]')
    .getAttribute("value");
  assert.ok(!(await page.isChecked(scopeBox(laboratory))), "unticked by default");
  await consent(page, { untick: ["patient/Observation.rs"], tick: [laboratory] });
  const { token } = await answer(page);
  assert.ok(scopes(token).includes(laboratory), token.scope);
  assert.ok(!scopes(token).includes("patient/Observation.rs"), token.scope);
  const found = await fhir(page, `${world.demo.fhir}/Observation?patient=ben&_count=200`, token.access_token);
  assert.equal(found.status, 200);
  assert.ok(found.body.total > 0);
  for (const { resource } of found.body.entry) {
    const codes = resource.category.flatMap(({ coding }) => coding.map(({ code }) => code));
    assert.ok(codes.includes("laboratory"), `${resource.id}: ${codes}`);
  }
  const other = "Observation?patient=ben&category=vital-signs";
  const none = await fhir(page, `${world.demo.fhir}/${other}`, token.access_token);
  assert.ok(none.status === 403 || none.body.total === 0, `${none.status}`);
});

test("a category box is ignored while the whole is ticked", async () => {
  const page = await toConsent();
  const some = await page.locator('input[name=scope][value^="patient/Condition.rs?category="]').first().getAttribute("value");
  await consent(page, { tick: [some] });
  assert.deepEqual(scopes((await answer(page)).token), SCOPE.split(" ").sort());
});

test("deny: the app is told access_denied and nothing else", async () => {
  const page = await toConsent();
  await consent(page, { decision: "deny" });
  const { failure, token, url } = await answer(page);
  assert.equal(token, undefined);
  assert.match(failure, /access_denied/);
  assert.equal(new URL(url).searchParams.get("code"), null);
});

test("allow with no scope is a refusal", async () => {
  const page = await toConsent();
  const boxes = await page.locator("input[type=checkbox][name=scope]:checked").evaluateAll((all) => all.map(({ value }) => value));
  assert.ok(boxes.length > 0);
  await consent(page, { untick: boxes });
  const { url, token } = await answer(page);
  assert.equal(token, undefined);
  assert.equal(new URL(url).searchParams.get("error"), "access_denied");
});

test("a wildcard is said in plain words, and granted as asked", async () => {
  const page = await toConsent("launch/patient patient/*.rs");
  assert.match(await page.locator("body").innerText(), /all|every|future/i);
  await consent(page);
  const { token } = await answer(page);
  assert.ok(scopes(token).includes("patient/*.rs"), token.scope);
  assert.equal((await fhir(page, `${world.demo.fhir}/Immunization?patient=ben`, token.access_token)).status, 200);
});

test("v1 scopes keep their spelling", async () => {
  const page = await toConsent("launch/patient patient/Observation.read");
  await consent(page);
  const { token } = await answer(page);
  assert.ok(scopes(token).includes("patient/Observation.read"), token.scope);
  assert.equal((await fhir(page, `${world.demo.fhir}/Observation?patient=ben`, token.access_token)).status, 200);
});

test("an app whose consent is remembered still asks which patient", async () => {
  const page = await world.newPage();
  const settings = { scope: SCOPE, clientId: "test-remember", clientSecret: "browser-test-secret-browser-test-secret" };
  const once = async () => {
    await standalone(world, page, settings);
    if ((await where(page)) === "sign-in") await signIn(page, "alice");
    assert.equal(await where(page), "patient");
    await choosePatient(page, "ben");
  };
  await once();
  assert.equal(await where(page), "consent");
  await consent(page);
  assert.equal((await answer(page)).token.patient, "ben");
  await once();
  assert.equal((await answer(page)).token.patient, "ben", "not asked again");
});

test("apps with access lists the app, and what is taken back is gone", async () => {
  const page = await toConsent();
  await consent(page);
  const { token } = await answer(page);
  const read = () => fhir(page, `${world.demo.fhir}/Patient/ben`, token.access_token);
  assert.equal((await read()).status, 200);
  await page.goto(world.demo.smart.management_endpoint);
  assert.match(await page.locator("main").innerText(), /Growth Chart/);
  const buttons = page.locator("button[name=revoke]");
  // One press ends an app's whole access to a record, so what was let in several times goes in one go.
  for (let left = await buttons.count(); left > 0; ) {
    await press(page, buttons.first());
    const rest = await buttons.count();
    assert.ok(rest < left, `${rest} of ${left} are still there`);
    left = rest;
  }
  assert.equal(await page.locator("[role=status]").count(), 1, "it is said that it was done");
  await page.goto(`${world.app.origin}/blank.html`);
  assert.equal((await read()).status, 401, "at once, although the token's own time is not over");
});
