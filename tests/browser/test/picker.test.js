// A clinician has many patients: search, page, choose.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { answer, chooseEncounter, choosePatient, consent, press, searchPatient, signIn, standalone, where } from "../support/steps.js";
import { Visitor, request, step } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld()));
after(() => world?.close());

const SCOPE = "launch/patient openid fhirUser patient/Patient.rs";
const offered = (page) => page.locator("input[type=radio][name=patient]").evaluateAll((all) => all.map(({ value }) => value));

async function asLee(scope = SCOPE) {
  const page = await world.newPage();
  await standalone(world, page, { scope });
  await signIn(page, "dr-lee");
  assert.equal(await where(page), "patient");
  return page;
}

test("dr-lee searches and pages, never meets vip, and chooses", async () => {
  const page = await asLee();
  const seen = new Set(await offered(page));
  for (let pages = 0; pages < 10 && (await page.locator("button[name=after]").count()) > 0; pages += 1) {
    await press(page, page.locator("button[name=after]"));
    for (const patient of await offered(page)) {
      assert.ok(!seen.has(patient), `${patient} stands on two pages`);
      seen.add(patient);
    }
  }
  assert.equal(seen.size, 13, [...seen].join(" "));
  assert.ok(!seen.has("vip"));

  await searchPatient(page, "Ipswell");
  assert.deepEqual(await offered(page), []);
  await searchPatient(page, "whit");
  assert.deepEqual(await offered(page), ["carol"]);
  assert.equal(await page.inputValue("input[name=q]"), "whit", "what was searched for stands there");
  await choosePatient(page, "carol");
  assert.equal(await where(page), "consent");
  await consent(page);
  assert.equal((await answer(page)).token.patient, "carol");
});

test("nurse-kim may open carol only", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE });
  await signIn(page, "nurse-kim");
  if ((await where(page)) === "patient") {
    assert.deepEqual(await offered(page), ["carol"]);
    await choosePatient(page, "carol");
  }
  await consent(page);
  assert.equal((await answer(page)).token.patient, "carol");
});

test("strange searches are searches", async () => {
  const page = await asLee();
  for (const text of ["%", "_", "'; DROP TABLE patient; --", "<script>alert(1)</script>", "Sørensen", "名前", "\u202e", "a".repeat(99)]) {
    await searchPatient(page, text);
    assert.equal(await where(page), "patient", text);
    const found = await offered(page);
    assert.deepEqual(found, text === "Sørensen" ? ["emil"] : [], text);
  }
});

test("choosing nothing is said on the same page", async () => {
  const page = await asLee();
  await press(page, page.locator("button[name=move][value=choose]"));
  assert.equal(await where(page), "patient");
  assert.equal(await page.locator("[role=alert]").count(), 1);
});

test("cancelling tells the app access_denied", async () => {
  const page = await asLee();
  await press(page, page.locator("button[name=move][value=cancel]"));
  const { url } = await answer(page);
  assert.equal(new URL(url).searchParams.get("error"), "access_denied");
});

test("launch/encounter asks for the visit, of that patient", async () => {
  const page = await asLee("launch/patient launch/encounter patient/Encounter.rs");
  await searchPatient(page, "whit");
  await choosePatient(page, "carol");
  assert.equal(await where(page), "encounter");
  const visits = await page.locator("input[type=radio][name=encounter]").evaluateAll((all) => all.map(({ value }) => value));
  assert.ok(visits.length > 1);
  assert.ok(visits.every((visit) => visit.startsWith("carol-")), visits.join(" "));
  await chooseEncounter(page, visits[0]);
  await consent(page);
  const { token } = await answer(page);
  assert.equal(token.encounter, visits[0]);
  assert.equal(token.patient, "carol");
});

test("a patient or visit that was not offered cannot be posted", async () => {
  for (const [user, patient] of [["dr-lee", "vip"], ["alice", "carol"], ["alice", "../ben"], ["alice", "Patient/ben"], ["alice", "*"], ["alice", ""]]) {
    const visitor = new Visitor();
    const page = await visitor.walk(request(world).url, { user, until: "patient" });
    assert.equal(step(page), "patient");
    const after = await visitor.submit(page, "move", { patient, move: "choose" });
    assert.equal(after.location ?? null, null, `${user} ${patient}`);
    assert.ok(["patient", "other"].includes(step(after)), `${user} ${patient}: ${step(after)}`);
    assert.ok(after.status < 500);
    const secret = user === "alice" ? /Whitby/ : /Ipswell/;
    assert.ok(!secret.test(after.text), "says nothing about a record that exists");
  }
  const visitor = new Visitor();
  const visit = await visitor.walk(request(world, { scope: "launch/patient launch/encounter patient/*.rs" }).url, {
    user: "alice",
    patient: "ben",
    until: "encounter",
  });
  assert.equal(step(visit), "encounter");
  const after = await visitor.submit(visit, "encounter", { encounter: "carol-enc-1", move: "choose" });
  assert.ok(["encounter", "other"].includes(step(after)));
  assert.equal(after.location ?? null, null);
});
