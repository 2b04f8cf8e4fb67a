"""requests-oauthlib: an app without a secret and one with a secret, whose tokens renew themselves."""

import unittest

from oauthlib.oauth2 import InvalidGrantError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from demo import CALLBACK, SCOPE, SECRET, Demo
from person import Person


def setUpModule():
    global demo
    demo = unittest.enterModuleContext(Demo())


class RequestsOAuthlib(unittest.TestCase):
    def let_in(self, client, *, refresh, **proof):
        renewed = []
        session = OAuth2Session(
            client,
            redirect_uri=CALLBACK,
            scope=SCOPE.split(),
            pkce="S256",
            auto_refresh_url=demo.smart["token_endpoint"],
            auto_refresh_kwargs=refresh,
            token_updater=renewed.append,
        )
        self.addCleanup(session.close)
        url, _ = session.authorization_url(demo.smart["authorization_endpoint"], aud=demo.fhir)
        back = Person().answers(url)
        token = session.fetch_token(demo.smart["token_endpoint"], authorization_response=back, timeout=10, **proof)
        self.assertEqual(token["patient"], "ben")
        self.assertEqual(session.get(f"{demo.fhir}/Patient/ben", timeout=10).status_code, 200)

        # The library believes that the token is over, and asks for the next by itself.
        session.token = {**token, "expires_in": -1, "expires_at": 1}
        request = {"client_id": client, "client_secret": SECRET} if client == "py-secret" else {}
        self.assertEqual(session.get(f"{demo.fhir}/Patient/ben", timeout=10, **request).status_code, 200)
        self.assertEqual(len(renewed), 1)
        self.assertNotEqual(renewed[0]["access_token"], token["access_token"])

        # A code is good once; coming back with it ends what it bought.
        with self.assertRaises(InvalidGrantError):
            session.fetch_token(demo.smart["token_endpoint"], authorization_response=back, timeout=10, **proof)
        session.token = renewed[0]
        self.assertEqual(session.get(f"{demo.fhir}/Patient/ben", timeout=10).status_code, 401)

    def test_public(self):
        self.let_in("py-public", include_client_id=True, refresh={"client_id": "py-public"})

    def test_secret(self):
        self.let_in("py-secret", auth=HTTPBasicAuth("py-secret", SECRET), refresh={})


if __name__ == "__main__":
    unittest.main()
