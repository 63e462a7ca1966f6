"""What belongs to one site alone and never travels: the accounts with which the agent logs in there.

Each site's Keystone sees the password of the account that logs in at it. Were that account known at another
site, whoever runs the one could act at the other. So these records are told by their ids, at every site and
without asking anybody: the domain :data:`DOMAIN`, and what has an id that begins with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from .model import Kind, Mode
from .registry import REGISTRY
from .value import JSON

#: The id of the domain of such accounts, and what the ids of all that is in it begin with.
DOMAIN = "viaduct-local"
#: The id and name of the role that lets an account do what the agent does, and nothing else.
ROLE, ROLE_NAME = "viaduct-local-agent", "viaduct-agent"
#: Kinds by whose ids, where a record names one, it belongs to such an account.
OWNERS = frozenset({"user", "group", "domain", "project", "role"})


def is_local_id(value: object) -> bool:
    """Whether an id is one that never travels."""
    return isinstance(value, str) and value.startswith(DOMAIN)


def placing_fields(kind: Kind) -> tuple[str, ...]:
    """The fields of a kind by whose ids a record may be local: its own, and those of what it belongs to."""
    own = kind.key if kind.name in OWNERS else ()
    named = (r.field for r in kind.references if r.target in OWNERS and r.mode is not Mode.NULLING)
    domain = ("domain_id",) if any(field.name == "domain_id" for field in kind.fields) else ()
    return tuple(dict.fromkeys((*own, *named, *domain)))


@cache
def _placing(kind: str) -> tuple[str, ...]:
    return placing_fields(REGISTRY[kind])


def is_local(kind: str, key: str, document: Mapping[str, JSON] | None = None) -> bool:
    """Whether a record never travels: by its key, or by what its document names."""
    names = _placing(kind)
    if names and any(map(is_local_id, key.split("/"))):
        return True
    return document is not None and any(is_local_id(document.get(name)) for name in names)
