// The smallest host serves a launch too.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ready, spawnProgram } from "../support/demo.js";
import { choosePatient, consent, press, where } from "../support/steps.js";
import { startBrowser } from "../support/world.js";

const HOST = "http://127.0.0.1:8090/";

let program;
let browser;
before(async () => {
  program = spawnProgram("MINIMAL_HOST");
  await ready(HOST, program);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await program?.stop();
});

test("sign in, choose, allow: the app shows the patient", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(HOST);
  await page.waitForLoadState("networkidle");
  await press(page, page.getByRole("button"));
  await press(page, page.getByRole("button", { name: "Sign in as Pat" }));
  assert.equal(await where(page), "patient");
  await choosePatient(page, "kim");
  assert.equal(await where(page), "consent");
  await consent(page);
  await page.waitForFunction(() => document.querySelector("[role=status]")?.textContent.length > 0);
  const shown = JSON.parse(await page.locator("[role=status]").innerText());
  assert.equal(shown.id, "kim");
  assert.equal(shown.name[0].text, "Kim Example");
});

test("deny: the app says so", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(HOST);
  await page.waitForLoadState("networkidle");
  await press(page, page.getByRole("button"));
  await press(page, page.getByRole("button", { name: "Sign in as Pat" }));
  await choosePatient(page, "pat");
  await consent(page, { decision: "deny" });
  await page.waitForFunction(() => document.querySelector("[role=status]")?.textContent.length > 0);
  assert.match(await page.locator("[role=status]").innerText(), /access_denied/);
});
