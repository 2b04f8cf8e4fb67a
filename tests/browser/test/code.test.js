// The code: bound to its client, address and verifier, and spent once.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { SECRET } from "../support/clients.js";
import { ask, code, redeem } from "../support/visitor.js";
import { startWorld } from "../support/world.js";

let world;
before(async () => (world = await startWorld({ browser: false })));
after(() => world?.close());

const basic = (id, secret) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` });
/** How many apps have access by this user's leave: one less when a grant died. */
async function grants({ visitor }) {
  const page = await visitor.open(world.demo.smart.management_endpoint);
  assert.equal(page.status, 200);
  return page.text.match(/name="?revoke"?/g)?.length ?? 0;
}
const reads = async (token) => (await ask(`${world.demo.fhir}/Patient/ben`, token)).status;

test("every wrong redemption is refused and spends nothing", async () => {
  const granted = await code(world);
  for (const [changes, error] of [
    [{ redirect_uri: world.app.other }, "invalid_grant"],
    [{ redirect_uri: null }, "invalid_request"],
    [{ redirect_uri: `${world.app.plain}/` }, "invalid_grant"],
    [{ code_verifier: "a".repeat(43) }, "invalid_grant"],
    [{ code_verifier: null }, "invalid_grant"],
    [{ client_id: "test-second" }, "invalid_grant"],
    [{ client_id: null }, "invalid_client"],
    [{ code: `${granted.code}x` }, "invalid_grant"],
    [{ code: null }, "invalid_request"],
    [{ grant_type: "password" }, "unsupported_grant_type"],
    [{ grant_type: null }, "invalid_request"],
  ]) {
    const { status, body, headers } = await redeem(world, granted, changes);
    const said = `${JSON.stringify(changes)}: ${status} ${JSON.stringify(body)}`;
    assert.ok([400, 401].includes(status), said);
    // Without any client the one or the other may be said.
    if (changes.client_id === null) assert.ok(["invalid_client", "invalid_request"].includes(body.error), said);
    else assert.equal(body.error, error, said);
    assert.equal(headers.get("cache-control"), "no-store");
    assert.doesNotMatch(JSON.stringify(body), new RegExp(granted.code));
  }
  const { status, body } = await redeem(world, granted);
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(await reads(body.access_token), 200);
});

test("a code used twice: the second gets nothing, and the first's token dies", async () => {
  const granted = await code(world);
  const first = await redeem(world, granted);
  assert.equal(first.status, 200);
  assert.equal(await reads(first.body.access_token), 200);
  const before = await grants(granted);
  assert.ok(before >= 1);
  const second = await redeem(world, granted);
  assert.equal(second.status, 400);
  assert.equal(second.body.error, "invalid_grant");
  assert.equal(await grants(granted), before - 1);
  assert.equal(await reads(first.body.access_token), 401);
});

test("a spent code with a wrong verifier kills nothing", async () => {
  const granted = await code(world);
  const first = await redeem(world, granted);
  const before = await grants(granted);
  for (const changes of [{ code_verifier: "b".repeat(43) }, { redirect_uri: world.app.other }, { client_id: "test-second" }]) {
    assert.equal((await redeem(world, granted, changes)).body.error, "invalid_grant");
  }
  assert.equal(await grants(granted), before);
});

test("of a hundred at once one wins", async () => {
  const granted = await code(world);
  const before = await grants(granted);
  const answers = await Promise.all(Array.from({ length: 100 }, () => redeem(world, granted)));
  const won = answers.filter(({ status }) => status === 200);
  assert.equal(won.length, 1);
  for (const { status, body } of answers.filter((one) => one !== won[0])) {
    assert.equal(status, 400);
    assert.equal(body.error, "invalid_grant");
  }
  assert.equal(await grants(granted), before - 1, "a replay was seen, so the grant is dead");
  assert.equal(await reads(won[0].body.access_token), 401);
});

test("a hundred wrong ones beside one right one: the right one wins", async () => {
  const granted = await code(world);
  const before = await grants(granted);
  const wrong = Array.from({ length: 100 }, () => redeem(world, granted, { code_verifier: "c".repeat(43) }));
  const [right, ...others] = await Promise.all([redeem(world, granted), ...wrong]);
  assert.equal(right.status, 200);
  for (const { body } of others) assert.equal(body.error, "invalid_grant");
  assert.equal(await reads(right.body.access_token), 200);
  assert.equal(await grants(granted), before);
});

test("a confidential client's code needs its secret", async () => {
  const granted = await code(world, { changes: { client_id: "test-confidential" } });
  const none = await redeem(world, granted);
  assert.equal(none.status, 401);
  assert.equal(none.body.error, "invalid_client");
  const other = await redeem(world, granted, { client_id: "test-remember" }, basic("test-remember", SECRET));
  assert.equal(other.body.error, "invalid_grant", "another client's code");
  const right = await redeem(world, granted, {}, basic("test-confidential", SECRET));
  assert.equal(right.status, 200, JSON.stringify(right.body));
  assert.equal(right.body.patient, "ben");
});
