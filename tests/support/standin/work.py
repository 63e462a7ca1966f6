"""A client's work on a Keystone in this process: ``python -m tests.support.standin.work ROUNDS TAG [stock]``.

Prints one JSON value: what each request was answered, and what the drivers ran again. ``stock``: Keystone's
own application instead of ours.
"""

from __future__ import annotations

import json
import sys
from typing import Any

SYSTEM = {"system": {"all": True}}


class Work:
    """Sends requests with the token of the last login and keeps the answers."""

    def __init__(self, application: Any) -> None:
        from werkzeug.test import Client

        self._client = Client(application)
        self._token = ""
        self.done: list[list[Any]] = []

    def send(self, method: str, path: str, body: Any = None, token: str = "", subject: str = "") -> Any:
        """One request; raises AssertionError when Keystone fails."""
        headers = {"X-Auth-Token": token or self._token, "X-Subject-Token": subject}
        headers = {name: value for name, value in headers.items() if value}
        answer = self._client.open(path, method=method, json=body, headers=headers)
        self.done.append([method, path.split("?")[0], answer.status_code])
        assert answer.status_code < 500, answer.get_data(as_text=True)
        return answer

    def make(self, collection: str, /, **fields: Any) -> str:
        """Create something; its id."""
        kind = collection.removesuffix("s")
        return str(self.send("POST", f"/v3/{collection}", {kind: fields}).json[kind]["id"])

    def login(self, scope: Any, name: str, password: str, domain: str = "default") -> str:
        """A new token."""
        user = {"name": name, "domain": {"id": domain}, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        answer = self.send("POST", "/v3/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        return str(answer.headers["X-Subject-Token"])

    def round(self, mark: str) -> None:
        """Make, use, change and remove; ``mark`` keeps names apart."""
        self._token = ""
        self._token = self.login(SYSTEM, "admin", "admin")
        domain = self.make("domains", name=f"d{mark}")
        project = self.make("projects", name="p", domain_id=domain, tags=["a", "b"])
        role = self.make("roles", name=f"r{mark}")
        user = self.make("users", name="u", domain_id=domain, password="first")
        group = self.make("groups", name="g", domain_id=domain)
        self.send("PUT", f"/v3/groups/{group}/users/{user}")
        self.send("PUT", f"/v3/projects/{project}/groups/{group}/roles/{role}")
        self.send("PATCH", f"/v3/users/{user}", {"user": {"description": "x"}})
        mine = self.login({"project": {"id": project}}, "u", "first", domain)
        self.send("GET", "/v3/auth/tokens", subject=mine)
        self.send("GET", "/v3/role_assignments?include_names=true")
        credential = self.make("credentials", user_id=user, type="cert", blob="b")
        self.send("PATCH", f"/v3/credentials/{credential}", {"credential": {"blob": "c"}})
        service = self.make("services", type=f"t{mark}")
        self.make("endpoints", service_id=service, interface="public", url="http://x")
        self.send("DELETE", f"/v3/credentials/{credential}")
        self.send("DELETE", "/v3/auth/tokens", subject=mine)
        self.send("PATCH", f"/v3/users/{user}", {"user": {"password": "second"}})
        self.send("GET", "/v3/auth/tokens", subject=mine)  # revoked: 404
        self.send("DELETE", f"/v3/users/{user}")
        self.send("GET", f"/v3/projects/{project}")
        self.send("PATCH", f"/v3/domains/{domain}", {"domain": {"enabled": False}})
        self.send("DELETE", f"/v3/domains/{domain}")


def main(rounds: str, tag: str, stock: str = "") -> None:
    """Work, and print what was seen."""
    del sys.argv[1:]
    if stock:
        from keystone.server.wsgi import initialize_public_application

        work = Work(initialize_public_application())
    else:
        from keystone_viaduct import wsgi

        work = Work(wsgi.application)
    for number in range(int(rounds)):
        work.round(f"{tag}{number}")
    from keystone_viaduct.drivers import counters

    seen = {"retries": sum(counters.known().retries.values()), "outcomes": counters.known().outcomes}
    print(json.dumps({"done": work.done, **seen}))


if __name__ == "__main__":
    main(*sys.argv[1:])
