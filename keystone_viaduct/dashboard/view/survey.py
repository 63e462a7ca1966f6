"""Where a record is, and whether it is the same everywhere; who changed what of it, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from keystone_viaduct.dashboard.view.words import listed, shown

SAME, DIFFERS, ABSENT, GONE, SILENT = "same", "differs", "absent", "deleted", "no answer"
MICROSECONDS = 1_000_000
#: Fields that a record may be called by.
NAMES = ("name", "local.name")


class Answer(NamedTuple):
    """What a site says of a record: the API's record, None where it has none, or why it does not say."""

    site: str
    record: Mapping[str, Any] | None = None
    error: str = ""


class Difference(NamedTuple):
    """A field that is not the same at two sites."""

    name: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Version:
    """Sites that say the same of the record. ``verdict`` compares them with the first, the hub's."""

    verdict: str
    sites: tuple[str, ...]
    values: tuple[tuple[str, str], ...] = ()
    differences: tuple[Difference, ...] = ()


class Event(NamedTuple):
    """Something in the life of a record. ``at`` in seconds since the epoch, by the clock of the site that did
    it.
    """

    at: float
    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All of it. ``asked`` of ``total`` sites have answered, or failed to."""

    kind: str
    key: str
    name: str
    versions: tuple[Version, ...]
    silent: tuple[tuple[str, str], ...]
    asked: int
    total: int
    events: tuple[Event, ...] = ()
    verdict: str = ""
    tone: str = "idle"

    @property
    def is_done(self) -> bool:
        """Whether every site was asked."""
        return self.asked >= self.total


def surveyed(kind: str, key: str, hub: str, answers: Sequence[Answer], total: int) -> Survey:
    """``answers`` of the sites that were asked so far."""
    contents: dict[tuple[tuple[str, str], ...] | str, list[str]] = {}
    silent: list[tuple[str, str]] = []
    name, records = "", []
    for answer in sorted(answers, key=lambda one: (one.site != hub, one.site)):
        if answer.error:
            silent.append((answer.site, answer.error))
            continue
        content = _content(answer.record)
        contents.setdefault(content, []).append(answer.site)
        if answer.record is not None:
            records.append((answer.site, answer.record))
            name = name or name_of(answer.record.get("document"))
    versions = _versions(contents)
    found = Survey(kind, key, name, versions, tuple(silent), len(answers), total, _events(records))
    return _judged(found)


def name_of(document: Any) -> str:
    """What a record is called; '' for one that has no name."""
    found = (document.get(field) for field in NAMES) if isinstance(document, Mapping) else ()
    return next((text for text in found if isinstance(text, str)), "")


def _content(record: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...] | str:
    """What a site says, so that it can be compared. Secrets are never shown: their names alone count."""
    if record is None:
        return ABSENT
    if record.get("deleted"):
        return GONE
    document = {str(name): shown(value) for name, value in (record.get("document") or {}).items()}
    document |= {str(name): shown(str(text)) for name, text in (record.get("raw") or {}).items()}
    document |= {str(name): "(kept, never shown)" for name in record.get("secret") or ()}
    return tuple(sorted(document.items()))


def _versions(contents: Mapping[tuple[tuple[str, str], ...] | str, list[str]]) -> tuple[Version, ...]:
    """The first content (the hub's, where it answered) is what the others are compared with."""
    first: tuple[tuple[str, str], ...] | str | None = None
    versions: list[Version] = []
    for content, sites in contents.items():
        first = content if first is None else first
        if isinstance(content, str):
            versions.append(Version(content, tuple(sites)))
        elif content == first or isinstance(first, str):
            versions.append(Version(SAME, tuple(sites), content))
        else:
            versions.append(Version(DIFFERS, tuple(sites), content, _differences(dict(first), dict(content))))
    return tuple(versions)


def _differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[Difference, ...]:
    names = dict.fromkeys([*ours, *theirs])
    absent = "(not there)"
    pairs = ((name, ours.get(name, absent), theirs.get(name, absent)) for name in names)
    return tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])


def _judged(found: Survey) -> Survey:
    here = [version for version in found.versions if version.verdict in (SAME, DIFFERS)]
    where = sum(len(version.sites) for version in here)
    asked = sum(len(version.sites) for version in found.versions)
    if not found.versions:
        return replace(found, verdict="No site has answered yet.", tone="idle")
    if not here:
        return replace(found, verdict=f"It is at none of the {asked:,} sites that answered.", tone="idle")
    if len(here) == 1 and where == asked:
        sites = f"all {asked:,} sites" if asked > 1 else "one site"
        return replace(
            found, verdict=f"It is at {sites} that answered, and the same everywhere.", tone="good"
        )
    told = f"all {asked:,}" if where == asked else f"{where:,} of {asked:,}"
    text = f"It is at {told} sites that answered"
    if len(here) > 1:
        unlike = [site for version in here[1:] for site in version.sites]
        text += f", but {listed(unlike)} {'has' if len(unlike) == 1 else 'have'} something else"
    return replace(found, verdict=f"{text}.", tone="warn")


def _events(records: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[Event, ...]:
    """When its fields were last written, as the sites tell; what two sites tell alike is told once."""
    found: dict[tuple[float, str], set[str]] = {}
    for site, record in records:
        stamps = record.get("stamps")
        written: dict[float, list[str]] = {}
        for name, stamp in stamps.items() if isinstance(stamps, Mapping) else ():
            if isinstance(stamp, int) and stamp > 0:
                written.setdefault(stamp / MICROSECONDS, []).append(str(name))
        for at, names in written.items():
            found.setdefault((at, _wrote(names, bool(record.get("deleted")))), set()).add(site)
    events = [Event(at, what, listed(sorted(sites))) for (at, what), sites in found.items()]
    return tuple(sorted(events, reverse=True))


def _wrote(names: list[str], deleted: bool) -> str:
    fields = sorted(name for name in names if not name.startswith("@"))
    if "@deleted" in names:
        whole = "deleted" if deleted else "made"
        return f"{whole}: {listed(fields, 6)}" if fields else whole
    return f"changed {listed(fields, 6)}"
