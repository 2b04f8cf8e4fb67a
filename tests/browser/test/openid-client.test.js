// A general OpenID client library, unchanged: discovery, code, refresh, introspection, revocation, with a secret and with a key.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as openid from "openid-client";

import { KEYS, SECRET } from "../support/clients.js";
import { ask, Visitor } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld({ browser: false })));
after(() => world?.close());

const SCOPE = "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs";
const READ = "system/Patient.rs";

function discover(clientId, authentication) {
  const options = { execute: [openid.allowInsecureRequests] };
  return openid.discovery(new URL(world.demo.url), clientId, undefined, authentication, options);
}

/** Alice lets the app into Ben's record. */
async function signedIn(config) {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const expectedNonce = openid.randomNonce();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: world.app.plain,
    scope: SCOPE,
    aud: world.demo.fhir,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const end = await new Visitor().walk(url.href, { user: "alice", patient: "ben" });
  assert.ok(end.location, `${end.status} ${end.text.slice(0, 500)}`);
  return openid.authorizationCodeGrant(config, new URL(end.location), {
    pkceCodeVerifier,
    expectedState,
    expectedNonce,
    idTokenExpected: true,
  });
}

for (const [name, clientId, authentication] of [
  ["a secret", "test-confidential", () => openid.ClientSecretBasic(SECRET)],
  ["an ES384 key", "test-key", () => openid.PrivateKeyJwt(KEYS.es384)],
  ["an RS384 key", "test-key", () => openid.PrivateKeyJwt(KEYS.rs384)],
  ["nothing to prove", "test-app", () => openid.None()],
]) {
  test(`a client with ${name}: code, user info, refresh, introspection, revocation`, async () => {
    const config = await discover(clientId, authentication());
    const tokens = await signedIn(config);
    assert.equal(tokens.patient, "ben");
    const claims = tokens.claims();
    assert.match(claims.fhirUser, /\/(Patient|RelatedPerson|Person)\//);
    const info = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.equal(info.fhirUser, claims.fhirUser);
    assert.equal((await ask(`${world.demo.fhir}/Patient/ben`, tokens.access_token)).status, 200);

    const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal(next.patient, "ben");
    assert.notEqual(next.refresh_token, tokens.refresh_token);
    assert.equal(next.scope, tokens.scope);
    assert.equal((await ask(`${world.demo.fhir}/Patient/ben`, next.access_token)).status, 200);

    if (clientId !== "test-app") {
      const said = await openid.tokenIntrospection(config, next.access_token);
      assert.equal(said.active, true);
      assert.equal(said.client_id, clientId);
      assert.equal(said.scope, next.scope);
      assert.equal(said.patient, "ben");
      assert.equal(said.sub, claims.sub);
    }
    await openid.tokenRevocation(config, next.refresh_token);
    assert.equal((await ask(`${world.demo.fhir}/Patient/ben`, next.access_token)).status, 401, "dead at once");
    await assert.rejects(openid.refreshTokenGrant(config, next.refresh_token), { error: "invalid_grant" });
  });
}

test("a service with a key set of its own: its token reads, is introspected, and ends", async () => {
  const config = await discover("test-service", openid.PrivateKeyJwt(KEYS.rs384));
  const tokens = await openid.clientCredentialsGrant(config, { scope: `${READ} __introspect` });
  assert.equal(tokens.scope, `${READ} __introspect`);
  assert.equal(tokens.refresh_token, undefined);
  assert.ok(tokens.expires_in <= 300);
  assert.equal((await ask(`${world.demo.fhir}/Patient/ben`, tokens.access_token)).status, 200);
  assert.equal((await ask(`${world.demo.fhir}/Observation?patient=ben`, tokens.access_token)).status, 403);
  // SMART 2.2: the caller of introspection proves itself with a token.
  const app = await discover("test-confidential", openid.ClientSecretBasic(SECRET));
  const users = await signedIn(app);
  const answer = await fetch(world.demo.smart.introspection_endpoint, {
    method: "POST",
    headers: { authorization: `Bearer ${tokens.access_token}` },
    body: new URLSearchParams({ token: users.access_token }),
  });
  const said = await answer.json();
  assert.deepEqual([said.active, said.client_id, said.patient], [true, "test-confidential", "ben"]);
  await openid.tokenRevocation(config, tokens.access_token);
  assert.equal((await ask(`${world.demo.fhir}/Patient/ben`, tokens.access_token)).status, 401);
});
