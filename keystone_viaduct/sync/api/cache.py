"""What an applied change must drop from Keystone's caches: what its own managers would drop, and somewhat
more.

The table follows the memoized functions of Keystone 24 to 30. Names are dropped as they were and as they are
now. A call reaches other workers through the cache's own backend only (memcached and the like).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document
from keystone_viaduct.sync.ports import Write

LOG = logging.getLogger(__name__)

ASSIGNMENTS, CATALOG, TOKENS = "assignments", "catalog", "tokens"
REVOKE, ID_MAPPING, DEFAULT, RECEIPTS = "revoke", "id_mapping", "default", "receipts"
#: Beyond so many single entries the whole region of shared entries goes instead: cheaper than as many round
#: trips.
MOST_ENTRIES = 200


class Entry(NamedTuple):
    """One memoized answer: the manager's name among the providers, its function, the arguments."""

    manager: str
    function: str
    arguments: tuple[Any, ...]


@dataclass
class Drops:
    """What is to be dropped: single entries, and whole regions by name."""

    entries: set[Entry] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)


Found = Iterator[Entry | str]
Rule = Callable[[Write, tuple[str, ...]], Found]


def _documents(write: Write) -> Iterator[Document]:
    return (document for document in (write.old, write.new) if document is not None)


def _removed(write: Write) -> bool:
    return write.new is None


def _barred(write: Write) -> bool:
    """Deleted, or not enabled any more."""
    return write.new is None or write.new.get("enabled") is False


def _id_only(manager: str, function: str, *regions: str) -> Rule:
    def rule(_write: Write, key: tuple[str, ...]) -> Found:
        yield Entry(manager, function, (key[0],))
        yield from regions

    return rule


def _regions(*always: str, removed: tuple[str, ...] = ()) -> Rule:
    def rule(write: Write, _key: tuple[str, ...]) -> Found:
        yield from always
        if _removed(write):
            yield from removed

    return rule


def _project(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("resource_api", "get_project", (key[0],))
    for document in _documents(write):
        yield Entry("resource_api", "get_project_by_name", (document.get("name"), document.get("domain_id")))
    yield ASSIGNMENTS
    if _barred(write):
        yield TOKENS
    if _removed(write):
        yield CATALOG


def _domain(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("resource_api", "get_domain", (key[0],))
    yield Entry("resource_api", "get_project", (key[0],))
    for document in _documents(write):
        yield Entry("resource_api", "get_domain_by_name", (document.get("name"),))
        yield Entry("resource_api", "get_project_by_name", (document.get("name"), None))
    yield ASSIGNMENTS
    if _barred(write):
        yield TOKENS
    if _removed(write):
        yield CATALOG


def _user(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("identity_api", "get_user", (key[0],))
    for document in _documents(write):
        for name in ("local.name", "nonlocal.name"):
            if document.get(name) is not None:
                yield Entry("identity_api", "get_user_by_name", (document[name], document.get("domain_id")))
        for item in document.get("federated") or ():
            if item.get("display_name"):
                arguments = (item["display_name"], document.get("domain_id"))
                yield Entry("identity_api", "get_user_by_name", arguments)
    if _removed(write):
        yield ASSIGNMENTS
    if _barred(write) or (
        write.old is not None and write.old.get("passwords") != (write.new or {}).get("passwords")
    ):
        yield TOKENS


def _group(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("identity_api", "get_group", (key[0],))
    yield ASSIGNMENTS
    if _removed(write):
        yield TOKENS


def _role(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("role_api", "get_role", (key[0],))
    if _removed(write):
        yield from (ASSIGNMENTS, TOKENS)


def _credential(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("credential_api", "_get_credential", (key[0],))
    for document in _documents(write):
        for sort in (document.get("type"), None):
            yield Entry("credential_api", "_list_credentials_for_user", (document.get("user_id"), sort))


def _application_credential(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("application_credential_api", "get_application_credential", (key[0],))
    if _removed(write):
        yield TOKENS


def _access_rule(write: Write, key: tuple[str, ...]) -> Found:
    for document in _documents(write):
        for owner in ((document.get("user_id"),), (None,), ()):  # the last form: before Keystone 30
            yield Entry("application_credential_api", "get_access_rule", (key[0], *owner))


def _service_provider(_write: Write, _key: tuple[str, ...]) -> Found:
    yield Entry("federation_api", "get_enabled_service_providers", ())


def _service(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("catalog_api", "get_service", (key[0],))
    yield CATALOG
    if _removed(write):
        yield DEFAULT  # its endpoints' entries, whose ids are not told any more


def _id_mapping(write: Write, key: tuple[str, ...]) -> Found:
    yield Entry("id_mapping_api", "get_id_mapping", (key[0],))
    for document in _documents(write):
        arguments = (document.get("domain_id"), document.get("local_id"), document.get("entity_type"))
        yield Entry("id_mapping_api", "_get_public_id", arguments)


RULES: dict[str, Rule] = {
    "region": _id_only("catalog_api", "get_region", CATALOG),
    "service": _service,
    "endpoint": _id_only("catalog_api", "get_endpoint", CATALOG),
    "endpoint_group": _regions(CATALOG),
    "project_endpoint": _regions(CATALOG),
    "project_endpoint_group": _regions(CATALOG),
    "policy": _regions(),
    "policy_association": _regions(),
    "role": _role,
    "implied_role": _regions(ASSIGNMENTS, removed=(TOKENS,)),
    "assignment": _regions(ASSIGNMENTS, removed=(TOKENS,)),
    "system_assignment": _regions(ASSIGNMENTS, removed=(TOKENS,)),
    "domain": _domain,
    "project": _project,
    "domain_config": _id_only("domain_config_api", "get_config_with_sensitive_info"),
    "user": _user,
    "group": _group,
    "membership": _regions(ASSIGNMENTS, removed=(TOKENS,)),
    "expiring_membership": _regions(ASSIGNMENTS, removed=(TOKENS,)),
    "id_mapping": _id_mapping,
    "credential": _credential,
    "application_credential": _application_credential,
    "access_rule": _access_rule,
    "trust": _regions(removed=(TOKENS,)),
    "identity_provider": _regions(removed=(TOKENS,)),
    "federation_protocol": _regions(removed=(TOKENS,)),
    "mapping": _regions(),
    "service_provider": _service_provider,
    "registered_limit": _id_only("unified_limit_api", "get_registered_limit"),
    "limit": _id_only("unified_limit_api", "get_limit"),
    "revocation_event": _regions(REVOKE, TOKENS),
    "consumer": _regions(removed=(TOKENS,)),
    "request_token": _regions(),
    "access_token": _regions(removed=(TOKENS,)),
}


def drops_of(writes: Iterable[Write]) -> Drops:
    """What these writes make stale. Pure."""
    drops = Drops()
    for write in writes:
        key = REGISTRY[write.ref.kind].split_key(write.ref.key)
        for found in RULES[write.ref.kind](write, key):
            if isinstance(found, Entry):
                drops.entries.add(found)
            else:
                drops.regions.add(found)
        if write.ref.kind == "trust" and write.new is not None and write.new.get("deleted_at"):
            drops.regions.add(TOKENS)
    if len(drops.entries) > MOST_ENTRIES:
        drops.regions |= {DEFAULT, ID_MAPPING}
        drops.entries.clear()
    return drops


def invalidate(writes: Sequence[Write]) -> set[str]:
    """Drop what these writes make stale, here and in a shared cache; the names of regions dropped."""
    from keystone.common import provider_api

    drops = drops_of(writes)
    regions = _region_objects()
    for name in sorted(drops.regions):
        regions[name].invalidate()
    providers: Any = provider_api.ProviderAPIs
    for entry in drops.entries:
        manager = getattr(providers, entry.manager)
        function = getattr(manager, entry.function)
        function.invalidate(manager, *entry.arguments)
    return drops.regions


def _region_objects() -> dict[str, Any]:
    from keystone import assignment, catalog, identity, revoke
    from keystone.common import cache
    from keystone.receipt import provider as receipts
    from keystone.token import provider as tokens

    return {
        DEFAULT: cache.CACHE_REGION,
        ASSIGNMENTS: assignment.COMPUTED_ASSIGNMENTS_REGION,
        CATALOG: catalog.COMPUTED_CATALOG_REGION,
        TOKENS: tokens.TOKENS_REGION,
        RECEIPTS: receipts.RECEIPTS_REGION,
        REVOKE: revoke.REVOKE_REGION,
        ID_MAPPING: identity.ID_MAPPING_REGION,
    }
