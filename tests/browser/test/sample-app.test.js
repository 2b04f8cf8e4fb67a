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
  for (const path of ["/patients", "/ehr"]) {
    await page.goto(world.demo.url);
    await press(page, page.locator(`main a[href="${path}"]`).first());
    assert.equal(new URL(page.url()).pathname, path);
  }
  await page.goto(world.demo.url);
  await press(page, page.locator('main a[href*="manage"]').first());
  assert.equal(page.url().split("?")[0], world.demo.smart.management_endpoint);
});
