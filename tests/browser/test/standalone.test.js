// An app opened by itself, with the client library that SMART apps use: the patient is chosen on the way.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { answer, choosePatient, consent, fhir, scopeBox, scopes, signIn, standalone, where } from "../support/steps.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld()));
after(() => world?.close());

const SCOPE = "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs";

test("alice chooses ben, and the app gets ben and nobody else", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE });
  assert.equal(await where(page), "sign-in");
  await signIn(page, "alice");
  assert.equal(await where(page), "patient");
  const offered = await page.locator("input[type=radio][name=patient]").evaluateAll((all) => all.map((one) => one.value));
  assert.deepEqual(offered.sort(), ["alice", "ben"]);
  assert.equal(await page.locator("input[name=patient]:checked").count(), 0, "nobody is chosen beforehand");
  await choosePatient(page, "ben");
  assert.equal(await where(page), "consent");
  assert.match(await page.locator("main, body").first().innerText(), /Ben Marlow/);
  assert.match(await page.locator("main, body").first().innerText(), /Growth Chart/);
  assert.ok(await page.isChecked(scopeBox("patient/Observation.rs")), "ticked by default");
  await consent(page);

  const { token, failure, patient, fhirUser, url } = await answer(page);
  assert.equal(failure, undefined);
  assert.equal(token.patient, "ben");
  assert.equal(patient, "ben");
  assert.equal(token.token_type, "Bearer");
  assert.ok(token.expires_in > 0);
  assert.equal(token.refresh_token, undefined);
  assert.deepEqual(scopes(token), SCOPE.split(" ").sort());
  assert.equal(new URL(url).searchParams.get("iss"), world.demo.smart.issuer);
  assert.equal(fhirUser.split("/").slice(-2).join("/"), "Patient/alice");

  const get = (path, using = token.access_token) => fhir(page, `${world.demo.fhir}/${path}`, using);
  assert.equal((await get("Patient/ben")).body.id, "ben");
  assert.equal((await get("Patient/carol")).status, 403, "another patient");
  assert.equal((await get("Patient/alice")).status, 200, "who fhirUser names can be read");
  assert.equal((await get("Observation?patient=alice")).status, 403, "but her own record was not chosen");
  assert.equal((await get("Condition?patient=ben")).status, 403, "a scope that was not granted");
  assert.equal((await get("Observation?patient=carol")).status, 403);
  assert.equal((await get("Patient/ben", null)).status, 401);
  assert.equal((await get("Patient/ben", "nonsense")).status, 401);
  const found = await get("Observation?patient=ben");
  assert.equal(found.status, 200);
  assert.ok(found.body.total > 0);
  for (const { resource } of found.body.entry) assert.equal(resource.subject.reference, "Patient/ben");
  const all = await get("Observation");
  for (const { resource } of all.body.entry ?? []) assert.equal(resource.subject.reference, "Patient/ben");

  const library = await page.evaluate(() => window.smart.patient.read().then((patient) => patient.id));
  assert.equal(library, "ben");
});

test("carol has one record and is not asked which", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE });
  await signIn(page, "carol");
  assert.equal(await where(page), "consent");
  assert.match(await page.locator("body").innerText(), /Carol Whitby/, "but she sees whose record it is");
  await consent(page);
  const { token } = await answer(page);
  assert.equal(token.patient, "carol");
  assert.equal((await fhir(page, `${world.demo.fhir}/Patient/carol`, token.access_token)).status, 200);
});

test("nobody has no record: the app is told access_denied", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE });
  await signIn(page, "nobody");
  const { failure, token, url } = await answer(page);
  assert.equal(token, undefined);
  assert.match(failure, /access_denied/);
  const sent = new URL(url).searchParams;
  assert.equal(sent.get("error"), "access_denied");
  assert.ok((sent.get("error_description") ?? "").length > 10, "in clear words");
  assert.equal(sent.get("code"), null);
  assert.equal(sent.get("iss"), world.demo.smart.issuer);
});

test("a wrong password is said, and nothing is lost", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE });
  await signIn(page, "carol", "wrong");
  assert.equal(await where(page), "sign-in");
  assert.equal(await page.locator("[role=alert]").count(), 1);
  assert.equal(await page.inputValue("input[name=username]"), "carol");
  await signIn(page, "carol");
  await consent(page);
  assert.equal((await answer(page)).token.patient, "carol");
});

test("every page works without script, by keyboard alone", async () => {
  // The app's own pages need script; the hospital's must not, so the way stops at the app's door.
  const page = await world.newPage({ javaScriptEnabled: false });
  const { request } = await import("../support/visitor.js");
  await page.goto(request(world).url);
  await page.focus("input[name=username]");
  await page.keyboard.type("alice");
  await page.keyboard.press("Tab");
  await page.keyboard.type("alice");
  await page.keyboard.press("Enter");
  await page.waitForSelector("input[name=patient]");
  await page.focus("input[name=patient] >> nth=0");
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  const chosen = await page.locator("input[name=patient]:checked").getAttribute("value");
  for (let tabs = 0; tabs < 12; tabs += 1) {
    await page.keyboard.press("Tab");
    if ((await page.locator("button[name=move][value=choose]:focus").count()) === 1) break;
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector("button[name=decision]");
  for (let tabs = 0; tabs < 40; tabs += 1) {
    await page.keyboard.press("Tab");
    if ((await page.locator("button[name=decision][value=allow]:focus").count()) === 1) break;
  }
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.href.startsWith(world.app.plain));
  assert.ok(["alice", "ben"].includes(chosen));
  assert.ok(new URL(page.url()).searchParams.get("code"));
});

test("a request that another site posts starts an interaction too", async () => {
  const { request } = await import("../support/visitor.js");
  const page = await world.newPage();
  const asked = request(world);
  await page.goto(`${world.app.origin}/blank.html`);
  await page.evaluate(
    ([action, parameters]) => {
      const form = document.createElement("form");
      Object.assign(form, { method: "post", action });
      for (const [name, value] of Object.entries(parameters)) {
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
      }
      document.body.append(form);
      form.submit();
    },
    [world.demo.smart.authorization_endpoint, asked.parameters],
  );
  await page.waitForSelector("input[name=password]");
  await signIn(page, "alice");
  await choosePatient(page, "alice");
  await consent(page);
  await page.waitForURL((url) => url.href.startsWith(world.app.plain));
  const sent = new URL(page.url()).searchParams;
  assert.equal(sent.get("state"), asked.state);
  assert.ok(sent.get("code"));
});

test("the second base has its own tokens", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE, iss: world.demo.archive });
  await signIn(page, "carol");
  await consent(page);
  const { token } = await answer(page);
  const at = (base) => fhir(page, `${base}/Observation?patient=carol`, token.access_token);
  const old = await at(world.demo.archive);
  assert.equal(old.status, 200);
  assert.ok(old.body.total > 0);
  for (const { resource } of old.body.entry) assert.ok(resource.effectiveDateTime < "2021", "older records");
  assert.equal((await at(world.demo.fhir)).status, 401, "a token of one base is none at the other");
});
