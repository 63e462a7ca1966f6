"""What people with the role may do besides conflicts: another try, held deletions, a rotation of keys, and
the roads of a demo.
"""

from __future__ import annotations

from starlette.responses import Response

from keystone_viaduct.dashboard.roads import LONGEST
from keystone_viaduct.dashboard.view.words import count
from keystone_viaduct.dashboard.web.visit import Visit
from keystone_viaduct.errors import BadRequest, NotThere, Refused

RETRY, CONFIRM, DISCARD, ROTATE = "retry", "confirm", "discard", "rotate"


def ask(visit: Visit) -> Response:
    """What it will do, with a button that does it."""
    action, subject = _wanted(visit, visit.query("action"), visit.query("subject"))
    verb, summary, effects = _told(visit, action, subject)
    return visit.page("act.html", action=action, subject=subject, verb=verb, summary=summary, effects=effects)


def act(visit: Visit) -> Response:
    """Do it."""
    _, person = visit.logged_in()
    action, subject = _wanted(visit, visit.form.get("action", ""), visit.form.get("subject", ""))
    people = visit.services.people
    if action == ROTATE:
        with people.hub(person) as hub:
            hub.keys.rotate_keys(subject)
        said = f"The keys of {subject} are rotated as soon as every site is ready."
    else:
        with people.site(subject, person) as site:
            number = site.retry() if action == RETRY else site.decide_held(None, confirm=action == CONFIRM)
        said = f"{count(number, 'record')} at {subject}: {_DONE[action]}."
    visit.services.forget()
    visit.services.asking.refresh(subject, visit.moment.fleet.hub)
    return visit.page("done.html", message=said, back="/progress" if action == ROTATE else "/waiting")


_DONE = {RETRY: "to be tried again", CONFIRM: "deleted everywhere", DISCARD: "left as they are"}


def _wanted(visit: Visit, action: str, subject: str) -> tuple[str, str]:
    """Raises LoginRefused, Refused, NotThere."""
    _, person = visit.logged_in()
    if not person.may_act:
        raise Refused("your account may not do that", hint="it takes the role admin on the system")
    known = (
        [one.repository for one in visit.moment.fleet.keys] if action == ROTATE else visit.moment.fleet.sites
    )
    if action not in (RETRY, CONFIRM, DISCARD, ROTATE) or subject not in known:
        raise NotThere("there is nothing of that name", hint="use the buttons of the pages")
    return action, subject


def _told(visit: Visit, action: str, subject: str) -> tuple[str, str, list[str]]:
    if action == ROTATE:
        sites = next(one.sites for one in visit.moment.fleet.keys if one.repository == subject)
        effects = [
            f"A new key goes to {count(len(sites), 'site')} first; none uses it yet.",
            "When every site has it, tokens are made with it.",
            "Tokens that exist stay valid: the keys before are kept as long as one may live.",
            "A site that is away holds the rotation up until it answers.",
        ]
        return "Rotate", f"The fleet's Fernet keys of {subject} are rotated.", effects
    waiting = visit.moment.fleet.sites[subject].waiting
    if action == RETRY:
        stuck = waiting.get("carried", 0) + waiting.get("quarantined", 0)
        return (
            "Try again",
            f"{count(stuck, 'record')} that {subject} carries or has put aside are tried again.",
            ["What fails again waits as before, with its reason."],
        )
    held = count(waiting.get("held", 0), "deletion")
    if action == CONFIRM:
        effects = ["These records are deleted at every site.", "This can't be taken back."]
        return "Delete", f"{held} that the sweep of {subject} has found are confirmed.", effects
    effects = [f"The records come back into the tables of {subject} from the others."]
    return "Discard", f"{held} that the sweep of {subject} has found are given up.", effects


def road(visit: Visit) -> Response:
    """Cut, heal or slow a road of the demo."""
    _, person = visit.logged_in()
    roads = visit.services.roads
    if roads is None:
        raise NotThere("these roads are real", hint="only a demo's can be cut here")
    if not person.may_act:
        raise Refused("your account may not do that", hint="it takes the role admin on the system")
    site, action = visit.part("name"), visit.form.get("action", "")
    if site not in {found.site for found in roads.all()}:
        raise NotThere(f"there is no road to {site}", hint="use the buttons of the page")
    if action in ("cut", "heal"):
        roads.change(site, cut=action == "cut")
    else:
        roads.change(site, rtt_ms=_milliseconds(visit.form.get("rtt_ms", "")))
    visit.services.asking.refresh(site)
    return visit.to()


def _milliseconds(text: str) -> float:
    if not (text.isascii() and text.isdigit()) or not 0 <= float(text) <= LONGEST:
        raise BadRequest("this is no round trip", hint=f"give whole milliseconds, from 0 to {LONGEST:g}")
    return float(text)
