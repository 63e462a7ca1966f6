"""A Keystone all of whose drivers are in Cassandra, and whose SQL database can't be opened."""

from __future__ import annotations

from pathlib import Path

from keystone_viaduct.drivers.chosen import GROUPS
from tests.support.keystones import KeystoneHome, make_home

SERVE = """
import io, json, sys

sys.argv[1:] = []  # Keystone would read them
from keystone_viaduct.wsgi import application

def call(method, path, body=None, token=None):
    sent = json.dumps(body).encode() if body else b""
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": "", "SERVER_NAME": "x",
               "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http",
               "wsgi.version": (1, 0), "wsgi.multithread": False, "wsgi.multiprocess": False,
               "wsgi.run_once": False, "wsgi.errors": sys.stderr, "wsgi.input": io.BytesIO(sent),
               "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(sent))}
    if token:
        environ["HTTP_X_AUTH_TOKEN"] = environ["HTTP_X_SUBJECT_TOKEN"] = token
    seen = {}
    def start(status, headers, exc_info=None):
        seen.update(status=status, headers=dict(headers))
    text = b"".join(application(environ, start))
    assert seen["status"][0] == "2", (seen["status"], text)
    return seen["headers"], json.loads(text or b"null")

user = {"name": "admin", "domain": {"id": "default"}, "password": "secret"}
identity = {"methods": ["password"], "password": {"user": user}}
scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
headers, body = call("POST", "/v3/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
token = headers["X-Subject-Token"]
assert body["token"]["catalog"] == []
call("GET", "/v3/auth/tokens", token=token)
made = call("POST", "/v3/users", {"user": {"name": "another"}}, token=token)[1]
assert {each["name"] for each in call("GET", "/v3/users", token=token)[1]["users"]} == {"admin", "another"}
call("DELETE", "/v3/users/" + made["user"]["id"], token=token)
call("DELETE", "/v3/auth/tokens", token=token)
print("served")
"""
"""A program that lets a bootstrapped Keystone serve some requests in its own process."""


def without_sql(folder: Path, node: str, keyspace: str = "keystone") -> KeystoneHome:
    """Its configuration. Whoever opens the database that it names fails: its folder is not there."""
    drivers = "".join(f"[{group}]\ndriver = cassandra\n" for group in GROUPS)
    place = (
        f"[database]\ncassandra_node_ips = {node}\n[cassandra]\nkeyspace = {keyspace}\nrequest_timeout = 10\n"
    )
    return make_home(folder, f"sqlite:///{folder}/nowhere/keystone.db", extra=drivers + place)
