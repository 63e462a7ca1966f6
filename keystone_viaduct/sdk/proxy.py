"""The calls of the OS-SYNC API that people and their tools make, as openstacksdk has those of services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

from openstack import exceptions, proxy

from keystone_viaduct.sdk.resources import (
    Audited,
    Capabilities,
    Conflict,
    Hub,
    KeyRepository,
    Lease,
    Record,
    Site,
    Waiting,
)

#: What is asked for where nobody names a version (``sync_default_microversion`` in clouds.yaml).
MICROVERSION = "1.2"
#: From which versions on changes can be tried; a site of an earlier one would make them.
TRIALS, TRIALS_OF_RECORDS = (1, 1), (1, 2)
BASE = "/OS-SYNC"


class Proxy(proxy.Proxy):  # type: ignore[misc]
    """One site, as a person sees it. Its calls raise openstacksdk's exceptions; :func:`hint_of` gives what
    the site advises.
    """

    api_version = "1"
    skip_discovery = True

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.default_microversion: str = self.default_microversion or MICROVERSION

    def get_capabilities(self) -> Capabilities:
        """What the site is: name, hub, term, releases."""
        found: Capabilities = self._get(Capabilities, requires_id=False)
        return found

    def get_hub(self) -> Hub:
        """Who is the hub, and whether this site could be."""
        found: Hub = self._get(Hub, requires_id=False)
        return found

    def get_lease(self) -> Lease:
        """Which agent is at work; told by the hub."""
        found: Lease = self._get(Lease, requires_id=False)
        return found

    def sites(self, limit: int | None = None, marker: str | None = None) -> Iterator[Site]:
        """The sites that this one knows, and itself, by name; after the one that is called ``marker``.

        ``limit``: at most so many.
        """
        here, hub = self.get_capabilities(), self.get_hub()
        query = {name: value for name, value in (("limit", limit), ("marker", marker)) if value}
        others = Site.list(self, paginated=False, **query)
        return islice(_with_itself(others, Site.of(here), hub.hub, marker or ""), limit)

    def get_site(self, name: str) -> Site:
        """One of them. Raises NotFoundException."""
        for site in self.sites():
            if site.name == name:
                return site
        raise exceptions.NotFoundException(f"no site {name} is registered here")

    def retire_site(self, name: str, *, force: bool = False, dry_run: bool = False) -> dict[str, Any]:
        """Have the hub forget a site that is gone for good; ``force``: although it was heard lately.
        ``dry_run``: only say what that would do. Raises NotSupported where the site can't try.
        """
        query = {"force": "true"} if force else {}
        if dry_run:
            query |= self._trial(TRIALS)
        return self._said(self.delete(f"{BASE}/peers/{quote(name, safe='')}", params=query))

    def _trial(self, since: tuple[int, int]) -> dict[str, str]:
        """What makes a change a trial. Raises NotSupported where the site would make it."""
        told = (str(one).split(".") for one in self.get_capabilities().api_versions or ())
        known = max((tuple(map(int, one)) for one in told if all(map(str.isdigit, one))), default=())
        if known < since:
            raise exceptions.NotSupported("this site's release can't try such changes: it would make them")
        return {"dry_run": "true"}

    def conflicts(self, *, is_open: bool = False, **query: Any) -> Iterator[Conflict]:
        """The latest first; ``query``: kind, key, site, sort, limit (of a page), marker."""
        found: Iterator[Conflict] = self._list(Conflict, **query, **({"is_open": "true"} if is_open else {}))
        return found

    def get_conflict(self, conflict: str | Conflict) -> Conflict:
        """With what was lost; the first characters of its id do. Raises NotFoundException."""
        found: Conflict = self._get(Conflict, conflict)
        return found

    def resolve_conflict(
        self, conflict: str | Conflict, action: str, name: str = "", *, dry_run: bool = False
    ) -> Conflict:
        """``keep`` what was decided, ``restore`` what was lost, if need be under another ``name``, or
        ``withdraw`` what was judged again; ``writes`` are what that does to records. ``dry_run``: would do.
        """
        found: Conflict = self._get_resource(Conflict, conflict)
        return found.resolve(self, action, name, dry_run=dry_run)

    def records(self, name: str, kind: str = "", **query: Any) -> Iterator[Record]:
        """Where something of that name is: kind and key of each."""
        found: Iterator[Record] = self._list(Record, name=name, **({"kind": kind} if kind else {}), **query)
        return found

    def get_record(self, kind: str, key: str) -> Record:
        """A record as it stands at this site, without its secrets. Raises NotFoundException."""
        return Record.existing(connection=self._get_connection(), **self._said(self.get(_path(kind, key))))

    def edit_record(
        self,
        record: Record,
        given: Mapping[str, Any] | None = None,
        taken: Iterable[str] = (),
        *,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Give fields of a record these values, and take others away, if it still is as ``record`` says; as
        it is then. ``dry_run``: only what that would write. Secrets stay as they are.
        """
        given, gone = dict(given or {}), {*taken, *(given or {})}
        body = {
            "document": {n: v for n, v in (record.document or {}).items() if n not in gone} | given,
            "raw": {name: text for name, text in (record.raw or {}).items() if name not in gone},
        }
        query = self._trial(TRIALS_OF_RECORDS) if dry_run else {}
        path = _path(record.kind, record.key)
        return self._said(self.put(path, json=body, params=query, headers=_if_match(record)))

    def delete_record(self, record: Record, *, dry_run: bool = False) -> dict[str, Any]:
        """Delete a record, if it still is as ``record`` says and nothing needs it. ``dry_run``: only what
        that would write.
        """
        query = self._trial(TRIALS_OF_RECORDS) if dry_run else {}
        path = _path(record.kind, record.key)
        return self._said(self.delete(path, params=query, headers=_if_match(record)))

    def waiting(self, **query: Any) -> Iterator[Waiting]:
        """What waits at this site, and why; ``query``: state, kind, source, limit (of a page), marker."""
        found: Iterator[Waiting] = self._list(Waiting, **query)
        return found

    def waiting_counts(self) -> dict[str, int]:
        """How many records wait in which state."""
        counts: dict[str, int] = self._said(self.get(f"{BASE}/waiting", params={"limit": 1}))["counts"]
        return counts

    def key_repositories(self) -> list[KeyRepository]:
        """The keys of tokens as fingerprints; at the hub also which sites lack them."""
        body = self._said(self.get(f"{BASE}/keys"))
        return [KeyRepository.of(name, told) for name, told in sorted(body["repositories"].items())]

    def get_key_repository(self, name: str) -> KeyRepository:
        """One of them. Raises NotFoundException."""
        known = {one.name: one for one in self.key_repositories()}
        if name not in known:
            raise exceptions.NotFoundException(
                f"there is no key repository {name}; there are: {', '.join(known) or 'none'}"
            )
        return known[name]

    def rotate_keys(self, name: str) -> None:
        """At the hub: have the keys rotated as soon as every site is ready."""
        self._said(self.post(f"{BASE}/keys/{quote(name, safe='')}", json={"action": "rotate"}))

    def audit(self, **query: Any) -> Iterator[Audited]:
        """Who has changed the fleet's settings at this site, the latest first; ``query``: limit, marker."""
        found: Iterator[Audited] = self._list(Audited, **query)
        return found

    def _said(self, response: Any) -> dict[str, Any]:
        exceptions.raise_from_response(response)
        body: dict[str, Any] = response.json() if response.content else {}
        return body


def _path(kind: str, key: str) -> str:
    """A key has slashes and escapes of its own: it is quoted as text first, then as a part of a URL."""
    return f"{BASE}/records/{quote(kind, safe='')}/{quote(quote(key, safe=''), safe='')}"


def _if_match(record: Record) -> dict[str, str]:
    return {"If-Match": f'"{record.digest}"'}


def hint_of(error: Exception) -> str:
    """What the site advises, of an exception that one of the calls raised; '' for nothing."""
    response = getattr(error, "response", None)
    if response is None:
        return ""
    try:
        return str(response.json()["error"]["viaduct"]["hint"])
    except (ValueError, KeyError, TypeError):
        return ""


def _with_itself(others: Iterator[Site], itself: Site, hub: str, marker: str) -> Iterator[Site]:
    """In its place among the others, unless that was on an earlier page."""
    itself.acknowledged, left = None, itself.name > marker
    for site in others:
        if left and itself.name < site.name:
            left = False
            yield itself.known(hub)
        yield site.known(hub)
    if left:
        yield itself.known(hub)
