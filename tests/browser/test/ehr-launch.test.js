// An app opened from the EHR: the patient is already there, and the app is told all of it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { answer, consent, fhir, press, scopes, signIn, where } from "../support/steps.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld()));
after(() => world?.close());

const SCOPE = "launch openid fhirUser patient/Patient.rs patient/Encounter.rs patient/Observation.rs";

/** Signs in and fills in the launcher. */
async function launcher(user, entered, scope = SCOPE, settings = {}) {
  const page = await world.newPage();
  world.app.settings = { clientId: "test-app", scope, ...settings };
  await page.goto(`${world.demo.url}/ehr`);
  assert.equal(await where(page), "sign-in");
  await signIn(page, user);
  assert.equal(new URL(page.url()).pathname, "/ehr");
  await fill(page, { client_id: "test-app", ...entered });
  return page;
}

async function fill(page, entered) {
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
  for (const [name, value] of Object.entries(entered)) {
    const field = page.locator(`form[action$="/ehr/launch"] [name=${name}]`);
    const kind = await field.evaluate((element) => element.tagName);
    await (kind === "SELECT" ? field.selectOption(value) : field.fill(value));
  }
}

const open = (page) => press(page, page.locator('form[action$="/ehr/launch"] button').last());

const encounterOf = (patient) => `${patient}-enc-1`;

test("dr-lee opens the app with patient, encounter, intent, banner and other resources", async () => {
  const encounter = encounterOf("carol");
  const page = await launcher("dr-lee", {
    patient: "carol",
    encounter,
    intent: "reconcile-medications",
    need_patient_banner: "false",
    fhir_context: '[{"reference": "DiagnosticReport/carol-rep-1"}]',
  });
  await open(page);
  await page.waitForSelector("button[name=decision]");
  assert.match(await page.locator("body").innerText(), /Carol Whitby/);
  await consent(page);
  const { token, failure, patient, fhirUser } = await answer(page);
  assert.equal(failure, undefined);
  assert.equal(token.patient, "carol");
  assert.equal(patient, "carol");
  assert.equal(token.encounter, encounter);
  assert.equal(token.intent, "reconcile-medications");
  assert.equal(token.need_patient_banner, false);
  assert.deepEqual(token.fhirContext, [{ reference: "DiagnosticReport/carol-rep-1" }]);
  assert.equal(fhirUser.split("/").slice(-2).join("/"), "Practitioner/lee");
  const style = await page.evaluate((url) => fetch(url).then((answer) => answer.json()), token.smart_style_url);
  assert.equal(typeof style, "object");
  assert.deepEqual(scopes(token), SCOPE.split(" ").sort());

  const get = (path) => fhir(page, `${world.demo.fhir}/${path}`, token.access_token);
  assert.equal((await get("Patient/carol")).status, 200);
  assert.equal((await get(`Encounter/${encounter}`)).status, 200);
  assert.equal((await get("Patient/ben")).status, 403, "she may open ben, this token may not");
  const user = await page.evaluate(() => window.smart.user.read().then((user) => user.resourceType)).catch((error) => error.message);
  assert.equal(user, "Practitioner", "who fhirUser names can be read");
});

test("the banner is asked for by default, and what was not chosen is not there", async () => {
  const page = await launcher("dr-lee", { patient: "dina" });
  await open(page);
  await page.waitForSelector("button[name=decision]");
  await consent(page);
  const { token } = await answer(page);
  assert.equal(token.patient, "dina");
  assert.equal(token.need_patient_banner, true);
  assert.ok(token.smart_style_url);
  assert.equal(token.encounter, undefined);
  assert.equal(token.intent, undefined);
  assert.equal(token.fhirContext, undefined);
});

test("vip is not offered to dr-lee, and refused when asked for", async () => {
  const page = await launcher("dr-lee", { patient: "carol" });
  const offered = await page.locator("select[name=patient] option").evaluateAll((all) => all.map(({ value }) => value));
  assert.ok(offered.includes("carol"));
  assert.ok(!offered.includes("vip"));
  await page.locator("select[name=patient]").evaluate((select) => select.add(new Option("x", "vip", true, true)));
  const answered = page.waitForResponse((response) => response.url().endsWith("/ehr/launch"));
  await open(page);
  assert.ok([400, 403].includes((await answered).status()));
  assert.equal(new URL(page.url()).origin, world.demo.url, "the app was not opened");
  assert.doesNotMatch(await page.locator("body").innerText(), /Ipswell/, "nothing about the patient is said");
});

test("an encounter of another patient is refused", async () => {
  const page = await launcher("dr-lee", { patient: "carol", encounter: encounterOf("dina") });
  const answered = page.waitForResponse((response) => response.url().endsWith("/ehr/launch"));
  await open(page);
  assert.ok([400, 403].includes((await answered).status()));
});

test("a mistake in the launcher is said and nothing entered is lost", async () => {
  const page = await launcher("dr-lee", { patient: "carol", intent: "x", fhir_context: "{not json" });
  await open(page);
  assert.equal(await page.locator("[role=alert]").count(), 1);
  assert.equal(await page.inputValue("[name=intent]"), "x");
  assert.equal(await page.inputValue("[name=fhir_context]"), "{not json");
});

test("a launch opens once, for this app and this user only", async () => {
  const { Visitor, request } = await import("../support/visitor.js");
  const launch = async () => {
    const page = await launcher("dr-lee", { patient: "carol" });
    // Stop before the app uses the handle.
    await page.route("**/settings.json", (route) => route.abort());
    await open(page);
    const handle = new URL(page.url()).searchParams.get("launch");
    assert.ok(handle);
    return handle;
  };
  const scope = "launch openid patient/Patient.rs";
  const walk = (handle, user, changes = {}) =>
    new Visitor().walk(request(world, { scope, launch: handle, ...changes }).url, { user });
  const sent = (end) => new URL(end.location ?? "about:blank").searchParams;

  const first = await launch();
  assert.ok(sent(await walk(first, "dr-lee")).get("code"));
  const again = sent(await walk(first, "dr-lee"));
  assert.equal(again.get("code"), null, "used up");
  assert.ok(["invalid_request", "access_denied"].includes(again.get("error")), again.get("error"));

  const second = await launch();
  assert.equal(sent(await walk(second, "alice")).get("error"), "access_denied", "another user");
  assert.equal(sent(await walk(second, "dr-lee", { client_id: "test-second" })).get("error"), "invalid_request", "another app");
  assert.equal(sent(await walk(second, "dr-lee", { aud: world.demo.archive })).get("error"), "invalid_request", "another base");
  assert.ok(sent(await walk(second, "dr-lee")).get("code"), "none of this burned it");

  assert.equal(sent(await walk("made-up", "dr-lee")).get("error"), "invalid_request");
  assert.equal(sent(await walk(null, "dr-lee")).get("error"), "invalid_request", "launch scope without a launch");
});
