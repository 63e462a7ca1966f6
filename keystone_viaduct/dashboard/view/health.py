"""How a site is, in one word; how the fleet is, in one sentence."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.dashboard.state import Fleet, Link, Site
from keystone_viaduct.dashboard.view.words import ago, count, listed, span

#: From the worst on; also the order in which sites are shown.
BAD, WARN, BUSY, IDLE, GOOD = "bad", "warn", "busy", "idle", "good"
TONES = (BAD, WARN, BUSY, IDLE, GOOD)
#: States of waiting records that end only when somebody does something.
FOR_A_PERSON = ("quarantined", "held", "carried")
UNREACHABLE = "site.unavailable"
#: Seconds without news from a site of which nothing else is wrong, after which it is not called well.
SILENT = 120.0


class Health(NamedTuple):
    """``tone`` is one of :data:`TONES`; ``why`` says more in a sentence."""

    word: str
    tone: str
    why: str = ""


def health_of(fleet: Fleet, site: Site) -> Health:
    """Of one site."""
    links = fleet.links_of(site.name)
    return _of_hub(fleet, site) if site.name == fleet.hub else _of_spoke(fleet, site, links)


def _of_hub(fleet: Fleet, site: Site) -> Health:
    if site.error:
        return Health("away", BAD, f"Last heard {ago(site.seen_at, fleet.now)}. {_sentence(site.error)}")
    if not site.seen_at:
        return Health("not seen", IDLE, "This agent has not heard from it yet.")
    return _waiting(site) or _silence(fleet, site) or Health("hub", GOOD, "It decides conflicts.")


def _of_spoke(fleet: Fleet, site: Site, links: tuple[Link, ...]) -> Health:
    failing = [link for link in links if link.error]
    if failing:
        return _failing(fleet, site, failing)
    if not site.seen_at:
        return Health("not seen", IDLE, "This agent has not heard from it yet.")
    loading = [link for link in links if link.loading]
    if loading:
        return Health("loading", BUSY, f"First load: {loaded(loading)} percent.")
    behind = sum(link.behind for link in links)
    if found := _waiting(site) or _silence(fleet, site):
        return found
    if behind:
        return Health("catching up", BUSY, f"{count(behind, 'edit')} on the way.")
    pending = sum(link.pending for link in links)
    if pending:
        return Health("waiting", BUSY, f"{count(pending, 'change')} wait for something that they need.")
    return Health("in step", GOOD, "Nothing is on the way.")


def _failing(fleet: Fleet, site: Site, failing: list[Link]) -> Health:
    first = failing[0]
    last = max((link.succeeded_at for link in failing), default=0.0)
    if any(link.code == UNREACHABLE for link in failing):
        since = f"for {span(fleet.now - last)}" if last else "since this agent started"
        return Health(
            "cut off",
            BAD,
            f"No answer {since}. Changes are kept at both ends. {_sentence(first.error)}",
        )
    return Health("stopped", BAD, f"{first.name}: {_sentence(first.error)}")


def _sentence(text: str) -> str:
    return f"{text.rstrip('. ')}." if text else ""


def _waiting(site: Site) -> Health | None:
    stuck = {state: site.waiting[state] for state in FOR_A_PERSON if site.waiting.get(state)}
    if not stuck:
        return None
    told = ", ".join(f"{number:,} {state}" for state, number in stuck.items())
    return Health("needs a look", WARN, f"Records that wait for a person: {told}.")


def waiting_for_a_person(fleet: Fleet) -> int:
    """How many records do, at all sites."""
    return sum(site.waiting.get(state, 0) for site in fleet.sites.values() for state in FOR_A_PERSON)


def _silence(fleet: Fleet, site: Site) -> Health | None:
    if fleet.now - site.seen_at <= SILENT:
        return None
    return Health("silent", WARN, f"Last heard {ago(site.seen_at, fleet.now)}.")


def loaded(links: list[Link]) -> int:
    """How much of a first load is there, in percent."""
    total = sum(max(link.head, link.position) for link in links)
    return 100 * sum(link.position for link in links) // total if total else 0


#: Sites of one state that are named in the headline.
NAMED = 4
_SAID = (
    ("cut off", "is cut off", "are cut off"),
    ("stopped", "is stopped", "are stopped"),
    ("needs a look", "needs a look", "need a look"),
    ("silent", "is silent", "are silent"),
    ("loading", "is being filled", "are being filled"),
    ("catching up", "is catching up", "are catching up"),
    ("waiting", "waits for records", "wait for records"),
    ("not seen", "is not heard from yet", "are not heard from yet"),
)


class Said(NamedTuple):
    """One thing of the headline, with the page that has more of it: of a site, a state, or conflicts."""

    text: str
    site: str = ""
    state: str = ""
    conflicts: bool = False


@dataclass(frozen=True, slots=True)
class Headline:
    """``said`` is the state of the fleet, the worst first; ``notes`` what else one should know."""

    tone: str
    said: tuple[Said, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """All that is said."""
        return " ".join(f"{one.text}." for one in self.said)


def headline(fleet: Fleet, healths: dict[str, Health]) -> Headline:
    """For the top of each page."""
    words: dict[str, list[str]] = defaultdict(list)
    for name, health in healths.items():
        words[health.word].append(name)
    total, tones = len(healths), {health.tone for health in healths.values()}
    open_ = sum(conflict.open for conflict in fleet.conflicts)
    said = _said(fleet, words, total, open_)
    notes = _notes(fleet, words["cut off"])
    tone = next((tone for tone in TONES if tone in tones), IDLE)
    if tone in (GOOD, IDLE, BUSY) and (open_ or notes):
        tone = WARN
    return Headline(tone, tuple(said), tuple(notes))


def _said(fleet: Fleet, words: dict[str, list[str]], total: int, open_: int) -> list[Said]:
    parts = [Said(f"The hub {fleet.hub} does not answer", site=fleet.hub)] if words["away"] else []
    for word, one, several in _SAID:
        if names := words[word]:
            number = len(names)
            text = f"{count(number, 'site')} {one if number == 1 else several}"
            text = f"{text}: {listed(names, 2)}" if number <= NAMED else text
            parts.append(Said(text, site=names[0]) if number == 1 else Said(text, state=word))
    if open_:
        waits = "waits" if open_ == 1 else "wait"
        parts.append(Said(f"{count(open_, 'conflict')} {waits} for a decision", conflicts=True))
    if not parts:
        return [Said(f"All {total:,} sites are in step")]
    well = len(words["in step"]) + len(words["hub"])
    if well == total:
        parts.append(Said(f"All {total:,} sites are in step"))
    elif well:
        parts.append(Said(f"{well:,} of {total:,} sites are well"))
    return parts


def _notes(fleet: Fleet, cut: list[str]) -> list[str]:
    """That a site which is cut off gets no keys needs no word of its own."""
    notes = [fleet.warning] if fleet.warning else []
    unkeyed = [part for part in fleet.keys_error.split("; ") if part and part.partition(":")[0] not in cut]
    if unkeyed:
        notes.append(f"Keys: {'; '.join(unkeyed)}")
    unlike = sorted(s.name for s in fleet.sites.values() if s.hub and s.hub != fleet.hub and not s.error)
    if unlike:
        notes.append(f"{listed(unlike)} take another site than {fleet.hub} for the hub.")
    return notes
