// What people do to forms: two tabs, back, reload, double click, old forms, other people's forms.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { answer, choosePatient, consent, press, signIn, standalone, where } from "../support/steps.js";
import { Visitor, ask, filled, formWith, forms, redeem, request, step } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld()));
after(() => world?.close());

const SCOPE = "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs";
const atApp = (url) => ["/callback.html", "/blank.html"].includes(url.pathname);

/** The page says that it cannot go on here, and how to get on. */
async function goOn(page) {
  const on = page.locator("main a.primary, main form button");
  assert.ok((await on.count()) > 0, await page.locator("main").innerText());
  await press(page, on.first());
}

test("two tabs with two requests do not disturb each other", async () => {
  const first = await world.newPage();
  const second = await first.context().newPage();
  const [one, two] = [request(world), request(world)];
  await first.goto(one.url);
  await signIn(first, "alice");
  await second.goto(two.url);
  await choosePatient(first, "alice");
  await choosePatient(second, "ben");
  await consent(second);
  await consent(first);
  for (const [page, asked, patient] of [[first, one, "alice"], [second, two, "ben"]]) {
    await page.waitForURL(atApp);
    const sent = new URL(page.url()).searchParams;
    assert.equal(sent.get("state"), asked.state);
    const token = await redeem(world, { ...asked, code: sent.get("code") });
    assert.equal(token.body.patient, patient);
  }
});

test("signing in again in another tab is a new session: what the old one began is told so", async () => {
  const first = await world.newPage();
  const second = await first.context().newPage();
  await first.goto(request(world).url);
  await second.goto(request(world).url);
  await signIn(first, "alice");
  await signIn(second, "alice");
  assert.equal(await where(second), "patient");
  await choosePatient(first, "alice");
  assert.equal(await where(first), "other");
  assert.ok((await first.locator("main").innerText()).length > 40, "and what to do");
  await choosePatient(second, "ben");
  await consent(second);
  await second.waitForURL(atApp);
  assert.ok(new URL(second.url()).searchParams.get("code"));
});

test("of two tabs with the same request one wins, and the other is told", async () => {
  const asked = request(world);
  const first = await world.newPage();
  await first.goto(asked.url);
  await signIn(first, "alice");
  const second = await first.context().newPage();
  await second.goto(first.url());
  assert.equal(await where(second), "patient");
  await choosePatient(second, "ben");
  assert.equal(await where(second), "consent");
  // The first tab still shows the picker.
  await choosePatient(first, "alice");
  assert.ok(!atApp(new URL(first.url())));
  if ((await where(first)) === "other") await goOn(first);
  assert.equal(await where(first), "consent", "it goes on where the interaction is");
  assert.match(await first.locator("main").innerText(), /Ben Marlow/);
  await consent(first);
  await first.waitForURL(atApp);
  const code = new URL(first.url()).searchParams.get("code");
  assert.equal((await redeem(world, { ...asked, code })).body.patient, "ben");
  await consent(second);
  // The same form within ten seconds is a double submit and gets the same answer; later it is told.
  if (atApp(new URL(second.url()))) assert.equal(new URL(second.url()).searchParams.get("code"), code);
  else assert.equal(await where(second), "other");
});

test("reload on each page goes on where it was", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE });
  await page.reload();
  await signIn(page, "alice");
  await page.reload();
  assert.equal(await where(page), "patient");
  await choosePatient(page, "ben");
  for (let times = 0; times < 2; times += 1) {
    await page.reload();
    assert.equal(await where(page), "consent");
  }
  await consent(page);
  assert.equal((await answer(page)).token.patient, "ben");
});

test("back from consent: no dead end, and no other patient slips in", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE });
  await signIn(page, "alice");
  await choosePatient(page, "alice");
  assert.equal(await where(page), "consent");
  await page.goBack();
  if ((await where(page)) === "patient") await choosePatient(page, "ben");
  if ((await where(page)) === "other") await goOn(page);
  assert.equal(await where(page), "consent");
  const shown = await page.locator("main").innerText();
  await consent(page);
  const { token } = await answer(page);
  assert.equal(token.patient, "alice", "the choice that was made stands");
  assert.match(shown, /Alice Marlow/, "and is the one that the consent page named");
});

test("back after the end: a page that says so, with a way on", async () => {
  const page = await world.newPage();
  const asked = request(world);
  await page.goto(asked.url);
  await signIn(page, "alice");
  await choosePatient(page, "ben");
  const interaction = page.url();
  await consent(page);
  await page.waitForURL(atApp);
  const again = await page.goto(interaction);
  assert.equal(again.status(), 400);
  assert.equal(await page.locator("button[name=decision]").count(), 0);
  assert.ok((await page.locator("main a[href], main form").count()) > 0 || /app/i.test(await page.locator("main").innerText()));
});

test("a double click on allow gives one code", async () => {
  const page = await world.newPage();
  await standalone(world, page, { scope: SCOPE });
  await signIn(page, "alice");
  await choosePatient(page, "ben");
  await page.locator("button[name=decision][value=allow]").dblclick();
  const { token, failure } = await answer(page);
  assert.equal(failure, undefined);
  assert.equal(token.patient, "ben");
});

test("the same form sent ten times at once gives the same redirect each time, and one code", async () => {
  const asked = request(world);
  const visitor = new Visitor();
  const page = await visitor.walk(asked.url, { user: "alice", patient: "ben", until: "consent" });
  const form = formWith(page, "decision");
  const send = () => visitor.send(form.action, { method: "POST", form: filled(form, { decision: "allow" }) });
  const sent = await Promise.all(Array.from({ length: 10 }, send));
  const locations = new Set(sent.filter(({ status }) => status === 303).map(({ location }) => location));
  assert.equal(locations.size, 1, [...locations].join("\n"));
  for (const { status } of sent) assert.ok(status === 303 || (status >= 400 && status < 500), `${status}`);
  assert.ok(sent.filter(({ status }) => status === 303).length >= 2, "a double submit is harmless");
  const code = new URL([...locations][0]).searchParams.get("code");
  assert.equal((await redeem(world, { ...asked, code })).status, 200);
});

test("double submit with the other decision does not change the first", async () => {
  const asked = request(world);
  const visitor = new Visitor();
  const page = await visitor.walk(asked.url, { user: "alice", patient: "ben", until: "consent" });
  const form = formWith(page, "decision");
  const send = (decision) => visitor.send(form.action, { method: "POST", form: filled(form, { decision }) });
  const denied = await send("deny");
  assert.equal(new URL(denied.location).searchParams.get("error"), "access_denied");
  const allowed = await send("allow");
  assert.ok(!allowed.location || !new URL(allowed.location).searchParams.get("code"), "deny stays deny");
});

test("an old picker form does not change the patient", async () => {
  const asked = request(world);
  const visitor = new Visitor();
  const picker = await visitor.walk(asked.url, { user: "alice", until: "patient" });
  const consentPage = await visitor.submit(picker, "patient", { patient: "ben", move: "choose" });
  assert.equal(step(consentPage), "consent");
  const stale = await visitor.submit(picker, "patient", { patient: "alice", move: "choose" });
  assert.ok(stale.status < 500);
  assert.ok(!stale.location);
  // If consent is shown again, it is the same patient's.
  if (step(stale) === "consent") assert.match(stale.text, /Ben Marlow/);
  const end = await visitor.submit(consentPage, "decision", { decision: "allow" });
  if (end.location) {
    const code = new URL(end.location).searchParams.get("code");
    assert.equal((await redeem(world, { ...asked, code })).body.patient, "ben");
  } else {
    assert.ok(end.status >= 400 && end.status < 500);
  }
});

test("a form without its token, or with another one, is refused", async () => {
  for (const changes of [{ step: null }, { step: "" }, { step: "x".repeat(43) }]) {
    const visitor = new Visitor();
    const page = await visitor.walk(request(world).url, { user: "alice", patient: "ben", until: "consent" });
    const form = formWith(page, "decision");
    const after = await visitor.send(form.action, { method: "POST", form: filled(form, { decision: "allow", ...changes }) });
    assert.ok(after.status >= 400 && after.status < 500, `${JSON.stringify(changes)}: ${after.status}`);
    assert.equal(after.location, null);
  }
});

test("a form that another site sends is refused", async () => {
  const visitor = new Visitor();
  const page = await visitor.walk(request(world).url, { user: "alice", patient: "ben", until: "consent" });
  const form = formWith(page, "decision");
  for (const headers of [{ origin: world.app.origin }, { origin: "null" }, { origin: "https://evil.example" }]) {
    const after = await visitor.send(form.action, { method: "POST", form: filled(form, { decision: "allow" }), headers });
    assert.ok(after.status >= 400 && after.status < 500, `${headers.origin}: ${after.status}`);
    assert.equal(after.location, null);
  }
});

test("scopes that were not asked for cannot be posted", async () => {
  const asked = request(world);
  const visitor = new Visitor();
  const page = await visitor.walk(asked.url, { user: "alice", patient: "ben", until: "consent" });
  const scope = ["patient/Observation.rs", "patient/*.cruds", "user/*.rs", "nonsense"];
  const end = await visitor.submit(page, "decision", { decision: "allow", scope });
  const code = end.location && new URL(end.location).searchParams.get("code");
  if (!code) return assert.ok(end.status >= 400 && end.status < 500);
  const { body } = await redeem(world, { ...asked, code });
  assert.doesNotMatch(body.scope, /cruds|user\/|nonsense/);
});

test("another browser cannot go on with somebody's interaction", async () => {
  const asked = request(world);
  const alice = new Visitor();
  const page = await alice.walk(asked.url, { user: "alice", patient: "ben", until: "consent" });
  const form = formWith(page, "decision");

  const thief = new Visitor();
  for (const signedIn of [false, true]) {
    if (signedIn) await thief.walk(request(world).url, { user: "carol", until: "consent" });
    const looked = await thief.open(page.url);
    assert.ok(looked.status >= 400 && looked.status < 500, `${looked.status}`);
    assert.doesNotMatch(looked.text, /Ben|Marlow|Growth Chart/);
    const sent = await thief.send(form.action, { method: "POST", form: filled(form, { decision: "allow" }) });
    assert.ok(sent.status >= 400 && sent.status < 500, `${sent.status}`);
    assert.equal(sent.location, null);
  }
  // Nothing of this hurt alice.
  const end = await alice.submit(page, "decision", { decision: "allow" });
  const code = new URL(end.location).searchParams.get("code");
  assert.equal((await redeem(world, { ...asked, code })).body.patient, "ben");
});

test("when somebody else signs in at the same browser, the old form is refused", async () => {
  const asked = request(world);
  const visitor = new Visitor();
  const page = await visitor.walk(asked.url, { user: "alice", patient: "ben", until: "consent" });
  const form = formWith(page, "decision");
  const home = await visitor.open(`${world.demo.url}/`);
  const out = forms(home).find(({ action }) => action.endsWith("/sign-out"));
  await visitor.send(out.action, { method: "POST", form: filled(out) });
  const signedOut = await visitor.send(form.action, { method: "POST", form: filled(form, { decision: "allow" }) });
  assert.ok(!signedOut.location || !signedOut.location.includes("code="), "signed out");
  await visitor.walk(request(world).url, { user: "carol", until: "consent" });
  const after = await visitor.send(form.action, { method: "POST", form: filled(form, { decision: "allow" }) });
  assert.ok(!after.location || !after.location.includes("code="), "carol cannot answer for alice");
  assert.doesNotMatch(after.text, /Ben Marlow/);
});

test("cookies are narrow", async () => {
  const visitor = new Visitor();
  await visitor.walk(request(world).url, { user: "alice", patient: "ben", until: "consent" });
  assert.ok(visitor.cookies().length >= 2);
  for (const { line } of visitor.cookies()) {
    assert.match(line, /;\s*httponly/i, line);
    assert.match(line, /;\s*samesite=(lax|strict)/i, line);
    assert.ok(line.length < 4096);
  }
  const page = await visitor.open(request(world).url);
  assert.match(page.headers.get("content-security-policy"), /frame-ancestors 'none'/);
  assert.match(page.headers.get("content-security-policy"), /form-action [^;]*localhost/);
  assert.equal(page.headers.get("cache-control"), "no-store");
  assert.equal(page.headers.get("x-content-type-options"), "nosniff");
  assert.match(page.headers.get("referrer-policy"), /no-referrer|same-origin/);
});

test("nothing of the record is left open after the redirect", async () => {
  const visitor = new Visitor();
  const asked = request(world);
  const end = await visitor.walk(asked.url, { user: "alice", patient: "ben" });
  assert.match(end.location, /code=/);
  assert.equal((await ask(`${world.demo.fhir}/Patient/ben`)).status, 401);
});
