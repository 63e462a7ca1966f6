"""What the sender's release has no column for says nothing about it (PROTOCOL rule 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keystone_viaduct.sync.model import ABSENT, DELETED, Change, Document, Page, Record, Ref
from keystone_viaduct.sync.site.content import is_known


def completed(
    change: Change, page: Page, local: Record | None, contents: Mapping[Ref, Document]
) -> tuple[Change, bool]:
    """The change with this site's own values of the fields that the sender's release can't store.

    A field that the release lists and the document lacks is at its column's default; one whose last edit the
    sender has seen, and does not carry any more, is gone. The second value says
    that the result is not what the version stands for at the sender, so it needs an edit of its own.
    """
    if change.deleted:
        return change, False
    known = page.capabilities.get(change.ref.kind)
    lost = [
        name
        for name, state in change.fields.items()
        if name != DELETED and state.digest != ABSENT and name not in change.document
    ]
    ours = {} if local is None or local.deleted or local.evicted else local.fields
    unsaid = [
        name
        for name, state in ours.items()
        if known is not None
        and name not in change.fields
        and name != DELETED
        and not is_known(known, name)
        and not change.version.includes(state.dot)
    ]
    if not lost and not unsaid:
        return change, False
    return _with_ours(change, local, contents.get(change.ref, {}), lost, unsaid)


def _with_ours(
    change: Change, local: Record | None, content: Document, lost: list[str], unsaid: list[str]
) -> tuple[Change, bool]:
    fields, document, doubtful = dict(change.fields), dict(change.document), bool(unsaid)
    for name in (*lost, *unsaid):
        mine = local.fields.get(name) if local is not None else None
        told = fields.get(name)
        doubtful = doubtful or mine is None or told is None or mine.digest != told.digest
        if mine is None or local is None or local.deleted or local.evicted:
            fields.pop(name, None)
            continue
        if told is None or mine.digest != told.digest:
            fields[name] = mine
        if name in content:
            document[name] = content[name]
    return replace(change, fields=fields, document=document), doubtful
