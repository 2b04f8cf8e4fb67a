// The apps that these tests register with `--clients`.

export const SECRET = "browser-test-secret-browser-test-secret";

const SCOPE = [
  "launch launch/patient launch/encounter openid fhirUser offline_access online_access",
  "patient/*.rs user/*.rs",
].join(" ");

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
      client_id: "test-elsewhere",
      client_name: "Elsewhere",
      ...open,
      redirect_uris: ["https://elsewhere.example/callback"],
      scope: SCOPE,
    },
  ];
}
