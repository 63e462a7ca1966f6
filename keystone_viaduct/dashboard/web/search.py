"""Where is this record, and is it the same everywhere?"""

from __future__ import annotations

from starlette.responses import Response

from keystone_viaduct.dashboard.keystone import LISTS
from keystone_viaduct.dashboard.view.survey import surveyed
from keystone_viaduct.dashboard.web.visit import Visit
from keystone_viaduct.errors import KindError
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Ref

#: Seconds for which a page waits for all answers before it shows those that there are.
PATIENCE = 2.0


def search(visit: Visit) -> Response:
    """Records of a name, or of an id; one that is alone is looked for at once."""
    kind, text = visit.query("kind", "user"), visit.query("q").strip()
    kinds = [*LISTS, *sorted(name for name in REGISTRY if name not in LISTS)]
    if kind not in REGISTRY:
        kind = "user"
    if not text:
        return visit.page("search.html", kind=kind, text="", kinds=kinds, choices=[], survey=None, note="")
    session, person = visit.logged_in()
    choices = [] if visit.query("by") == "key" else visit.services.people.named(person, kind, text)
    if len(choices) > 1:
        return visit.page(
            "search.html", kind=kind, text=text, kinds=kinds, choices=choices, survey=None, note=""
        )
    key = choices[0][0] if choices else text
    try:
        REGISTRY[kind].split_key(key)
    except KindError as error:
        note = f"{error.message}. {error.hint}" if error.hint else error.message
        return visit.page(
            "search.html", kind=kind, text=text, kinds=kinds, choices=[], survey=None, note=note
        )
    asking = visit.services.surveys.of(session.id, person, Ref(kind, key), PATIENCE)
    fleet = visit.moment.fleet
    found = surveyed(kind, key, fleet.hub, tuple(asking.answers), len(visit.services.people.sites))
    decided = [row for row in fleet.conflicts if (row.kind, row.key) == (kind, key)]
    seen = [one for one in visit.services.seeing.seen() if (one.kind, one.key) == (kind, key)]
    return visit.page(
        "search.html",
        kind=kind,
        text=text,
        kinds=kinds,
        choices=[],
        survey=found,
        note="",
        conflicts=decided,
        seen=seen[:50],
    )
