"""A page on its way through the agent: its frame is read, its changes are carried as they are.

The agent has no key to open secrets with and nothing to say about changes; parsing them and writing them
again would only cost time. Both ends check them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from keystone_viaduct.sync.model import Change, Conflict, Dot, Page, Ref, Version
from keystone_viaduct.sync.wire import body, checks, limits, values
from keystone_viaduct.sync.wire.charter import checked_charter, checked_coverage
from keystone_viaduct.sync.wire.parts import name_of
from keystone_viaduct.sync.wire.statement import statement_or_none

_NOBODY = Dot("", 0)
_NOTHING = Version()
_ALONE = threading.Lock()
_SOME = Conflict("", Ref("", ""), "", "", "", (), "", 0, {})


@dataclass(frozen=True, slots=True)
class CarriedPage(Page):
    """``data`` is the page's body as received, in ``encoding``; ``changes`` only name the records, and
    ``conflicts`` only say whether there are any.
    """

    data: bytes = b""
    encoding: str | None = None


def carry(data: bytes, encoding: str | None, most: int = limits.BODY_OPEN) -> CarriedPage:
    """Read the frame of a page of at most ``most`` bytes when opened. Raises BadRequest, TooLarge.

    One at a time: whoever makes several sites send as much as a page may have gets the memory of one.
    """
    with _ALONE:
        return _read(data, encoding, most)


def _read(data: bytes, encoding: str | None, most: int) -> CarriedPage:
    page = checks.mapping(body.loads(body.decompress(data, encoding, most)), "page")
    changes = checks.sequence(checks.member(page, "changes", ""), "changes", limits.PAGE_CHANGES)
    return CarriedPage(
        source=checks.site_name(checks.member(page, "source", ""), "source"),
        term=checks.integer(checks.member(page, "term", ""), "term"),
        after=values.checkpoint_from_json(checks.member(page, "after", ""), "after"),
        upto=values.position_from_json(checks.member(page, "upto", ""), "upto"),
        at_head=checks.flag(checks.member(page, "at_head", ""), "at_head"),
        knowledge=values.version_from_json(checks.member(page, "knowledge", ""), "knowledge"),
        changes=tuple(_address(change, f"changes[{number}]") for number, change in enumerate(changes)),
        fence=values.fence_from_json(page.get("fence"), "fence"),
        cuts=values.version_from_json(page.get("cuts", {}), "cuts").entries,
        charter=checked_charter(page["charter"], "charter") if page.get("charter") is not None else None,
        coverage=checked_coverage(page.get("coverage", {}), "coverage"),
        exceptions=values.exceptions_from_json(page),
        hub=checks.site_name(page["hub"], "hub") if page.get("hub") else "",
        conflicts=(_SOME,) if page.get("conflicts") else (),
        statement=statement_or_none(page.get("statement"), "statement"),
        part=name_of(page["part"]) if page.get("part") is not None else None,
        data=data,
        encoding=encoding,
    )


def _address(value: Any, where: str) -> Change:
    change = checks.mapping(value, where)
    kind, key = checks.tuple_of(checks.member(change, "ref", where), f"{where}.ref", 2)
    seq = checks.integer(checks.member(change, "seq", where), f"{where}.seq")
    return Change(Ref(str(kind), str(key)), seq, _NOTHING, _NOBODY, {}, {})
