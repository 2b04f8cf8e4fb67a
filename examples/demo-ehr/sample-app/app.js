// A SMART app without any library: discovery, authorization with PKCE, token, FHIR, refresh, revocation.
// The three pages of the app share this file; `data-page` says which one runs.

const config = await (await fetch("config.json")).json();
const redirectUri = new URL("callback.html", location.href.split(/[?#]/)[0]).href;
const result = document.getElementById("result");

const pages = {
  start() {
    const base = document.getElementById("base");
    for (const { name, url } of config.fhirBases) base.append(new Option(name, url));
    // A registration of one's own may name this app's address, so that its client can be tried here.
    const client = document.getElementById("client");
    client.value = new URLSearchParams(location.search).get("client_id") ?? config.clientId;
    document.getElementById("start").addEventListener("submit", (event) => {
      event.preventDefault();
      run(() => authorize(client.value.trim(), base.value, document.getElementById("scope").value));
    });
  },
  launch() {
    // The EHR opened us: `iss` is the FHIR base, `launch` stands for what is open there.
    const query = new URLSearchParams(location.search);
    const iss = query.get("iss");
    if (!config.fhirBases.some(({ url }) => url === iss)) throw new Error("This app does not know that hospital.");
    return authorize(config.clientId, iss, "launch openid fhirUser offline_access patient/*.rs", query.get("launch"));
  },
  callback: finish,
};

await run(pages[document.body.dataset.page]);

// Steps 1 and 2: where are the endpoints, and off to the hospital.
async function authorize(clientId, iss, scope, launch) {
  const smart = await getJson(`${iss}/.well-known/smart-configuration`);
  const [state, verifier] = [random(), random()];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const saved = { clientId, iss, verifier, smart };
  sessionStorage.setItem(state, JSON.stringify(saved));
  const url = new URL(smart.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: scope.trim(),
    state,
    aud: iss,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(launch && { launch }),
  });
  location.assign(url);
}

// Step 3: back from the hospital, with a code or with an error.
async function finish() {
  const answer = new URLSearchParams(location.search);
  const saved = JSON.parse(sessionStorage.getItem(answer.get("state")));
  sessionStorage.removeItem(answer.get("state"));
  history.replaceState(null, "", redirectUri);
  if (!saved) throw new Error("This answer belongs to no request of this window. Please start again.");
  if (answer.has("iss") && answer.get("iss") !== saved.smart.issuer) throw new Error("Another server answered.");
  if (answer.has("error")) throw refusal(answer.get("error"), answer.get("error_description"));

  const token = await send(saved, saved.smart.token_endpoint, {
    grant_type: "authorization_code",
    code: answer.get("code"),
    redirect_uri: redirectUri,
    code_verifier: saved.verifier,
  });
  await show(saved, token);
}

// Step 4: the record, and what else can be done with the tokens.
async function show(saved, token) {
  const { iss } = saved;
  const fhir = (path) => getJson(`${iss}/${path}`, { headers: { authorization: `Bearer ${token.access_token}` } });
  result.replaceChildren();
  if (token.patient) {
    const patient = await fhir(`Patient/${token.patient}`).catch(() => null);
    add("h2", patient ? patient.name[0].text : `Patient ${token.patient}`, "patient-name");
  } else {
    add("h2", "No patient in context", "patient-name");
  }
  const { access_token, id_token, refresh_token, ...context } = token;
  const list = add("dl");
  for (const [name, value] of Object.entries(context)) {
    add("dt", name, null, list);
    add("dd", typeof value === "string" ? value : JSON.stringify(value), `context-${name}`, list);
  }
  showTools(saved, token);
  await showObservations(fhir, token);
  add("h3", "What the tokens say");
  for (const [name, text] of Object.entries({ access_token, id_token })) {
    if (!text) continue;
    const details = add("details");
    add("summary", name, null, details);
    const block = add("pre", decoded(text), `decoded-${name}`, details);
    block.tabIndex = 0;
  }
}

// Step 5: what an app does later. The access token ends soon; the refresh token buys the next one.
function showTools(saved, token) {
  const { issuer, token_endpoint, revocation_endpoint } = saved.smart;
  const tools = add("p", null, "tools");
  tools.className = "buttons";
  const said = add("pre", null, "said");
  said.hidden = true;
  const say = (text) => {
    said.textContent = text;
    said.hidden = false;
  };
  const tool = (name, work) => {
    const button = add("button", name, name.toLowerCase(), tools);
    button.type = "button";
    button.addEventListener("click", () => work().catch((error) => say(error.message)));
  };
  if (token.refresh_token) {
    tool("Refresh", async () => {
      const fresh = await send(saved, token_endpoint, { grant_type: "refresh_token", refresh_token: token.refresh_token });
      await show(saved, { ...token, ...fresh });
      const place = document.getElementById("said");
      place.textContent = "Refreshed: a new access token and a new refresh token.";
      place.hidden = false;
    });
  }
  if (token.id_token) {
    tool("UserInfo", async () => {
      // OpenID Connect has a discovery document of its own.
      const { userinfo_endpoint } = await getJson(`${issuer}/.well-known/openid-configuration`);
      const headers = { authorization: `Bearer ${token.access_token}` };
      say(JSON.stringify(await getJson(userinfo_endpoint, { headers }), null, 2));
    });
  }
  if (revocation_endpoint) {
    tool("Revoke", async () => {
      await send(saved, revocation_endpoint, { token: token.refresh_token ?? token.access_token });
      say("Revoked. The record, UserInfo and Refresh are refused from now on.");
    });
  }
}

async function showObservations(fhir, token) {
  if (!token.patient) return;
  add("h3", "Latest observations");
  try {
    const bundle = await fhir(`Observation?patient=${token.patient}&_count=200`);
    const entries = (bundle.entry ?? []).map((entry) => entry.resource);
    entries.sort((a, b) => b.effectiveDateTime.localeCompare(a.effectiveDateTime));
    const lines = add("ul", null, "observations");
    for (const one of entries.slice(0, 12)) {
      add("li", `${one.effectiveDateTime.slice(0, 10)}: ${one.code.text} ${value(one)}`, null, lines);
    }
    if (entries.length === 0) add("p", "There are none, or none that were shared.");
  } catch (error) {
    add("p", `Not shared (${error.message}).`, "observations");
  }
}

// What a token says, for people to see. An app decides nothing by it: it cannot check the signature here.
function decoded(token) {
  const payload = token.split(".")[1];
  if (!payload) return "It is opaque: only the hospital knows what it says.";
  const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)), null, 2);
}

function value({ valueQuantity, valueCodeableConcept, component }) {
  if (valueQuantity) return `${valueQuantity.value} ${valueQuantity.unit.replace(/\{.*\}/, "")}`;
  if (component) return component.map((part) => part.valueQuantity.value).join("/");
  return valueCodeableConcept?.text ?? "";
}

// A form, with the only proof that this app has: its name.
function send({ clientId }, url, fields) {
  return getJson(url, { method: "POST", body: new URLSearchParams({ client_id: clientId, ...fields }) });
}

async function getJson(url, options) {
  const response = await fetch(url, options);
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw refusal(body.error ?? response.status, body.error_description ?? body.issue?.[0]?.diagnostics);
}

function refusal(code, description) {
  const said = code === "access_denied" ? "Access was not given." : "The hospital refused.";
  return new Error(`${said} ${code}${description ? `: ${description}` : ""}`);
}

async function run(step) {
  try {
    await step();
  } catch (error) {
    result.replaceChildren();
    add("p", error.message, "error").className = "error";
  }
}

function add(tag, text, id, parent = result) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (id) element.id = id;
  return parent.appendChild(element);
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
