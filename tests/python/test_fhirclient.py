"""fhirclient, the SMART client for Python: an app without a secret, one with a secret, and a service with a key."""

import time
import unittest

from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRUnauthorizedException
from joserfc import jwt

from demo import CALLBACK, KEYS, SECRET, Demo
from person import Person


def setUpModule():
    global demo
    demo = unittest.enterModuleContext(Demo())


class Fhirclient(unittest.TestCase):
    def client(self, **settings):
        client = FHIRClient(settings={"api_base": demo.fhir, **settings})
        self.addCleanup(client.server.session.close)
        return client

    def let_in(self, **settings):
        # `launch/patient` is added by the library itself.
        scope = "openid fhirUser offline_access patient/*.rs"
        client = self.client(redirect_uri=CALLBACK, scope=scope, **settings)
        self.assertFalse(client.prepare())
        self.assertFalse(client.ready)
        client.handle_callback(Person().answers(client.authorize_url))
        self.assertTrue(client.ready)
        self.assertEqual(client.patient_id, "ben")
        self.assertIn("Ben", client.human_name(client.patient.name[0]))
        found = Observation.where({"patient": "ben"}).perform_resources(client.server)
        self.assertGreater(len(found), 0)

        first = client.server.auth.access_token
        self.assertTrue(client.reauthorize())
        self.assertNotEqual(client.server.auth.access_token, first)
        self.assertEqual(Patient.read("ben", client.server).id, "ben")

        # What the library keeps is enough to go on elsewhere.
        again = FHIRClient(state=client.state)
        self.addCleanup(again.server.session.close)
        again.prepare()
        self.assertTrue(again.reauthorize())
        self.assertEqual(Patient.read("ben", again.server).id, "ben")

    def test_public(self):
        self.let_in(app_id="py-public")

    def test_secret(self):
        self.let_in(app_id="py-secret", app_secret=SECRET)

    def test_service(self):
        for alg, key in KEYS.items():
            with self.subTest(alg):
                now = int(time.time())
                claims = {
                    "iss": "py-service",
                    "sub": "py-service",
                    "aud": demo.smart["token_endpoint"],
                    "exp": now + 240,
                    "jti": f"one-{alg}-{now}",
                }
                proof = jwt.encode({"alg": alg, "typ": "JWT", "kid": key.kid}, claims, key, algorithms=[alg])
                client = self.client(app_id="py-service", scope="system/Patient.rs", jwt_token=proof)
                client.wants_patient = False
                client.prepare()
                client.authorize()
                self.assertEqual(Patient.read("carol", client.server).id, "carol")

    def test_without_a_token(self):
        client = self.client(app_id="py-public")
        client.prepare()
        with self.assertRaises(FHIRUnauthorizedException):
            client.server.request_json("Patient/ben", nosign=True)


if __name__ == "__main__":
    unittest.main()
