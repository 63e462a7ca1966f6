"""A page on its way through the agent: its frame is read, its changes are carried as they are.

The agent has no key to open secrets with and nothing to say about changes; parsing them and writing them
again would only cost time. Both ends check them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from keystone_viaduct.sync.model import Change, Conflict, Dot, Page, Ref, Version
from keystone_viaduct.sync.wire import body, checks, limits, values
from keystone_viaduct.sync.wire.charter import checked_charter, checked_coverage
from keystone_viaduct.sync.wire.parts import name_of
from keystone_viaduct.sync.wire.statement import left_out_from_json, statement_or_none

_NOBODY = Dot("", 0)
_NOTHING = Version()
_SOME = Conflict("", Ref("", ""), "", "", "", (), "", 0, {})
#: What a record may be called by, and how much of it is kept.
_NAMES, _LONGEST = ("name", "local.name"), 100


class Edit(NamedTuple):
    """The latest edit in a change, as the page tells it: for people who watch, nothing is decided by it.

    ``origin`` and ``position`` name it, ``stamp`` says when it was made, by the clock of its site, in
    microseconds; '' and 0 where the page does not tell. ``name``: what the record is called.
    """

    ref: Ref
    origin: str = ""
    position: int = 0
    stamp: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class CarriedPage(Page):
    """``data`` is the page's body as received, in ``encoding``; ``changes`` only name the records, and
    ``conflicts`` only say whether there are any. ``edits`` has the latest edit of each change.
    """

    data: bytes = b""
    encoding: str | None = None
    edits: tuple[Edit, ...] = ()


def carry(data: bytes, encoding: str | None, most: int = limits.BODY_OPEN) -> CarriedPage:
    """Read the frame of a page of at most ``most`` bytes when opened. Raises BadRequest, TooLarge."""
    page = checks.mapping(body.loads(body.decompress(data, encoding, most)), "page")
    changes = checks.sequence(checks.member(page, "changes", ""), "changes", limits.PAGE_CHANGES)
    named = tuple(_address(change, f"changes[{number}]") for number, change in enumerate(changes))
    return CarriedPage(
        source=checks.site_name(checks.member(page, "source", ""), "source"),
        term=checks.integer(checks.member(page, "term", ""), "term"),
        after=values.checkpoint_from_json(checks.member(page, "after", ""), "after"),
        upto=values.position_from_json(checks.member(page, "upto", ""), "upto"),
        at_head=checks.flag(checks.member(page, "at_head", ""), "at_head"),
        knowledge=values.version_from_json(checks.member(page, "knowledge", ""), "knowledge"),
        changes=named,
        fence=values.fence_from_json(page.get("fence"), "fence"),
        cuts=values.version_from_json(page.get("cuts", {}), "cuts").entries,
        charter=checked_charter(page["charter"], "charter") if page.get("charter") is not None else None,
        coverage=checked_coverage(page.get("coverage", {}), "coverage"),
        exceptions=values.exceptions_from_json(page),
        hub=checks.site_name(page["hub"], "hub") if page.get("hub") else "",
        conflicts=(_SOME,) if page.get("conflicts") else (),
        statement=statement_or_none(page.get("statement"), "statement"),
        signed=left_out_from_json(page),
        part=name_of(page["part"]) if page.get("part") is not None else None,
        data=data,
        encoding=encoding,
        edits=tuple(_edit(one.ref, change) for one, change in zip(named, changes, strict=True)),
    )


def _address(value: Any, where: str) -> Change:
    change = checks.mapping(value, where)
    kind, key = checks.tuple_of(checks.member(change, "ref", where), f"{where}.ref", 2)
    seq = checks.integer(checks.member(change, "seq", where), f"{where}.seq")
    return Change(Ref(str(kind), str(key)), seq, _NOTHING, _NOBODY, {}, {})


def _edit(ref: Ref, change: Any) -> Edit:
    """Never refuses: the receiver is the one who checks fields."""
    told = change.get("fields")
    latest = max(
        filter(_is_edit, told if isinstance(told, list) else []), default=None, key=lambda one: one[0]
    )
    document = change.get("document")
    names = (document.get(name) for name in _NAMES) if isinstance(document, dict) else ()
    name = next((text[:_LONGEST] for text in names if isinstance(text, str)), "")
    if latest is None:
        return Edit(ref, name=name)
    return Edit(ref, latest[1][:_LONGEST], latest[2], latest[0], name)


def _is_edit(value: Any) -> bool:
    """Whether that is ``[stamp, origin, position, {field: digest}]``."""
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(type(number) is int for number in (value[0], value[2]))
        and isinstance(value[1], str)
    )
