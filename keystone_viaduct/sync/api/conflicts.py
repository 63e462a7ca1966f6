"""What an operator makes of a conflict: an ordinary edit of the hub, or none."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, cast

from keystone_viaduct.errors import BadRequest, Refused
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Rename
from keystone_viaduct.sync.api.recording import Recording
from keystone_viaduct.sync.api.records import Found, check_fields, check_neighbours, living, write
from keystone_viaduct.sync.api.service import Service, at_hub, joined, no_conflict, whole_id
from keystone_viaduct.sync.api.trial import tried
from keystone_viaduct.sync.api.withdrawal import check_goes, withdrawn
from keystone_viaduct.sync.model import DELETED, JUDGED, Conflict, Document, Ref
from keystone_viaduct.sync.ports import Claim, Transaction, Write
from keystone_viaduct.sync.site.decisions import close
from keystone_viaduct.sync.site.sequencer import sequence_records
from keystone_viaduct.sync.store import SqlTransaction

KEEP, RESTORE, WITHDRAW = "keep", "restore", "withdraw"
ACTIONS = (KEEP, RESTORE, WITHDRAW)
#: What was withdrawn is told as restored: a site of an earlier version knows no third word.
KEPT, RESTORED = "kept", "restored"
#: Conflicts that are closed in one transaction.
BATCH = 500
TAKEN = "restore it under another name: `viaduct conflicts resolve ID --restore --as NAME`"
OTHERWISE = "change or delete that one first, and restore then"


class Resolved(NamedTuple):
    """A conflict after its resolution, and what that has written to Keystone's tables."""

    conflict: Conflict
    writes: tuple[Write, ...]


class ConflictsService:
    """Closes conflicts, in one transaction with what that changes."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def resolve(
        self, identifier: str, action: str = KEEP, name: str = "", *, dry_run: bool = False
    ) -> Resolved:
        """Keep what was decided, bring back what was lost, if need be under another name, or withdraw what
        was judged again; the conflict afterwards. ``dry_run``: only say what that would be.

        Raises NotThere, BadRequest (its kind has no name to change), Refused: not the hub, resolved already,
        or what was lost can't come back now, or what was made can't be taken back.
        """

        def work(tx: SqlTransaction) -> tuple[Conflict, Recording]:
            state = joined(tx.state())
            if not state.is_hub:
                raise Refused(
                    f"{state.site} is not the hub", hint=f"resolve it at {state.hub}", hub=state.hub
                )
            found = tx.conflict(whole_id(tx, identifier))
            if found is None:
                raise no_conflict(identifier)
            if found.resolution:
                raise Refused(
                    f"conflict {found.id} is {found.resolution} already", hint="nothing is left to do"
                )
            recording = Recording(tx)
            _check_action(found, action)
            if action == RESTORE:
                self._restore(tx, recording, found, name)
            elif action == WITHDRAW:
                self._withdraw(tx, recording, found)
            resolution = KEPT if action == KEEP else RESTORED
            close(cast(Transaction, tx), [found.id], resolution, self._service.clock.now())
            return replace(found, open=False, resolution=resolution), recording

        if dry_run:
            conflict, recording = tried(self._service.store, work)
            return Resolved(conflict, tuple(recording.writes))
        conflict, recording = self._service.run(work)
        self._service.around.written(recording.writes, "")
        return Resolved(conflict, tuple(recording.writes))

    def keep_refused(self, site: str) -> int:
        """Leave as decided all that was refused to a site and that nobody has looked at; how many. A batch
        is a transaction. Raises Refused at a spoke.
        """

        def work(tx: SqlTransaction) -> int:
            at_hub(tx)
            found = tx.refused_ids(site, BATCH)
            close(cast(Transaction, tx), found, KEPT, self._service.clock.now())
            return len(found)

        closed = 0
        while number := self._service.run(work):
            closed += number
        return closed

    def _restore(self, tx: SqlTransaction, recording: Recording, conflict: Conflict, name: str) -> None:
        ref, now = conflict.ref, self._service.clock.now()
        tx.lock_documents([ref])
        before = living(tx, tx.state(), ref, now)
        content = restored(conflict, before, tx.defaults(ref.kind))
        if name:
            content = renamed(ref, content, name)
        REGISTRY[ref.kind].check(content)
        check_fields(tx, ref, content)
        check_neighbours(cast(Transaction, tx), ref, content, _taken)
        write(recording, ref, before, content, now)
        sequence_records(cast(Transaction, tx), tx.state(), [ref], now)

    def _withdraw(self, tx: SqlTransaction, recording: Recording, conflict: Conflict) -> None:
        """What is gone meanwhile needs no more."""
        ref, now = conflict.ref, self._service.clock.now()
        tx.lock_documents([ref])
        before = living(tx, tx.state(), ref, now)
        if before is None:
            return
        content = withdrawn(conflict, before.content)
        if content is None:
            check_goes(tx, ref)
        else:
            REGISTRY[ref.kind].check(content)
        write(recording, ref, before, content, now)
        sequence_records(cast(Transaction, tx), tx.state(), [ref], now)


def _check_action(conflict: Conflict, action: str) -> None:
    """Raise Refused: nothing was lost where something was judged again, and only that is withdrawn."""
    if action == RESTORE and conflict.sort == JUDGED:
        raise Refused(
            f"nothing of {conflict.ref} was lost: {conflict.site} has made it",
            hint="`viaduct conflicts resolve ID --withdraw` takes that back, `--keep` leaves it",
        )
    if action == WITHDRAW and conflict.sort != JUDGED:
        raise Refused(
            f"conflict {conflict.id} is about what was lost",
            hint="`viaduct conflicts resolve ID --restore` brings that back, `--keep` leaves it",
        )


def _taken(claim: Claim) -> str:
    """What to do about it: another name helps where that is what another record has."""
    kind = REGISTRY[claim.kind]
    fields = next(natural.fields for natural in kind.natural if natural.name == claim.constraint)
    return TAKEN if isinstance(kind.rename, Rename) and kind.rename.field in fields else OTHERWISE


def renamed(ref: Ref, content: Document, name: str) -> Document:
    """The content under another name. Raises BadRequest where it has none to change."""
    rename = REGISTRY[ref.kind].rename
    if not isinstance(rename, Rename) or content.get(rename.field) is None:
        named = sorted(kind.name for kind in REGISTRY.values() if isinstance(kind.rename, Rename))
        raise BadRequest(
            f"{ref} has no name that could be another",
            hint=f"restore it without one; these have names: {', '.join(named)}",
            where="name",
        )
    return {**content, rename.field: name}


def restored(conflict: Conflict, before: Found | None, defaults: Document) -> Document:
    """The content with what was lost in it; ``defaults``: those of its kind's columns.

    Raises Refused where that is no content of its own.
    """
    lost, fields = conflict.lost, [name for name in conflict.fields if name != DELETED]
    if not lost and not fields:
        raise Refused(
            f"nothing of {conflict.ref} is kept that could be restored",
            hint="what lost was a deletion, or its retention is over: change it by Keystone's own API",
        )
    if before is not None:
        content = dict(before.content)
        for name in fields:
            if name in lost and lost[name] is not None:
                content[name] = lost[name]
            else:
                content.pop(name, None)
        return content
    kind = REGISTRY[conflict.ref.kind]
    full = {**defaults, **lost}
    # What stands behind a dot is a part of a record that not every one has: ``Kind.check`` looks at that.
    missing = [n for n, field in kind.declared.items() if field.required and "." not in n and n not in full]
    if missing:
        raise Refused(
            f"{conflict.ref} was deleted since, and only some of its fields are kept",
            hint="look for the conflict that lists its deletion, and restore that first",
            missing=missing[0],
        )
    return dict(lost)
