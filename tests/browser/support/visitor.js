// A browser without a window: cookies, redirects and forms over plain HTTP, so that a test can also do what no browser does.

import { createHash, randomBytes } from "node:crypto";

export class Visitor {
  #cookies = new Map();

  /** One request, no redirect followed. */
  async send(url, { method = "GET", form, headers = {} } = {}) {
    const { origin, pathname } = new URL(url);
    const cookie = this.#cookiesFor(origin, pathname);
    const response = await fetch(url, {
      method,
      redirect: "manual",
      headers: {
        accept: "text/html",
        ...(cookie && { cookie }),
        ...(method === "POST" && { origin }),
        ...headers,
      },
      ...(form && { body: form instanceof URLSearchParams ? form : new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) this.#keep(origin, line);
    const text = await response.text();
    const location = response.headers.get("location");
    return { url, status: response.status, headers: response.headers, text, location: location && new URL(location, url).href };
  }

  /** A request and all redirects, until a page is shown or the way leads to another origin. */
  async open(url, options) {
    const { origin } = new URL(url);
    let page = await this.send(url, options);
    for (let hops = 0; page.location && new URL(page.location).origin === origin; hops += 1) {
      if (hops > 10) throw new Error(`too many redirects from ${url}`);
      page = await this.send(page.location);
    }
    return page;
  }

  /** Sends the first form of a page that has this field, with some fields changed, and follows. */
  async submit(page, field, changes) {
    const form = formWith(page, field);
    return this.open(form.action, { method: "POST", form: filled(form, changes) });
  }

  /** Walks a request to the point where a step is shown. */
  async walk(url, { user, patient, until, encounter, decision = "allow" } = {}) {
    let page = await this.open(url);
    for (let steps = 0; steps < 8 && !page.location; steps += 1) {
      const at = step(page);
      if (at === until || at === "other") return page;
      const does = {
        "sign-in": () => this.submit(page, "password", { username: user, password: user }),
        patient: () => this.submit(page, "patient", { patient, move: "choose" }),
        encounter: () => this.submit(page, "encounter", { encounter, move: "choose" }),
        consent: () => this.submit(page, "decision", { decision }),
      };
      page = await does[at]();
    }
    return page;
  }

  cookies() {
    return [...this.#cookies.values()];
  }

  forgetCookies(keep = () => false) {
    for (const [key, cookie] of this.#cookies) if (!keep(cookie)) this.#cookies.delete(key);
  }

  #keep(origin, line) {
    const [pair, ...attributes] = line.split(";").map((part) => part.trim());
    const at = pair.indexOf("=");
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const attribute = (wanted) => attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
    const path = attribute("path") ?? "/";
    const key = `${origin} ${path} ${name}`;
    const gone = attribute("max-age") !== undefined && Number(attribute("max-age")) <= 0;
    if (gone) this.#cookies.delete(key);
    else this.#cookies.set(key, { origin, path, name, value, line });
  }

  #cookiesFor(origin, pathname) {
    const fits = ({ path }) => pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
    return this.cookies()
      .filter((cookie) => cookie.origin === origin && fits(cookie))
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ");
  }
}

/** Which page this is. */
export function step(page) {
  const fields = forms(page).flatMap((form) => form.fields);
  const has = (name, type) => fields.some((field) => field.name === name && (!type || field.type === type));
  if (has("password")) return "sign-in";
  if (has("decision")) return "consent";
  if (has("patient", "radio") || has("q")) return "patient";
  if (has("encounter", "radio")) return "encounter";
  return "other";
}

/** All forms of a page with their fields. */
export function forms(page) {
  return [...page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, attributes, inside]) => ({
    action: new URL(read(attributes).action ?? page.url, page.url).href,
    fields: [...inside.matchAll(/<(input|button)\b([^>]*)>/gi)]
      .map(([, tag, attributes]) => ({ type: tag.toLowerCase() === "button" ? "submit" : "text", ...read(attributes) }))
      .filter((field) => field.name),
  }));
}

export function formWith(page, field) {
  const found = forms(page).find((form) => form.fields.some(({ name }) => name === field));
  if (!found) throw new Error(`no form with ${field} on ${page.url} (${page.status}):\n${page.text.slice(0, 2000)}`);
  return found;
}

/** What a browser would send, with changes: a string, a list, or `null` for a field left out. */
export function filled(form, changes = {}) {
  const body = new URLSearchParams();
  for (const field of form.fields) {
    const sent = field.type === "submit" ? false : ["radio", "checkbox"].includes(field.type) ? "checked" in field : true;
    if (sent && !(field.name in changes)) body.append(field.name, field.value ?? (field.type === "checkbox" ? "on" : ""));
  }
  for (const [name, value] of Object.entries(changes)) {
    for (const one of value === null ? [] : [value].flat()) body.append(name, one);
  }
  return body;
}

function read(attributes) {
  const found = {};
  for (const [, name, quoted, single, bare] of attributes.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)) {
    found[name.toLowerCase()] = unescape(quoted ?? single ?? bare ?? "");
  }
  return found;
}

function unescape(text) {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, decimal, name) =>
    hex ? String.fromCodePoint(parseInt(hex, 16)) : decimal ? String.fromCodePoint(Number(decimal)) : (named[name] ?? all),
  );
}

/** A request to the authorization endpoint, with what is needed to redeem its code. */
export function request(world, changes = {}) {
  const verifier = randomBytes(32).toString("base64url");
  const state = randomBytes(16).toString("base64url");
  const parameters = {
    response_type: "code",
    client_id: "test-app",
    redirect_uri: world.app.plain,
    scope: "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs",
    state,
    aud: world.demo.fhir,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    ...changes,
  };
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null));
  return { verifier, state, parameters, query, url: `${world.demo.smart.authorization_endpoint}?${query}` };
}

/** Signs in as alice, chooses, allows: a code, and the request it answers. */
export async function code(world, { changes, user = "alice", patient = "ben", visitor = new Visitor() } = {}) {
  const asked = request(world, changes);
  const end = await visitor.walk(asked.url, { user, patient });
  const answered = end.location && new URL(end.location);
  if (!answered?.searchParams.get("code")) throw new Error(`no code: ${end.status} ${end.location}\n${end.text.slice(0, 2000)}`);
  return { ...asked, code: answered.searchParams.get("code"), location: answered, visitor };
}

/** Redeems a code; `changes` to the form, `headers` beside it. */
export async function redeem(world, granted, changes = {}, headers = {}) {
  const form = {
    grant_type: "authorization_code",
    code: granted.code,
    redirect_uri: granted.parameters.redirect_uri,
    client_id: granted.parameters.client_id,
    code_verifier: granted.verifier,
    ...changes,
  };
  const body = new URLSearchParams(Object.entries(form).filter(([, value]) => value !== null));
  const response = await fetch(world.demo.smart.token_endpoint, { method: "POST", body, headers });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Asks the FHIR server. */
export async function ask(url, token) {
  const response = await fetch(url, { headers: token ? { authorization: `Bearer ${token}` } : {} });
  return { status: response.status, headers: response.headers, body: await response.json().catch(() => null) };
}
