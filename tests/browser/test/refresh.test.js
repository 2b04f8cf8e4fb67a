// Access that goes on: the client library refreshes, and what was taken back is refused at once.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { answer, choosePatient, consent, fhir, press, scopeBox, signIn, standalone } from "../support/steps.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld()));
after(() => world?.close());

const OFFLINE = "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs";

/** Alice lets the test app into Ben's record. */
async function connected(page, scope = OFFLINE) {
  await standalone(world, page, { scope });
  await signIn(page, "alice");
  await choosePatient(page, "ben");
  await consent(page);
  return answer(page);
}

/** The library refreshes; what it says when it cannot. An app without a secret must name itself (SMART-REFRESH-005). */
const refresh = (page) =>
  page.evaluate(() => {
    FHIR.oauth2.settings.refreshTokenWithClientId = true;
    return window.smart.refresh().then(
      () => ({ token: window.smart.state.tokenResponse }),
      (error) => ({ failure: String(error?.message ?? error) }),
    );
  });

test("the client library refreshes, and reads with the new token", async () => {
  const page = await world.newPage();
  const { token } = await connected(page);
  assert.ok(token.refresh_token && token.expires_in <= 300, "short, since there is a refresh token");
  const seen = new Set([token.refresh_token]);
  for (let round = 0; round < 3; round += 1) {
    const { token: fresh, failure } = await refresh(page);
    assert.equal(failure, undefined);
    assert.equal(seen.has(fresh.refresh_token), false, "every refresh token is good once");
    seen.add(fresh.refresh_token);
    assert.equal(fresh.patient, "ben", "the context stays");
    const read = await page.evaluate(() => window.smart.patient.read().then(({ id }) => id));
    assert.equal(read, "ben");
  }
});

test("without the box there is no refresh token", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: OFFLINE });
  await signIn(page, "alice");
  await choosePatient(page, "ben");
  const about = await page.locator("main").innerText();
  assert.match(about, /Longer if you also allow/);
  assert.match(about, /has not used it for about 6 months, on \d+ \w+ \d{4} at the latest/);
  await consent(page, { untick: ["offline_access"] });
  const { token } = await answer(page);
  assert.equal(token.refresh_token, undefined);
  assert.equal(token.expires_in, 3600);
});

test("system scopes are not put before a user", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: `${OFFLINE} system/Patient.rs` });
  await signIn(page, "alice");
  await choosePatient(page, "ben");
  assert.equal(await page.locator(scopeBox("system/Patient.rs")).count(), 0);
});

test("taken back on “apps with access”: tokens and refresh are dead at once", async () => {
  const page = await world.newPage();
  const { token } = await connected(page);
  const manage = await page.context().newPage();
  await manage.goto(world.demo.smart.management_endpoint);
  const card = manage.locator("li.card").first();
  for (const words of [/Growth Chart/, /Ben Marlow/, /parent/, /Also while you are away/, /Ends if it is not used before/]) {
    assert.match(await card.innerText(), words);
  }
  await press(manage, card.locator("button[name=revoke]"));
  assert.match(await manage.locator("[role=status]").innerText(), /Access was removed/);
  assert.equal((await fhir(page, `${world.demo.fhir}/Patient/ben`, token.access_token)).status, 401);
  assert.match((await refresh(page)).failure, /.+/);
});

test("everything ends after one question, with the keyboard alone", async () => {
  const page = await world.newPage();
  const { token } = await connected(page);
  const manage = await page.context().newPage();
  await manage.goto(world.demo.smart.management_endpoint);
  await manage.locator(".end-all a").focus();
  await Promise.all([manage.waitForEvent("framenavigated"), manage.keyboard.press("Enter")]);
  assert.match(await manage.locator("main").innerText(), /Growth Chart/);
  await manage.locator("button[name=end_all]").focus();
  await Promise.all([manage.waitForEvent("framenavigated"), manage.keyboard.press("Enter")]);
  assert.match(await manage.locator("[role=status]").innerText(), /All access was ended/);
  assert.equal(await manage.locator("button[name=revoke]").count(), 0);
  assert.equal((await fhir(page, `${world.demo.fhir}/Patient/ben`, token.access_token)).status, 401);
});

test("online access ends with the session, offline access does not", async () => {
  for (const [kind, outcome] of [["online_access", "dead"], ["offline_access", "alive"]]) {
    const page = await world.newPage();
    world.app.settings = { clientId: "test-app", scope: `launch openid fhirUser ${kind} patient/Patient.rs` };
    await page.goto(`${world.demo.url}/ehr`);
    await signIn(page, "dr-lee");
    await page.selectOption("[name=client_id]", "test-app");
    await page.selectOption("[name=patient]", "carol");
    await page.locator('form[action$="/ehr/launch"] button').last().click();
    await page.waitForSelector("button[name=decision]");
    await consent(page);
    const { token } = await answer(page);
    assert.ok(token.refresh_token, kind);
    const home = await page.context().newPage();
    await home.goto(world.demo.url);
    await press(home, home.locator('form[action="/sign-out"] button'));
    const { failure } = await refresh(page);
    assert.equal(failure === undefined ? "alive" : "dead", outcome, `${kind}: ${failure}`);
  }
});
