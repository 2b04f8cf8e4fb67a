// What should never arrive, and what is said to it.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";

import { Visitor, ask, request } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld({ browser: false })));
after(() => world?.close());

/** A request byte for byte as given. */
function raw(method, path, { headers = {}, body } = {}) {
  const { hostname, port } = new URL(world.demo.url);
  return new Promise((resolve, reject) => {
    const sent = http.request({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (data) => (text += data));
      const done = () => resolve({ status: response.statusCode, headers: response.headers, text });
      response.on("end", done);
      response.on("error", done);
    });
    // The server may hang up before it has read everything; what it answered counts.
    sent.on("error", (error) => setTimeout(() => reject(error), 500));
    sent.end(body);
  });
}

const path = (url) => url.slice(world.demo.url.length);
const isPage = ({ status, headers, text }, expected = 400) => {
  assert.equal(status, expected);
  assert.match(headers["content-type"] ?? headers.get("content-type"), /^text\/html/);
  assert.match(text, /<h1/);
};

test("an unknown app, or an address that is not registered: a page, never a redirect", async () => {
  for (const changes of [
    { client_id: "who" },
    { client_id: "" },
    { client_id: null },
    { client_id: "test-app\u0000" },
    { client_id: "Test-App" },
    { redirect_uri: "https://evil.example/" },
    { redirect_uri: null },
    { redirect_uri: "" },
    { redirect_uri: "javascript:alert(1)" },
    { redirect_uri: "//evil.example" },
    { redirect_uri: `${world.app.plain}?x` },
    { redirect_uri: `${world.app.plain}#` },
    { redirect_uri: world.app.plain.replace("localhost", "LOCALHOST") },
    { redirect_uri: world.app.plain.replace("localhost", "localhost@evil.example") },
    { redirect_uri: "a".repeat(20_000) },
    { client_id: "test-elsewhere" },
  ]) {
    const page = await new Visitor().send(request(world, changes).url);
    const said = JSON.stringify(changes).slice(0, 80);
    assert.ok([400, 413, 414, 431].includes(page.status), `${said}: ${page.status}`);
    assert.equal(page.location, null, said);
    assert.ok(!/evil|javascript:|alert\(/.test(page.text), `${said}: echoes nothing`);
  }
});

test("what is wrong after that is told to the app", async () => {
  for (const [changes, error] of [
    [{ response_type: "token" }, "unsupported_response_type"],
    [{ response_type: null }, "invalid_request"],
    [{ code_challenge: null }, "invalid_request"],
    [{ code_challenge_method: "plain" }, "invalid_request"],
    [{ code_challenge_method: null }, "invalid_request"],
    [{ code_challenge: "short" }, "invalid_request"],
    [{ aud: "https://other.example/fhir" }, "invalid_request"],
    [{ aud: null }, "invalid_request"],
    [{ scope: "patient/Observation.rs  openid" }, "invalid_scope"],
    [{ scope: "nonsense" }, "invalid_scope"],
    [{ scope: "patient/Observation.\u00e4" }, "invalid_scope"],
    [{ scope: "openid\u0000" }, "invalid_scope"],
    [{ scope: "patient/Observation.rs ".repeat(3000) }, "invalid_scope"],
  ]) {
    const asked = request(world, changes);
    const page = await new Visitor().send(asked.url);
    const said = `${JSON.stringify(changes).slice(0, 80)}: ${page.status} ${page.location}`;
    if (page.status === 413 || page.status === 414 || page.status === 431) continue;
    assert.ok(page.location?.startsWith(world.app.plain), said);
    const sent = new URL(page.location).searchParams;
    assert.equal(sent.get("error"), error, said);
    assert.equal(sent.get("state"), asked.state, said);
    assert.equal(sent.get("iss"), world.demo.smart.issuer, said);
  }
});

test("malformed and doubled parameters", async () => {
  const asked = path(request(world).url);
  for (const query of ["%zz", "&&&&==&=", "client_id=%ff%fe", "%", "client_id", "?", "a".repeat(5000)]) {
    isPage(await raw("GET", `${path(world.demo.smart.authorization_endpoint)}?${query}`));
  }
  for (const twice of ["client_id=test-app", "redirect_uri=https%3A%2F%2Fevil.example%2F"]) {
    const answer = await raw("GET", `${asked}&${twice}`);
    isPage(answer);
    assert.equal(answer.headers.location, undefined);
  }
  for (const twice of ["state=x", "scope=openid", "aud=x", "code_challenge=x"]) {
    const answer = await raw("GET", `${asked}&${twice}`);
    if (answer.status === 400) isPage(answer);
    else assert.match(answer.headers.location, /error=invalid_request/, twice);
  }
  const many = await raw("GET", `${asked}&${Array.from({ length: 2000 }, (_, i) => `p${i}=1`).join("&")}`);
  assert.ok(many.status < 500, `${many.status}`);
});

test("unicode and control characters come back whole or are refused", async () => {
  for (const state of ["ünïcödé", "名前", "a\u0000b", "line\r\nbreak", "\u202e", "a b+c&d=e", "<script>"]) {
    const page = await new Visitor().send(request(world, { state, aud: "https://other.example/" }).url);
    assert.ok(page.status < 500, `${JSON.stringify(state)}: ${page.status}`);
    assert.doesNotMatch(page.text, /<script>/);
    if (page.location?.startsWith(world.app.plain)) {
      const back = new URL(page.location).searchParams.get("state");
      assert.ok(back === state || back === null, `${JSON.stringify(state)} came back as ${JSON.stringify(back)}`);
    } else {
      assert.equal(page.status, 400);
    }
  }
});

test("ten megabytes are refused with 413, everywhere", async () => {
  const body = Buffer.alloc(10 * 1024 * 1024, "a");
  const type = "application/x-www-form-urlencoded";
  for (const endpoint of [world.demo.smart.token_endpoint, world.demo.smart.authorization_endpoint, `${world.demo.url}/sign-in`]) {
    const headers = { "content-type": type, "content-length": body.length };
    const whole = await raw("POST", path(endpoint), { headers, body });
    assert.equal(whole.status, 413, endpoint);
    const chunked = await raw("POST", path(endpoint), { headers: { "content-type": type, "transfer-encoding": "chunked" }, body });
    assert.equal(chunked.status, 413, `${endpoint}, length unknown`);
  }
  assert.equal((await fetch(`${world.demo.url}/healthz`)).status, 200);
});

test("the token endpoint answers JSON, whatever comes", async () => {
  const token = path(world.demo.smart.token_endpoint);
  const form = { "content-type": "application/x-www-form-urlencoded" };
  for (const [headers, body, status, error] of [
    [{ ...form, authorization: "Basic %%%" }, "grant_type=authorization_code&code=x", 401, "invalid_client"],
    [{ ...form, authorization: "Basic" }, "grant_type=authorization_code&code=x", 401, "invalid_client"],
    [{ ...form, authorization: "Basic dGVzdA==" }, "grant_type=authorization_code&code=x", 401, "invalid_client"],
    [{ ...form, authorization: "Basic /////w==" }, "grant_type=authorization_code&code=x", 401, "invalid_client"],
    [{ ...form, authorization: `Basic ${Buffer.from("who:ever").toString("base64")}` }, "grant_type=authorization_code&code=x", 401, "invalid_client"],
    [{ "content-type": "application/json" }, '{"grant_type":"authorization_code"}', [400, 415], "invalid_request"],
    [{}, "grant_type=authorization_code&client_id=test-app&code=x", [400, 415], "invalid_request"],
    [form, "", 400, "invalid_request"],
    [form, "%zz=%ff", 400, "invalid_request"],
    [form, "grant_type=authorization_code&grant_type=authorization_code&client_id=test-app", 400, "invalid_request"],
    [form, "grant_type=%00&client_id=test-app", 400, undefined],
  ]) {
    const answer = await raw("POST", token, { headers, body });
    const said = `${JSON.stringify(headers)} ${body}: ${answer.status} ${answer.text}`;
    assert.ok([status].flat().includes(answer.status), said);
    assert.match(answer.headers["content-type"], /^application\/json/, said);
    assert.equal(answer.headers["cache-control"], "no-store", said);
    if (error) assert.equal(JSON.parse(answer.text).error, error, said);
    if (answer.status === 401) assert.match(answer.headers["www-authenticate"] ?? "", /^Basic/i, said);
  }
  const got = await raw("GET", token);
  assert.ok([400, 405].includes(got.status));
});

test("unknown paths and methods", async () => {
  for (const [method, target, status] of [
    ["GET", "/nothing-here", 404],
    ["DELETE", path(world.demo.smart.authorization_endpoint), 405],
    ["GET", "/auth/nothing-here", 404],
    ["GET", "/.well-known/nothing-here", 404],
    ["GET", "/%ff%fe", 404],
    ["GET", "/fhir/../../etc/passwd", 404],
    ["POST", "/fhir/Patient", 401],
  ]) {
    const answer = await raw(method, target);
    assert.ok(answer.status === status || (status === 404 && [400, 401].includes(answer.status)), `${method} ${target}: ${answer.status}`);
  }
});

test("sign-in leads nowhere else, and shows nothing as markup", async () => {
  for (const resume of ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", "/%0d%0aX: y", ""]) {
    const visitor = new Visitor();
    const page = await visitor.open(`${world.demo.url}/sign-in?${new URLSearchParams({ resume })}`);
    const after = await visitor.submit(page, "password", { username: "alice", password: "alice" });
    assert.ok(!after.location || after.location.startsWith(`${world.demo.url}/`), `${resume} led to ${after.location}`);
    assert.ok(after.status < 500, `${resume}: ${after.status}`);
  }
  const visitor = new Visitor();
  await visitor.walk(request(world).url, { user: "dr-lee", until: "patient" });
  const markup = '"><script>alert(1)</script>';
  for (const path of ["/patients?q=", "/ehr?patient=", "/sign-in?resume=", "/patients/", "/auth/manage?x="]) {
    const page = await visitor.open(`${world.demo.url}${path}${encodeURIComponent(markup)}`);
    assert.ok(!page.text.includes("<script>"), path);
    assert.ok(page.status < 500, `${path}: ${page.status}`);
    assert.match(page.headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/, path);
    assert.equal(page.headers.get("x-content-type-options"), "nosniff", path);
  }
  const twice = await visitor.open(`${world.demo.url}/sign-in`);
  const wrong = await visitor.submit(twice, "password", { username: markup, password: "x" });
  assert.ok(!wrong.text.includes("<script>"));
});

test("an interaction that never was", async () => {
  const visitor = new Visitor();
  const page = await visitor.walk(request(world).url, { user: "alice", until: "patient" });
  const never = page.url.replace(/[A-Za-z0-9_-]{20,}/, (id) => "A".repeat(id.length));
  const answer = await visitor.open(never);
  assert.ok([400, 404].includes(answer.status), `${answer.status}`);
  assert.match(answer.text, /<h1/);
});

test("tokens of all kinds that are none", async () => {
  for (const token of ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "A".repeat(9000), "\u00e4"]) {
    const answer = await ask(`${world.demo.fhir}/Patient/ben`, token).catch((error) => error);
    if (answer instanceof Error) continue; // not sendable as a header at all
    assert.ok([400, 401, 431].includes(answer.status), `${token.slice(0, 20)}: ${answer.status}`);
    assert.match(answer.headers.get("www-authenticate") ?? "Bearer", /^Bearer/);
  }
});
