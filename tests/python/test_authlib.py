"""Authlib: apps without a secret, with a secret, with a key, and a service."""

import time
import unittest

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet

from demo import CALLBACK, KEYS, SCOPE, SECRET, Demo
from person import Person

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk-of-this-test"


def setUpModule():
    global demo
    demo = unittest.enterModuleContext(Demo())


class Authlib(unittest.TestCase):
    def session(self, client, **settings):
        session = OAuth2Session(
            client, redirect_uri=CALLBACK, scope=SCOPE, code_challenge_method="S256", timeout=10, **settings
        )
        self.addCleanup(session.close)
        return session

    def let_in(self, session, prove=lambda: None):
        """Launch, refresh, revoke: what every app does. `prove` gets a key's next proof ready."""
        url, state = session.create_authorization_url(
            demo.smart["authorization_endpoint"], code_verifier=VERIFIER, aud=demo.fhir, nonce="a-nonce"
        )
        back = Person().answers(url)
        prove()
        first = session.fetch_token(
            demo.smart["token_endpoint"], authorization_response=back, code_verifier=VERIFIER, state=state
        )
        self.assertEqual(first["patient"], "ben")
        self.assertEqual(self.read(session, "Patient/ben"), 200)
        self.assertEqual(self.read(session, "Patient/carol"), 403)
        self.check(first["id_token"], session.client_id)

        first = dict(first)
        prove()
        second = session.refresh_token(demo.smart["token_endpoint"], refresh_token=first["refresh_token"])
        self.assertNotEqual(first["access_token"], second["access_token"])
        self.assertNotEqual(first["refresh_token"], second["refresh_token"])
        self.assertEqual(self.read(session, "Patient/ben"), 200)

        prove()
        revoked = session.revoke_token(demo.smart["revocation_endpoint"], token=second["refresh_token"])
        self.assertEqual(revoked.status_code, 200)
        self.assertEqual(self.read(session, "Patient/ben"), 401)
        prove()
        with self.assertRaisesRegex(OAuthError, "invalid_grant"):
            session.refresh_token(demo.smart["token_endpoint"], refresh_token=second["refresh_token"])

    def read(self, session, path):
        return session.get(f"{demo.fhir}/{path}").status_code

    def check(self, token, client):
        keys = KeySet.import_key_set(OAuth2Session().get(demo.smart["jwks_uri"], withhold_token=True).json())
        claims = jwt.decode(token, keys).claims
        said = [claims[name] for name in ("iss", "aud", "nonce", "fhirUser")]
        self.assertEqual(said, [demo.url, client, "a-nonce", f"{demo.fhir}/Patient/alice"])

    def test_public(self):
        self.let_in(self.session("py-public", token_endpoint_auth_method="none"))

    def test_secret(self):
        self.let_in(self.session("py-secret", client_secret=SECRET))

    def test_key(self):
        for alg, key in KEYS.items():
            with self.subTest(alg):
                session = self.session("py-key", client_secret=key, token_endpoint_auth_method="private_key_jwt")
                session.revocation_endpoint_auth_method = "private_key_jwt"
                self.let_in(session, lambda: prove(session, alg))

    def test_service(self):
        for alg, key in KEYS.items():
            with self.subTest(alg):
                session = OAuth2Session(
                    "py-service",
                    client_secret=key,
                    scope="system/Patient.rs system/Observation.rs",
                    token_endpoint_auth_method="private_key_jwt",
                )
                self.addCleanup(session.close)
                prove(session, alg)
                token = session.fetch_token(demo.smart["token_endpoint"], grant_type="client_credentials")
                self.assertLessEqual(token["expires_in"], 300)
                self.assertNotIn("refresh_token", token)
                self.assertEqual(self.read(session, "Patient/carol"), 200)
                # The library keeps what it signed, so this is the same proof again.
                with self.assertRaisesRegex(OAuthError, "invalid_client"):
                    session.fetch_token(demo.smart["token_endpoint"], grant_type="client_credentials")


def prove(session, alg):
    """One proof for one request: the library gives a proof an hour, SMART five minutes, and whoever changes that must not use it twice."""
    claims, headers = {"exp": int(time.time()) + 240}, {"typ": "JWT", "kid": alg.lower()}
    session.register_client_auth_method(PrivateKeyJWT(demo.smart["token_endpoint"], claims, headers, alg))


if __name__ == "__main__":
    unittest.main()
