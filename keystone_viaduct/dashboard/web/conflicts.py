"""Conflicts: the list, one of them field by field, and its decision after a look at what that does."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from keystone_viaduct.dashboard.access import Person
from keystone_viaduct.dashboard.state import Listed
from keystone_viaduct.dashboard.view import conflicts as view
from keystone_viaduct.dashboard.watch import listed_of
from keystone_viaduct.dashboard.web.visit import Visit
from keystone_viaduct.errors import BadRequest, NotThere
from keystone_viaduct.sync.client import HttpSite
from keystone_viaduct.sync.model import Ref

#: Conflicts on a page.
PAGE = 50
DONE = {
    view.KEEP: "The decision stays as it was.",
    view.RESTORE: "What was lost is back at the hub, and on its way to the others.",
    view.WITHDRAW: "What was made is taken back at the hub, and on its way to the others.",
}


def conflicts(visit: Visit) -> Response:
    """The list, as the hub last told it."""
    fleet = visit.moment.fleet
    which = visit.query("show") or ("open" if any(row.open for row in fleet.conflicts) else "all")
    text = visit.query("q").casefold()
    found = [
        row
        for row in fleet.conflicts
        if (which != "open" or row.open) and any(text in word.casefold() for word in _words(row))
    ]
    pages = max(1, -(-len(found) // PAGE))
    number = min(visit.number("page"), pages)
    return visit.page(
        "conflicts.html",
        rows=[(row, view.state_of(row)) for row in found[(number - 1) * PAGE : number * PAGE]],
        found=len(found),
        open=sum(row.open for row in fleet.conflicts),
        which=which,
        text=visit.query("q"),
        number=number,
        pages=pages,
    )


def _words(row: Listed) -> tuple[str, ...]:
    return row.kind, row.key, row.name, row.sort, row.site, row.explanation


def conflict(visit: Visit) -> Response:
    """One of them, with the record as it stands at the hub."""
    _, person = visit.logged_in()
    found = _explained(visit, person)
    return visit.page("conflict.html", found=found, done=DONE.get(visit.query("done"), ""))


def ask(visit: Visit) -> Response:
    """What a decision would do, with a button that does it."""
    _, person = visit.logged_in()
    return _asking(visit, _explained(visit, person), visit.query("action"), visit.query("as"))


def resolve(visit: Visit) -> Response:
    """Do it, unless the record has changed since it was looked at."""
    _, person = visit.logged_in()
    action, name = visit.form.get("action", ""), visit.form.get("as", "")
    found = _explained(visit, person)
    if found.digest != visit.form.get("digest", ""):
        return _asking(visit, found, action, name, "The record has changed since you looked at it.")
    _check(found, action)
    with visit.services.people.hub(person) as hub:
        hub.resolve(found.conflict.id, action, name if action == view.RESTORE else "")
    visit.services.forget()
    visit.services.asking.refresh(visit.moment.fleet.hub)
    return visit.to("conflicts", found.conflict.id, done=action)


def _asking(visit: Visit, found: view.Explained, action: str, name: str, note: str = "") -> Response:
    _check(found, action)
    spokes = len(visit.moment.fleet.sites) - 1
    shown = view.preview(found, action, name, spokes)
    return visit.page("confirm.html", found=found, preview=shown, name=name, note=note)


def _check(found: view.Explained, action: str) -> None:
    if action not in found.actions:
        said = f"it is {found.state} already" if not found.actions else "this can't be done about it"
        raise BadRequest(f"conflict {found.conflict.id}: {said}", hint="look at the conflict again")


def _explained(visit: Visit, person: Person) -> view.Explained:
    """Raises NotThere, and what the hub says."""
    identifier = visit.part("id")
    if not identifier.isalnum() or len(identifier) > 64:
        raise NotThere(f"there is no conflict {identifier[:64]}", hint="the list of conflicts has their ids")
    with visit.services.people.hub(person) as hub:
        detail = hub.conflict(identifier)
        listed = listed_of(detail)
        return view.explained(listed, detail, _record(hub, Ref(listed.kind, listed.key)))


def _record(hub: HttpSite, ref: Ref) -> dict[str, Any] | None:
    try:
        return hub.record(ref)
    except NotThere:
        return None
