"""Taking back what a limited site has made, and might not make today: an edit of the hub."""

from __future__ import annotations

from keystone_viaduct.errors import Refused
from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.raw import same_documents
from keystone_viaduct.sync.model import Conflict, Document, Ref
from keystone_viaduct.sync.store import SqlTransaction

#: Records that are nothing but a way to act as somebody: they go as a whole.
_GOING = frozenset(
    {
        "access_rule",
        "access_token",
        "application_credential",
        "credential",
        "expiring_membership",
        "membership",
        "request_token",
        "trust",
    }
)
#: Fields of a user that are taken out: he needs a new password then, and a new link.
_EMPTIED = frozenset({"passwords", "federated"})
BY_HAND = "change it by Keystone's own API, and then `viaduct conflicts resolve ID --keep`"


def withdrawn(conflict: Conflict, content: Document) -> Document | None:
    """What is left of the record; None: nothing. Raises Refused where there is no telling what was before."""
    ref = conflict.ref
    if ref.kind in _GOING:
        return None
    left = {name: value for name, value in content.items() if not _is_taken_out(conflict, name)}
    if "enabled" in conflict.fields and content.get("enabled") is False:
        left["enabled"] = True
    elif ref.kind == "identity_provider":
        left["enabled"] = False
    if same_documents(left, content):
        raise Refused(f"what {conflict.site} has made of {ref} can't be taken back by itself", hint=BY_HAND)
    return left


def _is_taken_out(conflict: Conflict, name: str) -> bool:
    if conflict.ref.kind != "user" or name not in conflict.fields:
        return False
    return name in _EMPTIED or name.startswith("option.")


def check_goes(tx: SqlTransaction, ref: Ref) -> None:
    """Raise Refused where other records need it."""
    owners = tx.referrers([ref], frozenset({Mode.OWNING})).get(ref, [])
    if owners:
        raise Refused(f"{len(owners)} records need {ref}, {owners[0]} among them", hint="delete those first")
