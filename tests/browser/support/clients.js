// The apps that these tests register with `--clients`.

export const SECRET = "browser-test-secret-browser-test-secret";

const SCOPE = [
  "launch launch/patient launch/encounter openid fhirUser offline_access online_access",
  "patient/*.rs user/*.rs",
].join(" ");

/** The keys of the clients that have one: made anew for each run. */
export const KEYS = {
  es384: await pair({ name: "ECDSA", namedCurve: "P-384" }, "es384"),
  rs384: await pair({ name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-384" }, "rs384"),
};

async function pair(algorithm, kid) {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const { key_ops, ext, ...jwk } = await crypto.subtle.exportKey("jwk", keys.publicKey);
  return { key: keys.privateKey, kid, jwk: { ...jwk, kid, use: "sig" } };
}

/** Public, confidential, and two whose consent is not asked each time. All answer to the app's pages. */
export function clients(app) {
  const common = {
    redirect_uris: [app.callback, app.other, app.plain],
    launch_uris: [`${app.origin}/launch.html`],
    client_uri: `${app.origin}/start.html`,
    scope: SCOPE,
  };
  const secret = { client_secret: SECRET, token_endpoint_auth_method: "client_secret_basic" };
  const open = { token_endpoint_auth_method: "none" };
  return [
    { client_id: "test-app", client_name: "Growth Chart", ...open, ...common },
    { client_id: "test-second", client_name: "Second App", ...open, ...common },
    { client_id: "test-confidential", client_name: "Ward Board", ...secret, ...common },
    { client_id: "test-remember", client_name: "Diary", ...secret, ...common, vestibule: { consent: "remember" } },
    { client_id: "test-trusted", client_name: "Trusted Board", ...secret, ...common, vestibule: { consent: "pre_approved" } },
    {
      client_id: "test-key",
      client_name: "Signing App",
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [KEYS.es384.jwk, KEYS.rs384.jwk] },
      // The library does not say that its assertions are JWTs.
      vestibule: { untyped_assertions: true },
      ...common,
    },
    {
      client_id: "test-service",
      client_name: "Night Report",
      token_endpoint_auth_method: "private_key_jwt",
      grant_types: ["client_credentials"],
      jwks_uri: `${app.origin.replace("localhost", "127.0.0.1")}/jwks.json`,
      vestibule: { untyped_assertions: true },
      scope: "system/*.rs __introspect",
    },
    {
      client_id: "test-elsewhere",
      client_name: "Elsewhere",
      ...open,
      redirect_uris: ["https://elsewhere.example/callback"],
      scope: SCOPE,
    },
  ];
}
