"""The pages that only show."""

from __future__ import annotations

from starlette.responses import Response

from keystone_viaduct.dashboard.view import checks as view_checks
from keystone_viaduct.dashboard.view import drawing, progress, waiting
from keystone_viaduct.dashboard.view import fleet as view
from keystone_viaduct.dashboard.view import journeys as travel
from keystone_viaduct.dashboard.view.health import FOR_A_PERSON
from keystone_viaduct.dashboard.web.visit import Visit
from keystone_viaduct.errors import NotThere

#: Charts, and journeys, on a page.
CHARTS, JOURNEYS = 8, 100


def overview(visit: Visit) -> Response:
    """The map, and the list of sites."""
    moment = visit.moment
    text, word = visit.query("q"), visit.query("state")
    found = view.matching(moment.rows, text, word)
    drawn = drawing.drawn(moment.fleet, moment.rows)
    return visit.page(
        "overview.html",
        map=drawn,
        narrow=drawing.drawn(moment.fleet, moment.rows, narrow=True),
        groups=view.grouped(moment.rows) if drawn is None else [],
        states=view.states(moment.rows),
        listed=view.paged(found, visit.number("page"), len(moment.rows)),
        text=text,
        word=word,
        roads=visit.services.roads.all() if visit.services.roads is not None else [],
    )


def site(visit: Visit) -> Response:
    """All that is known of one site."""
    name = visit.part("name")
    moment = visit.moment
    row = next((row for row in moment.rows if row.site.name == name), None)
    if row is None:
        raise NotThere(f"there is no site {name}", hint="the list of sites names all of viaduct.yaml")
    links = moment.fleet.links_of(name)
    charts = [
        travel.chart(one, visit.services.seeing.points((one.source, one.target)), moment.fleet.now)
        for one in links
    ]
    return visit.page(
        "site.html",
        row=row,
        links=links,
        charts=charts if name != moment.fleet.hub else [],
        queue=waiting.queue(moment.fleet, name),
        for_a_person=FOR_A_PERSON,
    )


def changes(visit: Visit) -> Response:
    """The time line, and the charts of the links."""
    fleet, wanted, text = visit.moment.fleet, visit.query("site"), visit.query("q").casefold()
    names = sorted(name for name in fleet.sites if name != fleet.hub)
    shown = [wanted] if wanted in names else names
    pages = max(1, -(-len(shown) // (CHARTS // 2)))
    number = min(visit.number("page"), pages)
    some = shown[(number - 1) * CHARTS // 2 : number * CHARTS // 2]
    points = visit.services.seeing.points
    charts = [
        travel.chart(one, points((one.source, one.target)), fleet.now)
        for name in some
        for one in fleet.links_of(name)
    ]

    def keep(journey: travel.Journey) -> bool:
        sites = {journey.origin, *(stop.site for stop in journey.stops)}
        words = (journey.kind, journey.key, journey.name)
        return (not wanted or wanted in sites) and any(text in word.casefold() for word in words)

    found = travel.journeys(visit.services.seeing.seen(), keep)
    return visit.page(
        "changes.html",
        charts=charts,
        pages=pages,
        number=number,
        journeys=found[:JOURNEYS],
        more=max(0, len(found) - JOURNEYS),
        names=names,
        wanted=wanted,
        text=visit.query("q"),
    )


def waits(visit: Visit) -> Response:
    """What waits, at all sites."""
    fleet, site, state = visit.moment.fleet, visit.query("site"), visit.query("state")
    text = visit.query("q")
    return visit.page(
        "waiting.html",
        queue=waiting.queue(fleet, site, state, text),
        text=text,
        site=site,
        state=state,
        names=sorted(fleet.sites),
        states=waiting.STATES,
        for_a_person=FOR_A_PERSON,
    )


def checks(visit: Visit) -> Response:
    """What the registry of checks says."""
    return visit.page("checks.html", answers=view_checks.answered(visit.moment.fleet))


def under_way(visit: Visit) -> Response:
    """First loads, keys, upgrades of schemas, and what the Keystones have counted."""
    fleet = visit.moment.fleet
    metrics = progress.metrics(fleet)
    size, number = view.PAGE, visit.number("page")
    pages = max(1, -(-len(metrics) // size))
    number = min(number, pages)
    return visit.page(
        "progress.html",
        loads=progress.loads(fleet),
        keys=progress.keys(fleet),
        upgrades=progress.upgrades(fleet),
        metrics=metrics[(number - 1) * size : number * size],
        number=number,
        pages=pages,
    )
