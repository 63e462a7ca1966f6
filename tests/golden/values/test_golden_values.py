"""What could be sent before keeps its digest and its bytes, on the wire, sealed and at rest.

The golden file was made by the release that could not send NaN, infinities, halves of surrogate pairs and
deep values yet. A change of it turns every record of a fleet into a conflict.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from keystone_viaduct.documents.digest import canonical, field_digest
from keystone_viaduct.sync.model import (
    DELETED,
    Change,
    Checkpoint,
    Conflict,
    Dot,
    Fence,
    FieldState,
    Page,
    Ref,
    Version,
    bucket_of,
    fingerprint,
    fold,
    life,
)
from keystone_viaduct.sync.sealing import KeyRing, PageSealer
from keystone_viaduct.sync.store.encoding import pack_change, pack_document, pack_fields
from keystone_viaduct.sync.wire import body
from keystone_viaduct.sync.wire.page import page_to_json
from tests.golden.conftest import Golden

SECRET = b"the secret of a fleet"
EAST = Dot("east#1a", 7)
VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "one": 1,
    "float one": 1.0,
    "minus zero": -0.0,
    "small": 5e-324,
    "large": 1.7976931348623157e308,
    "third": 1 / 3,
    "million": 1e6,
    "far": 1e22,
    "big": 2**70,
    "huge": -(10**400),
    "empty": "",
    "text": 'a "quoted" \\ text / with\ttabs\r\n',
    "nul": "\0\x01\x1f\x7f",
    "words": "größer, 名前, 🐧, \u2028",
    "list": [],
    "object": {},
    "nested": {"b": [1, 2.5, None, {"z": "ü", "a": ""}], "a": {"": {"": []}}, "A": True, "é": "e"},
    "deep": json.loads("[" * 150 + "1" + "]" * 150),
    "looks like NaN": ["NaN", "Infinity", "-Infinity"],
    "looks like ours": {"raw": "NaN", "@raw": ["x"], "$json": None},
}
DOCUMENT: dict[str, Any] = {
    "id": "5a",
    "domain_id": "default",
    "enabled": True,
    "passwords": [{"password_hash": "$2b$ü", "created_at_int": 2**53 + 1, "self_service": False}],
    "option.1000": [1, {"a": None}],
    **{f"extra.{name}": value for name, value in VALUES.items()},
    "extra.": "an empty name",
    "extra.@deleted": 1,
    "extra.extra.x": 2,
    "extra.a.b.": 3,
    "extra.größe 🐧\0": 4,
    'extra."quoted"': 5,
    "from.the.future": {"a": [1]},
}


def states() -> dict[str, FieldState]:
    """As numbered by one edit."""
    found = {
        name: FieldState(9, EAST, field_digest(SECRET, "user", name, value))
        for name, value in DOCUMENT.items()
    }
    found[DELETED] = life(9, EAST, deleted=False)
    return found


def change() -> Change:
    """The document as it travels."""
    version = Version({"east#1a": 7, "west#2b": 3})
    return Change(Ref("user", "5a"), 7, version, EAST, states(), DOCUMENT, "default")


def page() -> Page:
    """A page with that change and what it lost."""
    lost = Conflict(
        "c1", Ref("user", "5a"), "concurrent", "hub", "wörds", ("extra.x",), "west", 4, DOCUMENT, seq=7
    )
    return Page(
        "east",
        1,
        Checkpoint("1a", 6, "n"),
        Checkpoint("1a", 7, "m"),
        True,
        Version({"east#1a": 7}),
        (change(),),
        {"user": frozenset({"id", "extra.*"})},
        Fence(Checkpoint("2b", 3, "o")),
        conflicts=(lost,),
    )


def open_seal(value: Any, context: str) -> str:
    """What is put under the seal, not closed."""
    sealer = PageSealer(KeyRing.generate().public_key)
    closed: list[bytes] = []

    class Box:
        def encrypt(self, plain: bytes, context: bytes) -> bytes:
            closed.append(plain + b" @ " + context)
            return b""

    sealer._box = Box()  # type: ignore[assignment]
    sealer.seal(value, context)
    return closed[0].decode()


def test_digests_and_bytes_are_those_of_the_first_release(golden: Golden) -> None:
    ref, fields = Ref("user", "5a"), states()
    found = {
        "canonical": {name: canonical(value).decode("ascii") for name, value in VALUES.items()},
        "digests": {name: state.digest for name, state in fields.items()},
        "surrogates": field_digest(SECRET, "user", "extra.x", ["\ud800", {"\udc00": "a\udfff"}]),
        "surrogate name": field_digest(SECRET, "user", "extra.\ud800", 1),
        "fold": fold(fields),
        "bucket": bucket_of(ref),
        "fingerprint": fingerprint(ref, change().version, fold(fields)),
        "page": body.dumps(page_to_json(page(), "header", open_seal)).decode(),
        "fields at rest": pack_fields(fields),
        "change at rest": zlib.decompress(pack_change(change())).decode(),
        "document at rest": zlib.decompress(pack_document(DOCUMENT)).decode(),
        "surrogates at rest": zlib.decompress(pack_document({"extra.x": "\ud800"})).decode(),
        "surrogates sealed": open_seal(["\ud800"], "user/5a/extra.x"),
    }
    golden("values.json", json.dumps(found, indent=1, sort_keys=True) + "\n")
