// Every page at phone and desktop width, in light and dark: no finding of the accessibility checker, nothing cut off.
// The pictures are left in `out/` to be looked at.

import assert from "node:assert/strict";
import { readFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { choosePatient, consent, press, searchPatient, signIn } from "../support/steps.js";
import { request } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

const require = createRequire(import.meta.url);
const out = new URL("../out/", import.meta.url).pathname;
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };

let world;
let axe;
before(async () => {
  axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
  await mkdir(out, { recursive: true });
  world = await startWorld();
});
after(() => world?.close());

/** Looks at the page as it stands, four times. */
async function look(page, name, said) {
  // What the content security policy forbids is said on the console; that an error page is one, too.
  const findings = said.filter((text) => !/status of 4\d\d/.test(text)).map((text) => `${name}: ${text}`);
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${out}${name}-${size}-${colorScheme}.png`, fullPage: true });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document));
      for (const { id, help, nodes } of violations) {
        const places = nodes.slice(0, 3).map(({ target, failureSummary }) => `${target} ${failureSummary.split("\n").slice(1, 3).join(" ")}`);
        findings.push(`${name} ${size} ${colorScheme}: ${id}: ${help}: ${places.join(" | ")}`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) findings.push(`${name} ${size}: ${wide}px wider than the window`);
    }
  }
  assert.ok(await page.title(), "a title");
  assert.ok(await page.evaluate(() => document.documentElement.lang), "a language");
  return [...new Set(findings)];
}

const sees = (name, go, options) =>
  test(name, async () => {
    const page = await world.newPage(options);
    const said = [];
    page.on("console", (message) => message.type() === "error" && said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    await go(page);
    const findings = await look(page, name, said);
    await page.context().close();
    assert.deepEqual(findings, []);
  });

const start = (user, changes) => async (page) => {
  await page.goto(request(world, changes).url);
  if (user) await signIn(page, user);
};
const inEhr = (user, path) => async (page) => {
  await page.goto(`${world.demo.url}/sign-in?resume=/`);
  await signIn(page, user);
  await page.goto(`${world.demo.url}${path}`);
};
const WIDE = "launch/patient openid fhirUser patient/*.rs patient/Observation.rs patient/Condition.rs patient/MedicationRequest.rs user/*.rs";

sees("home", (page) => page.goto(world.demo.url));
sees("home-signed-in", inEhr("dr-lee", "/"));
sees("sign-in", start());
sees("sign-in-mistake", async (page) => {
  await start()(page);
  await signIn(page, "alice", "wrong");
});
sees("patients", inEhr("dr-lee", "/patients"));
sees("patients-none", inEhr("nobody", "/patients"));
sees("patient-chart", inEhr("dr-lee", "/patients/carol"));
sees("launcher", inEhr("dr-lee", "/ehr"));
sees("launcher-mistake", async (page) => {
  await inEhr("dr-lee", "/ehr")(page);
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
  await page.fill("[name=fhir_context]", "{");
  await press(page, page.locator('form[action$="/ehr/launch"] button').last());
});
sees("not-found", (page) => page.goto(`${world.demo.url}/nothing-here`));
sees("picker-patient", start("alice"));
sees("picker-clinician", start("dr-lee"));
sees("picker-search", async (page) => {
  await start("dr-lee")(page);
  await searchPatient(page, "ma");
});
sees("picker-nothing-found", async (page) => {
  await start("dr-lee")(page);
  await searchPatient(page, "zzzz");
});
sees("picker-mistake", async (page) => {
  await start("alice")(page);
  await press(page, page.locator("button[name=move][value=choose]"));
});
sees("encounter", async (page) => {
  await start("alice", { scope: "launch/patient launch/encounter patient/*.rs" })(page);
  await choosePatient(page, "alice");
});
sees("consent", async (page) => {
  await start("alice")(page);
  await choosePatient(page, "ben");
});
sees("consent-wide", async (page) => {
  await start("alice", { scope: WIDE })(page);
  await choosePatient(page, "ben");
});
sees("consent-clinician", async (page) => {
  await start("dr-lee", { scope: WIDE })(page);
  await searchPatient(page, "whit");
  await choosePatient(page, "carol");
});
sees("consent-ehr", async (page) => {
  world.app.settings = { clientId: "test-app", scope: "launch openid fhirUser patient/*.rs" };
  await inEhr("dr-lee", "/ehr")(page);
  await page.selectOption("[name=client_id]", "test-app");
  await page.selectOption("[name=patient]", "carol");
  await page.selectOption("[name=encounter]", "carol-enc-1");
  await page.locator('form[action$="/ehr/launch"] button').last().click();
  await page.waitForSelector("button[name=decision]");
});
sees("consent-german", async (page) => {
  await start("alice")(page);
  await choosePatient(page, "ben");
}, { locale: "de-DE" });
sees("manage-empty", inEhr("nurse-kim", "/auth/manage"));
sees("manage", async (page) => {
  await start("alice", { scope: WIDE })(page);
  await choosePatient(page, "ben");
  await consent(page);
  await page.goto(world.demo.smart.management_endpoint);
});
sees("manage-offline-german", async (page) => {
  await start("alice", { scope: `${WIDE} offline_access` })(page);
  await choosePatient(page, "ben");
  await consent(page);
  await page.goto(world.demo.smart.management_endpoint);
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
}, { locale: "de-DE" });
sees("manage-remembered", async (page) => {
  await start("carol", { client_id: "test-remember" })(page);
  await consent(page);
  // Signing out ends what the app has; the answer is remembered.
  await page.goto(world.demo.url);
  await press(page, page.locator('form[action="/sign-out"] button'));
  await inEhr("carol", "/auth/manage")(page);
  assert.ok((await page.locator("button[name=forget]").count()) > 0);
});
sees("end-all", async (page) => {
  await start("alice", { scope: "launch/patient patient/*.rs offline_access" })(page);
  await choosePatient(page, "ben");
  await consent(page);
  await page.goto(`${world.demo.smart.management_endpoint}?all`);
});
sees("consent-offline", async (page) => {
  await start("alice", { scope: "launch/patient openid offline_access patient/Patient.rs" })(page);
  await choosePatient(page, "ben");
});
sees("try", inEhr("dr-lee", "/ehr/try"));
sees("try-answer", async (page) => {
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=backend]"));
  await press(page, page.locator("button[value=introspect-bearer]"));
});
sees("try-discovery", async (page) => {
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=discover]"));
  assert.match(await page.locator("main").innerText(), /What everybody else is not told\s+http.*\/capabilities\/older-records/);
});
sees("audit", async (page) => {
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=backend]"));
  await page.goto(`${world.demo.url}/ehr/audit`);
});
sees("inspector", async (page) => {
  // A launch, with a scope that nobody gets, and a mistake.
  await start("alice", { scope: `${WIDE} launch/list patient/Nothing.rs` })(page);
  await choosePatient(page, "ben");
  await consent(page, { untick: ["user/*.rs"] });
  await page.goto(request(world, { redirect_uri: "https://evil.example/" }).url);
  const reference = await page.locator(".reference code").innerText();
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=backend]"));
  await press(page, page.getByRole("link", { name: "What was checked" }));
  assert.match(await page.locator("main").innerText(), /token: granted/);
  // The reference that a person reads out leads to the reason.
  await page.fill("[name=name]", reference);
  await press(page, page.locator("form[role=search] button"));
  assert.match(await page.locator("main").innerText(), /a page said: unknown redirect URI/);
  await page.goto(`${world.demo.url}/ehr/inspector`);
  await page.selectOption("[name=ending]", "granted");
  await page.selectOption("[name=app]", "test-app");
  await press(page, page.locator("form[role=search] button"));
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
  assert.match(await page.locator("main").innerText(), /the user said no/);
});
sees("inspector-all", inEhr("dr-lee", "/ehr/inspector"));
sees("fhir-decisions-none", inEhr("dr-lee", "/ehr/inspector/fhir"));
sees("fhir-decisions", async (page) => {
  await page.goto(world.demo.sampleApp);
  await Promise.all([page.waitForSelector("input[name=password]"), page.locator("#start button").click()]);
  await signIn(page, "carol");
  await consent(page);
  await page.waitForSelector("#observations li");
  const base = world.demo.fhir;
  const asked = await page.evaluate(async (url) => (await fetch(url)).status, `${base}/Observation/carol-glu-1`);
  assert.equal(asked, 401, "without a token nothing is decided");
  await inEhr("dr-lee", "/ehr/inspector/fhir")(page);
  const text = await page.locator("main").innerText();
  assert.match(text, /search Observation/);
  assert.match(text, /narrowed/);
  assert.doesNotMatch(text, /carol/i);
});
sees("inspector-nothing", inEhr("dr-lee", "/ehr/inspector?name=7f3a"));
sees("apps", async (page) => {
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=register]"));
  await page.goto(`${world.demo.url}/ehr/apps`);
  assert.match(await page.locator("main").innerText(), /waits for approval/);
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
});
sees("apps-approved", async (page) => {
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=register]"));
  const answer = JSON.parse(await page.locator("section[aria-labelledby=answers] pre").nth(1).innerText());
  await page.goto(`${world.demo.url}/ehr/apps`);
  await press(page, page.getByRole("button", { name: "Approve My first app" }).first());
  await page.getByRole("link", { name: "Open it in the sample app" }).first().waitFor();
  // From the list to the sample app, to the hospital, and into a record.
  await press(page, page.locator(`a[href$="client_id=${answer.client_id}"]`));
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
  assert.equal(await page.inputValue("#client"), answer.client_id);
  await Promise.all([page.waitForSelector("input[name=patient], input[name=q]"), page.locator("#start button").click()]);
  assert.match(await page.locator("main").innerText(), /My first app/);
  await page.goto(`${world.demo.url}/ehr/apps`);
});
sees("try-registration", async (page) => {
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=register]"));
  await press(page, page.locator("button[value=read-registration]"));
  assert.match(await page.locator("section[aria-labelledby=answers]").innerText(), /Answer: 200/);
});
sees("for-staff", inEhr("alice", "/ehr/audit"));
sees("confidential", (page) => page.goto(`${world.demo.sampleApp}/confidential`));
sees("confidential-silent", async (page) => {
  await page.goto(`${world.demo.sampleApp}/confidential`);
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
  await page.selectOption("[name=prompt]", "none");
  await press(page, page.locator("form button"));
  assert.match(await page.locator("main").innerText(), /login_required/);
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
});
sees("asymmetric-tokens", async (page) => {
  await page.goto(`${world.demo.sampleApp}/asymmetric`);
  await press(page, page.locator("form button"));
  await signIn(page, "carol");
  await consent(page);
  await press(page, page.locator("button[value=refresh]"));
});
/** Opens one of the apps that keep secrets, and lets it into carol's record. */
const connected = (app, before = async () => {}) => async (page) => {
  await page.goto(`${world.demo.sampleApp}/${app}`);
  await before(page);
  await press(page, page.locator("form button").last());
  await signIn(page, "carol");
  await consent(page);
  await page.waitForSelector("#status");
};
sees("app-form-post", async (page) => {
  // The hospital's page posts the answer across sites: no cookie of the app comes with it, and the code is in no address.
  const addresses = [];
  page.on("request", (request) => addresses.push(request.url()));
  await connected("confidential", async () => {
    await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
    await page.selectOption("[name=response_mode]", "form_post");
  })(page);
  assert.match(await page.locator("main").innerText(), /answer came as a form/);
  assert.equal(await page.locator("#status").innerText(), "200");
  assert.deepEqual(addresses.filter((url) => /[?&]code=/.test(url)), []);
});
sees("app-key-set", async (page) => {
  await connected("key-set")(page);
  assert.equal(await page.locator("#status").innerText(), "200");
  assert.equal(await page.locator("#fetched").innerText(), "1");
  await press(page, page.locator("button[value=refresh]"));
  assert.equal(await page.locator("#fetched").innerText(), "1", "kept for a minute");
});
sees("app-from-before-pkce", async (page) => {
  await connected("old")(page);
  assert.match(await page.locator("#tokens").innerText(), /patient\/\*\.read/);
});
sees("app-of-the-clinic", async (page) => {
  await connected("clinic")(page);
  await press(page, page.locator("button[value=userinfo]"));
  assert.equal(await page.locator("#status").innerText(), "200");
  await press(page, page.locator("button[value=elsewhere]"));
  assert.equal(await page.locator("#status").innerText(), "401");
});
sees("manage-at-the-clinic", async (page) => {
  await connected("clinic")(page);
  await page.goto(`${world.demo.url}/clinic/auth/manage`);
  assert.match(await page.locator("main").innerText(), /App of the clinic/);
  await press(page, page.locator("main button.danger").first());
  await page.goto(`${world.demo.url}/clinic/auth/manage`);
});
sees("try-guess", async (page) => {
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=guess]"));
  assert.match(await page.locator("section[aria-labelledby=answers]").innerText(), /Answer: 429, again in \d+ seconds/);
});
sees("audit-registrations", async (page) => {
  await inEhr("dr-lee", "/ehr/try")(page);
  await press(page, page.locator("button[value=register]"));
  await press(page, page.locator("button[value=delete-registration]"));
  await page.goto(`${world.demo.url}/ehr/audit`);
  assert.match(await page.locator("main").innerText(), /An app removed its registration[^]*An app registered itself/);
});
sees("error-unknown-app", start(null, { client_id: "who" }));
sees("error-unknown-address", start(null, { redirect_uri: "https://evil.example/" }));
sees("error-malformed", (page) => page.goto(`${world.demo.smart.authorization_endpoint}?client_id=%ff`));
sees("error-finished", async (page) => {
  await start("carol")(page);
  const interaction = page.url();
  await consent(page);
  await page.goto(interaction);
});
sees("error-no-cookie", async (page) => {
  await start("carol")(page);
  const interaction = page.url();
  await page.context().clearCookies();
  await page.goto(interaction);
});
sees("sample-app", (page) => page.goto(world.demo.sampleApp));
sees("sample-app-record", async (page) => {
  await page.goto(world.demo.sampleApp);
  await Promise.all([page.waitForSelector("input[name=password]"), page.locator("#start button").click()]);
  await signIn(page, "carol");
  await consent(page);
  await page.waitForSelector("#observations li");
  await page.waitForSelector("#decoded-id_token", { state: "attached" });
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
});
sees("sample-app-error", async (page) => {
  await page.goto(world.demo.sampleApp);
  await Promise.all([page.waitForSelector("input[name=password]"), page.locator("#start button").click()]);
  await signIn(page, "nobody");
  await page.waitForSelector("#error");
});
