// A strict OAuth and OpenID client reads discovery, answers and tokens.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";

import * as oauth from "oauth4webapi";

import { SECRET } from "../support/clients.js";
import { Visitor, request } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

const LOOPBACK = { [oauth.allowInsecureRequests]: true };

let world;
let server;
before(async () => {
  world = await startWorld({ browser: false });
  server = await discover("oidc");
});
after(() => world?.close());

async function discover(algorithm) {
  const issuer = new URL(world.demo.url);
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...LOOPBACK });
  return oauth.processDiscoveryResponse(issuer, response);
}

/** The whole code flow as the library does it. */
async function flow({ client = { client_id: "test-app" }, authentication = oauth.None(), scope, user = "alice", patient = "ben", more = {} } = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  const asked = request(world, {
    client_id: client.client_id,
    scope: scope ?? "launch/patient openid fhirUser patient/Patient.rs",
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    ...more,
  });
  const end = await new Visitor().walk(asked.url, { user, patient });
  const parameters = oauth.validateAuthResponse(server, client, new URL(end.location), state);
  const answer = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, world.app.plain, verifier, LOOPBACK,
  );
  const token = await oauth.processAuthorizationCodeResponse(server, client, answer, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  return { token, answer, nonce };
}

test("the discovery documents agree with each other", async () => {
  const plain = await discover("oauth2");
  for (const name of ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"]) {
    assert.equal(plain[name], server[name], name);
    assert.equal(world.demo.smart[name], server[name], name);
  }
  assert.equal(server.issuer, world.demo.url);
  assert.deepEqual(server.code_challenge_methods_supported, ["S256"]);
  assert.deepEqual(server.response_types_supported, ["code"]);
  assert.equal(server.authorization_response_iss_parameter_supported, true);
  assert.ok(server.id_token_signing_alg_values_supported.includes("RS256"));
  assert.ok(world.demo.smart.capabilities.includes("launch-standalone"));
  assert.ok(world.demo.smart.capabilities.includes("launch-ehr"));
  assert.ok(world.demo.smart.capabilities.includes("permission-offline"));
  assert.deepEqual(server.grant_types_supported, ["authorization_code", "refresh_token", "client_credentials"]);
});

test("public client: PKCE, iss, ID token with nonce and at_hash, signed with a published key", async () => {
  const { token, answer, nonce } = await flow();
  const claims = oauth.getValidatedIdTokenClaims(token);
  assert.equal(claims.iss, world.demo.url);
  assert.equal(claims.aud, "test-app");
  assert.equal(claims.nonce, nonce);
  assert.ok(claims.sub);
  assert.equal(typeof claims.auth_time, "number");
  assert.equal(claims.fhirUser.split("/").slice(-2).join("/"), "Patient/alice");
  const half = createHash("sha256").update(token.access_token).digest().subarray(0, 16).toString("base64url");
  assert.equal(claims.at_hash, half);
  await oauth.validateApplicationLevelSignature(server, answer, LOOPBACK);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(answer.headers.get("pragma"), "no-cache");
});

test("the access token is a JWT of RFC 9068 for this base", async () => {
  const { token } = await flow();
  const presented = new Request(`${world.demo.fhir}/Patient/ben`, { headers: { authorization: `Bearer ${token.access_token}` } });
  const claims = await oauth.validateJwtAccessToken(server, presented, world.demo.fhir, LOOPBACK);
  assert.equal(claims.client_id, "test-app");
  assert.equal(claims.patient, "ben");
  assert.ok(claims.scope.includes("patient/Patient.rs"));
  assert.ok(claims.exp - claims.iat <= 3600);
  assert.ok(claims.jti);
  await assert.rejects(oauth.validateJwtAccessToken(server, presented, world.demo.archive, LOOPBACK));
});

test("the same person has the same subject, and another one another", async () => {
  const subject = async (options) => oauth.getValidatedIdTokenClaims((await flow(options)).token).sub;
  const alice = await subject({});
  assert.equal(await subject({ patient: "alice" }), alice);
  assert.notEqual(await subject({ user: "carol" }), alice);
});

test("confidential client with Basic", async () => {
  const { token } = await flow({
    client: { client_id: "test-confidential" },
    authentication: oauth.ClientSecretBasic(SECRET),
  });
  assert.equal(token.patient, "ben");
  assert.equal(token.token_type, "bearer");
});

test("a wrong secret is refused, and so is one in the body", async () => {
  for (const authentication of [oauth.ClientSecretBasic(`${SECRET}x`), oauth.ClientSecretPost(SECRET), oauth.None()]) {
    const failing = flow({ client: { client_id: "test-confidential" }, authentication });
    await assert.rejects(failing, (error) => {
      const code = error.error ?? error.cause?.[0]?.parameters?.error;
      assert.ok(error.status === 401 || code === "invalid_client", `${error}`);
      return true;
    });
  }
});

test("a refusal carries iss and state too", async () => {
  const asked = request(world);
  const end = await new Visitor().walk(asked.url, { user: "alice", patient: "ben", decision: "deny" });
  assert.throws(
    () => oauth.validateAuthResponse(server, { client_id: "test-app" }, new URL(end.location), asked.state),
    (error) => error.error === "access_denied",
  );
});
