"""A site over HTTP: :class:`keystone_viaduct.sync.ports.SitePort` and what the agent needs besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from keystone_viaduct.errors import Refused, SiteUnavailable
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.client.keys import HttpKeys
from keystone_viaduct.sync.client.login import Account
from keystone_viaduct.sync.client.reading import read_page
from keystone_viaduct.sync.client.told import Told
from keystone_viaduct.sync.client.transport import Transport, garbled
from keystone_viaduct.sync.model import (
    ApplyResult,
    Bucket,
    Checkpoint,
    Fence,
    Listing,
    Page,
    Peer,
    Places,
    Purged,
    Ref,
    Retired,
    Standing,
    Summary,
    SweepState,
    Waiting,
)
from keystone_viaduct.sync.statement import Lineage
from keystone_viaduct.sync.wire import checks, comparing, limits, upkeep, values
from keystone_viaduct.sync.wire.carried import CarriedPage
from keystone_viaduct.sync.wire.charter import checked_charter
from keystone_viaduct.sync.wire.joining import choices_from_json, choices_to_json
from keystone_viaduct.sync.wire.metrics import Metrics, metrics_from_json
from keystone_viaduct.sync.wire.microversion import (
    DRY_RUN,
    DRY_RUN_OF_RECORDS,
    EARLIEST,
    HEADER,
    Microversion,
)
from keystone_viaduct.sync.wire.office import (
    Office,
    Order,
    office_from_json,
    order_to_json,
)
from keystone_viaduct.sync.wire.page import result_from_json
from keystone_viaduct.sync.wire.resources import (
    Capabilities,
    capabilities_of,
    conflicts_from_json,
    peer_to_json,
    proofs_from_json,
    standing_from_json,
)
from keystone_viaduct.sync.wire.statement import known_to_text
from keystone_viaduct.sync.wire.values import bytes_from_json, key_to_json

T = TypeVar("T")
#: A change that is only tried asks for a version of the API that knows of trials.
TRIED = {HEADER: f"sync {DRY_RUN}"}
TRIED_OF_RECORDS = {HEADER: f"sync {DRY_RUN_OF_RECORDS}"}
_CHARTER = partial(checked_charter, where="charter")


class HttpSite:
    """Pages go through it as they came: sealed for their receiver and compressed. ``told`` is what the sites
    of its fleet have told.
    """

    def __init__(self, name: str, transport: Transport, told: Told | None = None) -> None:
        self._name = name
        self._transport = transport
        self._leasing = transport.apart()  # opened by the first call, and so at the hub alone
        self._told = told or Told()

    @property
    def name(self) -> str:
        """The site's name."""
        return self._name

    @property
    def url(self) -> str:
        """The base of its identity API."""
        return self._transport.url

    @property
    def verify(self) -> bool | str:
        """Whether its certificate is checked, or the file of authorities to check it with."""
        return self._transport.verify

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
        self._leasing.close()

    def account(self) -> Account | None:
        """By whom one logs in there; None if the login does not tell. Raises SiteUnavailable."""
        return self._transport.account()

    def lets_in(self, other: HttpSite) -> bool:
        """Whether this site takes what the other one is logged in with. Raises SiteUnavailable."""
        return other._transport.works_at(self._transport)

    def log_in_again(self) -> None:
        """Ask for a new token, by the credentials that there are. Raises SiteUnavailable."""
        self._transport.log_in_again()

    def read(
        self,
        reader: str,
        after: Checkpoint | None,
        limit: int,
        fence: Fence | None = None,
        parts: str | None = None,
        signed: str = "",
        register: str = "",
    ) -> Page:
        """A page of the feed for ``reader``. Raises FenceMismatch, UnknownSite, SiteUnavailable.

        What its reader has signed already is left out only if it is known here, too: it is put in again for
        who asks this page.
        """
        query = {"reader": reader, "limit": str(limit), "bytes": str(limits.PAGE_BYTES)}
        if parts is not None:
            query["parts"] = parts
        if fence is not None:
            query["fence"] = values.fence_to_text(fence)
        if after is not None:
            query["after"] = values.checkpoint_to_text(after)
        known = self._told.signed(signed) if signed else None
        if known is not None:
            query["signed"] = signed
        if register:
            query["register"] = register
        answer = self._transport.send("GET", "/changes", query=query)
        page = self._transport.understood(lambda: read_page(answer.data, answer.encoding))
        if page.source != self._name:
            raise garbled(self._name, checks.bad("source", f"is {page.source}"))
        if page.signed:
            if known is None or page.signed != signed:
                raise garbled(self._name, checks.bad("signed", "is not what was asked for"))
            return replace(page, statement=known.statement, charter=known.charter)
        if page.statement is not None:
            self._told.page(self._name, page.statement, page.charter)
        return page

    def apply(self, page: Page) -> ApplyResult:
        """Apply a page that another site gave. Raises CheckpointMismatch, Refused, SiteUnavailable."""
        if not isinstance(page, CarriedPage):
            raise TypeError("only a page that came over the wire is sealed for its receiver")
        answer = self._transport.send(
            "POST", "/changes", data=page.data, encoding=page.encoding, repeatable=True
        )
        return self._transport.understood(lambda: answer.as_form(result_from_json))

    def standing(self, source: str, fence: Fence | None = None) -> Standing:
        """How far this site has come with the feed of ``source``. Raises FenceMismatch, UnknownSite."""
        known = self._told.known()
        query = {"known": known_to_text(known)} if known else {}
        if fence is not None:
            query["fence"] = values.fence_to_text(fence)
        path = f"/checkpoints/{quote(source, safe='')}"
        form = partial(standing_from_json, find=known.get)
        found = self._transport.listed(form, "GET", path, query=query)
        self._told.lineage(self._name, found.lineage)
        return found

    def forget(self, source: str) -> None:
        """Drop the checkpoint: the whole feed of ``source`` is read again and compared."""
        self._transport.call("DELETE", f"/checkpoints/{quote(source, safe='')}")

    def summary(
        self,
        reader: str,
        within: Sequence[Bucket] | None,
        fence: Fence | None = None,
        kinds: frozenset[str] | None = None,
    ) -> Summary:
        """Tallies one digit below these buckets, or of whole kinds. Raises FenceMismatch, UnknownSite."""
        content = comparing.question_to_json(reader, within, fence, kinds)
        return self._transport.listed(comparing.summary_from_json, "POST", "/summary", content=content)

    def listing(self, reader: str, within: Sequence[Bucket]) -> Listing:
        """The records of the first of these buckets."""
        content = comparing.question_to_json(reader, within, None, None)
        return self._transport.listed(comparing.listing_from_json, "POST", "/listing", content=content)

    def show(self, reader: str, refs: Sequence[Ref]) -> Checkpoint:
        """Move these records to the end of the feed; the new head."""
        content = {"reader": reader, "records": [[*ref] for ref in refs]}
        body = self._transport.call("POST", "/shown", content=content)
        return self._transport.understood(
            lambda: values.position_from_json(checks.member(checks.mapping(body, ""), "head", ""), "head")
        )

    def resume(self, source: str, places: Places) -> None:
        """Go on with the feed of ``source`` after a comparison. Raises FenceMismatch, UnknownSite."""
        content = comparing.places_to_json(places)
        self._transport.call("PUT", f"/checkpoints/{quote(source, safe='')}", content=content)

    def purge(self, times: upkeep.Times) -> Purged:
        """Drop what is kept for a time only."""
        body = self._transport.call("POST", "/purge", content=upkeep.times_to_json(times))
        return self._transport.understood(lambda: upkeep.purged_from_json(body))

    def sweep(self, limit: int) -> SweepState:
        """Compare the next rows with their records; where the sweep is then."""
        body = self._transport.call("POST", "/sweep", content={"limit": limit})
        return self._transport.understood(lambda: upkeep.sweep_from_json(body))

    def swept(self) -> upkeep.Report:
        """How far the sweep is, and what waits for a person."""
        body = self._transport.call("GET", "/sweep")
        return self._transport.understood(lambda: upkeep.report_from_json(body))

    def waiting(self) -> tuple[dict[str, int], list[Waiting]]:
        """How many records wait there in which state, and the first of them."""
        return self._transport.listed(upkeep.waiting_from_json, "GET", "/waiting")

    def metrics(self) -> Metrics:
        """What its Keystone has counted."""
        body = self._transport.call("GET", "/metrics", headers={"Accept": "application/json"})
        return self._transport.understood(lambda: metrics_from_json(body))

    def retry(self) -> int:
        """Try again what is carried or put aside there; how many records."""
        body = self._transport.call("POST", "/waiting", content={}, most=limits.LIST_OPEN)
        return self._transport.understood(
            lambda: checks.integer(checks.member(checks.mapping(body, ""), "records", ""), "records")
        )

    def decide_held(self, kinds: frozenset[str] | None, *, confirm: bool) -> int:
        """Confirm or discard deletions that wait for a person; how many."""
        content = upkeep.decision_to_json(kinds, confirm=confirm)
        body = self._transport.call("POST", "/sweep/held", content=content, most=limits.LIST_OPEN)
        return self._transport.understood(
            lambda: checks.integer(checks.member(checks.mapping(body, ""), "records", ""), "records")
        )

    def follow(self, term: int, hub: str, fence: Fence | None, told: Lineage = ()) -> None:
        """Become a spoke of ``hub``, promoted in ``term``. Raises NotSigned, OldTerm, Refused."""
        self._transport.call("PUT", "/hub", content=order_to_json(Order(term, hub, fence, told)))

    def office(self) -> Office:
        """Who is the hub, as the site sees it, and whether it could be."""
        body = self._transport.call("GET", "/hub")
        return self._transport.understood(lambda: office_from_json(body))

    def promote(self, beyond: int) -> Office:
        """Make the site the hub of a term later than ``beyond``. Raises Refused."""
        body = self._transport.call("POST", "/hub", content={"beyond": beyond})
        return self._transport.understood(lambda: office_from_json(body))

    def resign(self, successor: str) -> Office:
        """Have the hub hand over to another site. Raises Refused."""
        body = self._transport.call("DELETE", "/hub", query={"successor": successor})
        return self._transport.understood(lambda: office_from_json(body))

    def capabilities(self) -> Capabilities:
        """What the site says of itself."""
        known = self._told.known()
        body = self._transport.call("GET", "", query={"known": known_to_text(known)} if known else None)
        found = self._transport.understood(lambda: capabilities_of(body, known.get))
        self._told.lineage(self._name, found.lineage)
        return found

    def register(self, peer: Peer, proofs: Sequence[bytes] = (), *, confirmed: bool = False) -> None:
        """Tell the site of another one (its public key and what its release can store). Raises KeyChanged."""
        told = {"proofs": [key_to_json(proof) for proof in proofs]} if proofs else {}
        content = {**peer_to_json(peer), **told, **({"confirmed": True} if confirmed else {})}
        self._transport.call("PUT", f"/peers/{quote(peer.site, safe='')}", content=content)

    def key_proofs(self, reader: str) -> list[bytes]:
        """That its public key is its own, for one that knows an older one; [] where its release has none."""
        try:
            body = self._transport.call("GET", "/key-proofs", query={"reader": reader})
        except SiteUnavailable as error:
            if error.fields.get("answer") == 404:
                return []
            raise
        return self._transport.understood(
            lambda: proofs_from_json(checks.member(checks.mapping(body, ""), "proofs", ""))
        )

    def retire(self, site: str, *, force: bool, dry_run: bool = False) -> Retired:
        """Have the hub forget a site that is gone for good; ``dry_run``: only say what that would do. Raises
        NotThere, Refused.
        """
        query = {"force": "true" if force else "false", **self._trial(dry_run)}
        path = f"/peers/{quote(site, safe='')}"
        body = self._transport.call("DELETE", path, query=query, headers=TRIED if dry_run else None)
        return self._transport.understood(lambda: upkeep.retired_from_json(body))

    def poke_key(self) -> str:
        """The key of the site's own pokes; '' where its release has none. Raises SiteUnavailable."""
        try:
            body = self._transport.call("GET", "/poke-key")
        except SiteUnavailable as error:
            if error.fields.get("answer") == 404:
                return ""
            raise
        return self._transport.understood(
            lambda: checks.key_text(checks.member(checks.mapping(body, ""), "poke_key", ""), "poke_key")
        )

    def sealed_secret(self, receiver: str) -> bytes:
        """The fleet's secret, sealed for a registered peer."""
        body = self._transport.call("GET", "/secret", query={"reader": receiver})
        return self._transport.understood(
            lambda: bytes_from_json(checks.member(checks.mapping(body, ""), "sealed", ""), "sealed")
        )

    def hand_over(self, sealed: bytes, *, source: str, term: int) -> None:
        """Give the site the fleet's secret, sealed for it."""
        content = {"sealed": key_to_json(sealed), "source": source, "term": term}
        self._transport.call("PUT", "/secret", content=content)

    def choices(self, site: str) -> dict[Ref, str]:
        """What was chosen for a site that joins and is not used up, by record."""
        return self._transport.listed(choices_from_json, "GET", f"/joining/{quote(site, safe='')}")

    def choose(self, site: str, choices: Mapping[Ref, str]) -> None:
        """At the hub: choose for a site before its first page. Raises Refused."""
        content = choices_to_json(site, choices)
        self._transport.call("PUT", f"/joining/{quote(site, safe='')}", content=content)

    def charter(self) -> Charter:
        """The charter that the site goes by."""
        return self._transport.listed(_CHARTER, "GET", "/charter")

    def write_charter(self, value: object, *, dry_run: bool = False) -> Charter:
        """Replace the hub's charter of the edition that ``value`` names; ``dry_run``: only say what it would
        be. Raises BadRequest, Refused.
        """
        return self._transport.listed(
            _CHARTER,
            "PUT",
            "/charter",
            query=self._trial(dry_run),
            content=value,
            headers=TRIED if dry_run else None,
        )

    def conflicts(self, limit: int = 100, *, open_only: bool = False, **wanted: str) -> list[dict[str, Any]]:
        """The latest conflicts first, as the API gives them; ``wanted``: kind, key, site, sort, marker."""
        query = {"limit": str(limit), "open": "true" if open_only else "false", **wanted}
        return self._transport.listed(conflicts_from_json, "GET", "/conflicts", query=query)

    def conflict(self, identifier: str) -> dict[str, Any]:
        """One conflict with what was lost, its secrets left out. Raises NotThere."""
        body = self._transport.call("GET", f"/conflicts/{quote(identifier, safe='')}", most=limits.LIST_OPEN)
        return self._transport.understood(lambda: checks.mapping(body, "conflict"))

    def resolve(
        self, identifier: str, action: str, name: str = "", *, dry_run: bool = False
    ) -> dict[str, Any]:
        """``keep``, ``restore``, under another ``name`` if one is given, or ``withdraw``; ``dry_run``: what
        would happen. Raises NotThere, Refused.
        """
        path = f"/conflicts/{quote(identifier, safe='')}/resolution"
        body = self._transport.call(
            "PUT",
            path,
            content={
                "action": action,
                **({"name": name} if name else {}),
                **({"dry_run": True} if dry_run else {}),
            },
            most=limits.LIST_OPEN,
        )
        return self._transport.understood(lambda: checks.mapping(body, "conflict"))

    def audit(self, limit: int = 100) -> list[dict[str, Any]]:
        """Who has changed the fleet's settings there, the latest first."""
        body = self._transport.call("GET", "/audit", query={"limit": str(limit)}, most=limits.LIST_OPEN)
        return self._transport.understood(
            lambda: [
                checks.mapping(row, "audit")
                for row in checks.sequence(checks.member(checks.mapping(body, ""), "audit", ""), "audit")
            ]
        )

    def keep_refused(self, site: str) -> int:
        """Leave as decided all that was refused to a site; how many conflicts. Raises Refused."""
        body = self._transport.call("POST", "/conflicts", content={"keep_refused": site})
        return self._transport.understood(
            lambda: checks.integer(checks.member(checks.mapping(body, "kept"), "records", ""), "records")
        )

    def merge(self, kind: str, key: str, into: str, *, dry_run: bool = False) -> dict[str, Any]:
        """Merge a record into another of its kind; ``dry_run``: only say what that would do. Raises NotThere,
        Refused.
        """
        body = self._transport.call(
            "POST",
            "/merges",
            query=self._trial(dry_run),
            content={"kind": kind, "key": key, "into": into},
            headers=TRIED if dry_run else None,
            most=limits.LIST_OPEN,
        )
        return self._transport.understood(lambda: checks.mapping(body, "merge"))

    @property
    def keys(self) -> HttpKeys:
        """Its Fernet key repositories."""
        return HttpKeys(self._name, self._transport)

    def take_lease(self, holder: str, ttl: float) -> str:
        """Take or renew the agents' lease for ``ttl`` seconds; gives the key of pokes. Raises LeaseHeld."""
        body = self._leasing.call("PUT", "/lease", content={"holder": holder, "ttl": ttl})
        return self._transport.understood(
            lambda: str(checks.member(checks.mapping(body, "lease"), "poke_key", ""))
        )

    def release_lease(self, holder: str) -> None:
        """Give the lease back."""
        self._leasing.call("DELETE", "/lease", query={"holder": holder})

    def lease(self) -> dict[str, Any]:
        """Who holds the agents' lease, and until when."""
        body = self._transport.call("GET", "/lease")
        return self._transport.understood(lambda: checks.mapping(body, "lease"))

    def named(self, name: str, kind: str = "", limit: int = 100) -> list[Ref]:
        """Records of that name, of one kind or of any. Raises UnknownKind."""
        query = {"name": name, "limit": str(limit), **({"kind": kind} if kind else {})}
        body = self._transport.call("GET", "/records", query=query)

        def read() -> list[Ref]:
            told = checks.sequence(checks.member(checks.mapping(body, ""), "records", ""), "records")
            rows = [checks.mapping(row, "records") for row in told]
            return [
                Ref(
                    checks.text(row.get("kind"), "kind", limits.KIND),
                    checks.text(row.get("key"), "key", limits.KEY),
                )
                for row in rows
            ]

        return self._transport.understood(read)

    def _trial(self, dry_run: bool, since: Microversion = DRY_RUN) -> dict[str, str]:
        """What makes a change a trial. Raises Refused where the site's release would overlook it."""
        if not dry_run:
            return {}
        if max(self.capabilities().api_versions, default=EARLIEST) < since:
            raise Refused(
                f"{self._name} can't try such changes: its release would make them",
                hint=f"upgrade keystone-viaduct there (API {since}), or leave out --dry-run",
            )
        return {"dry_run": "true"}

    def record(self, ref: Ref) -> dict[str, Any]:
        """A record as it stands, without its secrets. Raises NotThere, UnknownKind."""
        found: dict[str, Any] = self._transport.call("GET", record_path(ref), most=limits.LIST_OPEN)
        return found

    def put_record(
        self, ref: Ref, content: Mapping[str, Any], digest: str, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Replace a record that stands as ``digest`` says; how it is then. ``dry_run``: only say what that
        would write. Raises BadRequest, Refused, Stale.
        """
        found: dict[str, Any] = self._transport.call(
            "PUT",
            record_path(ref),
            query=self._trial(dry_run, DRY_RUN_OF_RECORDS),
            content=content,
            headers=self._if_match(digest, dry_run),
            most=limits.LIST_OPEN,
        )
        return found

    def delete_record(self, ref: Ref, digest: str, *, dry_run: bool = False) -> None:
        """Delete a record that stands as ``digest`` says; ``dry_run``: only find out whether it may be.
        Raises NotThere, Refused, Stale.
        """
        self._transport.call(
            "DELETE",
            record_path(ref),
            query=self._trial(dry_run, DRY_RUN_OF_RECORDS),
            headers=self._if_match(digest, dry_run),
        )

    def _if_match(self, digest: str, dry_run: bool) -> dict[str, str]:
        return {"If-Match": f'"{digest}"', **(TRIED_OF_RECORDS if dry_run else {})}


def record_path(ref: Ref) -> str:
    """A key has slashes and escapes of its own: it is quoted as text first, then as a part of a URL."""
    return f"/records/{quote(ref.kind, safe='')}/{quote(quote(ref.key, safe=''), safe='')}"
