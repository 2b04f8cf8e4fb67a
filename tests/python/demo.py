"""Starts the demo program with a store of its own and the apps of these tests, and stops it again."""

import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import requests
from joserfc.jwk import ECKey, RSAKey

SECRET = "python-test-secret-python-test-secret"
CALLBACK = "http://localhost:9/callback"
SCOPE = "launch/patient openid fhirUser offline_access patient/*.rs"

# The keys of the apps that have one: made anew for each run.
KEYS = {
    "ES384": ECKey.generate_key("P-384", {"kid": "es384", "use": "sig"}),
    "RS384": RSAKey.generate_key(2048, {"kid": "rs384", "use": "sig"}),
}


def clients():
    """A public app, one with a secret, one with keys, and a service."""
    app = {"redirect_uris": [CALLBACK], "scope": SCOPE}
    keys = {"keys": [key.as_dict(private=False) for key in KEYS.values()]}
    by_key = {"token_endpoint_auth_method": "private_key_jwt", "jwks": keys}
    return [
        {"client_id": "py-public", "token_endpoint_auth_method": "none", "application_type": "native", **app},
        {"client_id": "py-secret", "client_secret": SECRET, "application_type": "native", **app},
        {"client_id": "py-key", "application_type": "native", **by_key, **app},
        {"client_id": "py-service", "grant_types": ["client_credentials"], "scope": "system/*.rs", **by_key},
    ]


class Demo:
    """A running demo: `with Demo() as demo`."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="vestibule-python-")
        directory = Path(self._directory.name)
        (directory / "clients.json").write_text(json.dumps(clients()))
        port = two_free_ports()
        self.url = f"http://127.0.0.1:{port}"
        self.fhir = f"{self.url}/fhir"
        command = [os.environ["DEMO_EHR"], "--listen", f"127.0.0.1:{port}"]
        command += ["--store", f"sqlite:{directory / 'demo.sqlite3'}", "--clients", str(directory / "clients.json")]
        self._log = (directory / "log").open("w+")
        self._program = subprocess.Popen(command, cwd=directory, stdout=self._log, stderr=self._log)
        try:
            self._until_ready()
            self.smart = requests.get(f"{self.fhir}/.well-known/smart-configuration", timeout=10).json()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _until_ready(self):
        for _ in range(600):
            if self._program.poll() is not None:
                break
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        self._log.seek(0)
        raise RuntimeError(f"the demo did not get ready:\n{self._log.read()}")

    def __exit__(self, *_):
        self._program.terminate()
        try:
            self._program.wait(15)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
        self._log.close()
        self._directory.cleanup()


def two_free_ports():
    """A port whose successor is free too: the sample app takes that one."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                return port
            except (OSError, OverflowError):
                continue
    raise RuntimeError("no two free ports in a row")
