// What a person does on the pages, one function a page. Field names are the demo's contract.

/** Which page this is. */
export async function where(page) {
  const has = (selector) => page.locator(selector).count().then((count) => count > 0);
  if (await has("input[name=password]")) return "sign-in";
  if (await has("button[name=decision]")) return "consent";
  if (await has("input[type=radio][name=patient], input[name=q]")) return "patient";
  if (await has("input[type=radio][name=encounter]")) return "encounter";
  return "other";
}

/** Opens the test app by itself; it sends the browser on to the hospital, until that shows a page. */
export async function standalone(world, page, settings) {
  world.app.settings = { clientId: "test-app", iss: world.demo.fhir, ...settings };
  await page.goto(`${world.app.origin}/start.html`);
  await page.waitForURL((url) => url.href.startsWith(world.demo.url) || url.pathname === "/callback.html");
  await page.waitForLoadState();
}

export async function signIn(page, user, password = user) {
  await page.fill("input[name=username]", user);
  await page.fill("input[name=password]", password);
  await press(page, page.locator("form:has(input[name=password]) button"));
}

export async function choosePatient(page, patient) {
  await page.check(`input[name=patient][value="${patient}"]`);
  await press(page, page.locator("button[name=move][value=choose]"));
}

export async function chooseEncounter(page, encounter) {
  await page.check(`input[name=encounter][value="${encounter}"]`);
  await press(page, page.locator("button[name=move][value=choose]"));
}

export async function searchPatient(page, text) {
  await page.fill("input[name=q]", text);
  await press(page, page.locator("button[name=move][value=search]"));
}

/** Changes the boxes and decides. */
export async function consent(page, { untick = [], tick = [], decision = "allow" } = {}) {
  // Narrower choices are folded away.
  await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
  for (const scope of untick) await page.uncheck(scopeBox(scope));
  for (const scope of tick) await page.check(scopeBox(scope));
  await press(page, page.locator(`button[name=decision][value=${decision}]`));
}

export function scopeBox(scope) {
  return `input[type=checkbox][name=scope][value="${scope}"]`;
}

/** Presses a button that leads to another page, and waits for that one. */
export async function press(page, button) {
  await Promise.all([page.waitForEvent("framenavigated"), button.click()]);
  await page.waitForLoadState();
}

/** What the test app got in the end. */
export async function answer(page) {
  await page.waitForFunction(() => ["ready", "failed"].includes(document.title));
  return page.evaluate(() => ({
    url: window.answered ?? location.href,
    failure: window.failure,
    token: window.smart?.state.tokenResponse,
    patient: window.smart?.patient.id ?? undefined,
    fhirUser: window.smart?.user.fhirUser ?? undefined,
  }));
}

/** Asks the FHIR server from the app's page, as the app's script would. */
export async function fhir(page, url, token) {
  return page.evaluate(
    async ([url, token]) => {
      const headers = token ? { authorization: `Bearer ${token}` } : {};
      const response = await fetch(url, { headers });
      return { status: response.status, body: await response.json().catch(() => null) };
    },
    [url, token],
  );
}

/** The scopes of a token response, sorted. */
export function scopes(token) {
  return token.scope.split(" ").sort();
}
