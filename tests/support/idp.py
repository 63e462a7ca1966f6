"""A stand-in for an identity provider, and for the web server's module that believes it.

The provider signs a ticket about a person; the client carries it. In front of Keystone the module takes the
ticket, checks its signature, and tells Keystone of the person by request variables (``OIDC-…``), as Apache's
mod_auth_openidc does. What a client says of itself by such names is taken away. ``application`` is what a
site serves in place of ``keystone_viaduct.wsgi:application``; the key is that of ``VIADUCT_TEST_IDP_KEY``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

ISSUER = "https://idp.viaduct.example"
KEY_VARIABLE = "VIADUCT_TEST_IDP_KEY"
TICKET = "X-Ticket"
PREFIX = "OIDC-"
_HEADER = "HTTP_X_TICKET"

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class IdentityProvider:
    """Signs tickets about people whom it knows."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._groups: dict[str, tuple[str, ...]] = {}

    def put(self, person: str, *groups: str) -> None:
        """Somebody is in these groups from now on."""
        self._groups[person] = groups

    def ticket(self, person: str) -> str:
        """What the person shows to sites."""
        claims = {"iss": ISSUER, "sub": person, "groups": ";".join(self._groups[person])}
        text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        return f"{text}.{_signature(self._key, text)}"


def _signature(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


class Module:
    """In front of Keystone's application."""

    def __init__(self, application: Application, key: str) -> None:
        self._application = application
        self._key = key

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Tell Keystone who it is, if a ticket says so; a forged one is refused."""
        for name in [name for name in environ if name.upper().replace("_", "-").startswith(PREFIX)]:
            del environ[name]
        ticket = environ.pop(_HEADER, None)
        if ticket is not None:
            text, _, signature = ticket.partition(".")
            if not hmac.compare_digest(signature, _signature(self._key, text)):
                start_response("401 Unauthorized", [("Content-Type", "text/plain")])
                return [b"no provider has signed this"]
            claims = json.loads(base64.urlsafe_b64decode(text))
            environ.update({f"{PREFIX}{name}": value for name, value in claims.items()})
            environ["AUTH_TYPE"] = "openid-connect"
        return self._application(environ, start_response)


def rules(groups: Sequence[tuple[str, str]], domain: str) -> list[dict[str, Any]]:
    """A mapping: everybody becomes a user; who is in a group of the provider gets one of ours (name, id)."""
    person = {
        "local": [{"user": {"name": "{0}", "domain": {"id": domain}}}],
        "remote": [{"type": f"{PREFIX}sub"}],
    }
    return [
        person,
        *(
            {
                "local": [{"group": {"id": ours}}],
                "remote": [{"type": f"{PREFIX}groups", "any_one_of": [theirs]}],
            }
            for theirs, ours in groups
        ),
    ]


def __getattr__(name: str) -> Any:
    """Made when a server asks for it: a Keystone is built by that."""
    if name != "application":
        raise AttributeError(name)
    from keystone_viaduct.wsgi import application

    return Module(application, os.environ[KEY_VARIABLE])
