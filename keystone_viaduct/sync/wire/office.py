"""Who is the hub, as JSON: what a site answers, and what it is told (rule 15 of the protocol)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keystone_viaduct.sync.model import Fence
from keystone_viaduct.sync.statement import Lineage
from keystone_viaduct.sync.wire import checks, values
from keystone_viaduct.sync.wire.statement import lineage_from_json, lineage_to_json


@dataclass(frozen=True, slots=True)
class Office:
    """A site's view of the hub, and of itself as the next one.

    ``obstacle`` says why it can't be promoted ('' if it can). ``pending`` is how many changes from the hub
    (at the hub: from the one before it) wait here; ``position`` how far its feed was applied. At the hub
    ``met`` names the sites that have shown, in this term, all that they have, ``missing`` the others.
    """

    site: str
    hub: str
    term: int
    former: str
    obstacle: str
    pending: int
    position: int
    met: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def office_to_json(office: Office) -> dict[str, Any]:
    """As JSON."""
    return {
        "site": office.site,
        "hub": office.hub,
        "term": office.term,
        "former": office.former,
        "obstacle": office.obstacle,
        "pending": office.pending,
        "position": office.position,
        "met": list(office.met),
        "missing": list(office.missing),
    }


def office_from_json(value: Any) -> Office:
    """The opposite of :func:`office_to_json`. Raises BadRequest."""
    body = checks.mapping(value, "hub")

    def get(name: str) -> Any:
        return checks.member(body, name, "")

    def sites(name: str) -> tuple[str, ...]:
        return tuple(checks.site_name(site, name) for site in checks.sequence(get(name), name))

    return Office(
        checks.site_name(get("site"), "site"),
        checks.site_name(get("hub"), "hub"),
        checks.integer(get("term"), "term"),
        checks.text(get("former"), "former", 64),
        checks.text(get("obstacle"), "obstacle", 4096),
        checks.integer(get("pending"), "pending"),
        checks.integer(get("position"), "position"),
        sites("met"),
        sites("missing"),
    )


@dataclass(frozen=True, slots=True)
class Order:
    """``hub`` was promoted in ``term``; ``fence`` is what it last knew of the receiver's feed.

    ``lineage`` shows that it is the hub.
    """

    term: int
    hub: str
    fence: Fence | None
    lineage: Lineage = ()


def order_to_json(order: Order) -> dict[str, Any]:
    """As JSON."""
    return {
        "term": order.term,
        "hub": order.hub,
        "fence": values.fence_to_json(order.fence),
        **({"lineage": lineage_to_json(order.lineage)} if order.lineage else {}),
    }


def order_from_json(value: Any) -> Order:
    """The opposite of :func:`order_to_json`. Raises BadRequest."""
    body = checks.mapping(value, "hub")
    return Order(
        checks.integer(checks.member(body, "term", ""), "term", 1),
        checks.site_name(checks.member(body, "hub", ""), "hub"),
        values.fence_from_json(body.get("fence"), "fence"),
        lineage_from_json(body.get("lineage", []), "lineage"),
    )


def beyond_from_json(value: Any) -> int:
    """The term beyond which a site is promoted. Raises BadRequest."""
    body = checks.mapping(value, "hub")
    return checks.integer(body.get("beyond", 0), "beyond")
