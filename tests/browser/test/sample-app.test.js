// The app that comes with the demo, from another origin and through the real pages.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { choosePatient, consent, press, signIn, where } from "../support/steps.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld()));
after(() => world?.close());

const shown = async (page) => {
  await page.waitForSelector("#patient-name, #error");
  return page.locator("#patient-name, #error").innerText();
};

test("opened by itself it shows the record that was chosen", async () => {
  const page = await world.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(world.demo.sampleApp);
  await Promise.all([page.waitForSelector("input[name=password]"), page.locator("#start button").click()]);
  await signIn(page, "alice");
  await choosePatient(page, "ben");
  await consent(page);
  assert.match(await shown(page), /Ben Marlow/);
  await page.waitForSelector("#observations li");
  assert.ok((await page.locator("#observations li").count()) > 0);
  assert.deepEqual(problems, []);
});

test("it refreshes, asks who the user is, and gives its access back", async () => {
  const page = await world.newPage();
  await page.goto(world.demo.sampleApp);
  await Promise.all([page.waitForSelector("input[name=password]"), page.locator("#start button").click()]);
  await signIn(page, "carol");
  await consent(page);
  await page.waitForSelector("#decoded-id_token", { state: "attached" });
  const claims = JSON.parse(await page.locator("#decoded-id_token").textContent());
  assert.equal(claims.iss, world.demo.smart.issuer);
  const first = await page.locator("#decoded-access_token").textContent();
  await page.click("#refresh");
  await page.waitForFunction(() => /Refreshed/.test(document.getElementById("said")?.textContent));
  await page.waitForSelector("#decoded-access_token", { state: "attached" });
  assert.notEqual(await page.locator("#decoded-access_token").textContent(), first);
  await page.click("#userinfo");
  await page.waitForFunction(() => /"sub"/.test(document.getElementById("said").textContent));
  await page.click("#revoke");
  await page.waitForFunction(() => /Revoked/.test(document.getElementById("said").textContent));
  await page.click("#userinfo");
  await page.waitForFunction(() => /refused/.test(document.getElementById("said").textContent));
});

for (const app of ["confidential", "asymmetric"]) {
  test(`the ${app} app works from the EHR, refreshes and revokes`, async () => {
    const page = await world.newPage();
    await page.goto(`${world.demo.url}/ehr`);
    await signIn(page, "dr-lee");
    await page.selectOption("select[name=client_id]", `${app}-example`);
    await page.selectOption("select[name=patient]", "dina");
    await page.locator('form[action$="/ehr/launch"] button').last().click();
    await page.waitForSelector("button[name=decision]");
    await consent(page);
    assert.equal(page.url(), `${world.demo.sampleApp}/${app}`);
    assert.match(await page.locator("#tokens").innerText(), /"patient": "dina"/);
    for (const [act, status] of [["refresh", "200"], ["userinfo", "200"], ["revoke", "200"], ["userinfo", "401"], ["refresh", "400"]]) {
      await press(page, page.locator(`button[value=${act}]`));
      assert.equal(await page.locator("#status").innerText(), status, act);
    }
  });
}

test("a refusal is said in the app", async () => {
  const page = await world.newPage();
  await page.goto(world.demo.sampleApp);
  await Promise.all([page.waitForSelector("input[name=password]"), page.locator("#start button").click()]);
  await signIn(page, "carol");
  await consent(page, { decision: "deny" });
  assert.match(await shown(page), /access_denied/);
});

test("opened from the EHR it shows the launcher's patient", async () => {
  const page = await world.newPage();
  await page.goto(`${world.demo.url}/ehr`);
  await signIn(page, "dr-lee");
  await page.selectOption("select[name=client_id]", "sample-app");
  await page.selectOption("select[name=patient]", "dina");
  await page.locator('form[action$="/ehr/launch"] button').last().click();
  await page.waitForSelector("button[name=decision]");
  assert.equal(await where(page), "consent");
  await consent(page);
  assert.match(await shown(page), /Dina Okafor/);
});

test("the archive works as well", async () => {
  const page = await world.newPage();
  await page.goto(world.demo.sampleApp);
  await page.selectOption("#base", `${world.demo.archive}`);
  await Promise.all([page.waitForSelector("input[name=password]"), page.locator("#start button").click()]);
  await signIn(page, "carol");
  await consent(page);
  assert.match(await shown(page), /Carol Whitby/);
  await page.waitForSelector("#observations li");
  assert.doesNotMatch(await page.locator("#observations").innerText(), /202[2-9]/);
});

test("from the front page one finds everything", async () => {
  const page = await world.newPage();
  await page.goto(world.demo.url);
  await press(page, page.locator('a[href^="/sign-in"]').first());
  await signIn(page, "dr-lee");
  for (const path of ["/patients", "/ehr", "/ehr/try", "/ehr/apps", "/ehr/audit"]) {
    await page.goto(world.demo.url);
    await press(page, page.locator(`main a[href="${path}"]`).first());
    assert.equal(new URL(page.url()).pathname, path);
  }
  await page.goto(world.demo.url);
  await press(page, page.locator('main a[href*="manage"]').first());
  assert.equal(page.url().split("?")[0], world.demo.smart.management_endpoint);
});
