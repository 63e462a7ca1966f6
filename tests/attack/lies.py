"""What a hostile site answers the agent: bodies that cost, pages that lie, another hub."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import threading
from collections.abc import Callable
from typing import Any

from keystone_viaduct.errors import FenceMismatch, TooFast
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.faults import error_to_json
from tests.attack.door import Asked, Handler, Told, Trick

JSON = {"Content-Type": "application/json", "OpenStack-API-Version": "sync 1.0"}
#: Seconds between two bytes of an answer that never ends.
DRIP = 0.2
_numbers = itertools.count(1)


def _packed(opened: bytes) -> Told:
    return Told(200, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(opened))


def _made(opened: Callable[[], bytes]) -> Trick:
    """Always the same answer, made when it is first given."""
    made: list[Told] = []

    def tell(asked: Asked, ask: Callable[[], Told], handler: Handler) -> Told | None:
        if not made:
            made.append(_packed(opened()))
        return made[0]

    return tell


#: 96 MB of blanks in some 90 KB.
expanding = _made(lambda: b"[" + b" " * 96_000_000 + b"]")
#: As much as a body may be: some two million values.
full = _made(lambda: b'{"changes": [' + b"[]," * (limits.NODES // 2 - 100) + b"[]]}")


def endless(asked: Asked, ask: Callable[[], Told], handler: Handler) -> Told | None:
    """More than a body may have, and nothing to be packed."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()
    part = os.urandom(64 * 1024)
    while True:
        handler.wfile.write(part)


def drip(asked: Asked, ask: Callable[[], Told], handler: Handler) -> Told | None:
    """A byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        threading.Event().wait(DRIP)


def fence(asked: Asked, ask: Callable[[], Told], handler: Handler) -> Told | None:
    """It was restored, it says, each time."""
    return _fault(error_to_json(FenceMismatch("another history", hint="compare")), 409)


def later(asked: Asked, ask: Callable[[], Told], handler: Handler) -> Told | None:
    """To be asked again in 24 hours."""
    return _fault(error_to_json(TooFast("later", hint="wait", wait=86400.0)), 429)


def forging(asked: Asked, ask: Callable[[], Told], handler: Handler) -> Told | None:
    """An error whose text begins a line of the log, and commands a terminal."""
    return _fault({"error": {"message": "x\n2026 CRITICAL root forged \x1b[2J", "code": 500}}, 500)


def _fault(value: Any, status: int) -> Told:
    return Told(status, dict(JSON), json.dumps(value).encode())


def altered(change: Callable[[dict[str, Any]], None]) -> Trick:
    """What the Keystone says, changed; what is no JSON object goes as it is."""

    def tell(asked: Asked, ask: Callable[[], Told], handler: Handler) -> Told | None:
        told = ask()
        encoding = next((v for n, v in told.headers.items() if n.lower() == "content-encoding"), None)
        value = json.loads(body.decompress(told.data, encoding)) if told.data else None
        if told.status != 200 or not isinstance(value, dict):
            return told
        change(value)
        return _packed(json.dumps(value).encode())

    return tell


def lives(page: dict[str, Any]) -> None:
    """Thousands of lives that it never had."""
    page["at_head"] = True
    own = page["source"]
    page["knowledge"].update({f"{own}#{number:08x}": 1 for number in range(3000)})


def few_lives(page: dict[str, Any]) -> None:
    """As many invented lives of others in the version of each change as one page may name."""
    for change in page["changes"]:
        change["version"].update({f"nowhere#{next(_numbers):08x}": 1 for _ in range(60)})


def gaps(page: dict[str, Any]) -> None:
    """Hundreds of records of which it says that it lacks a part."""
    page["at_head"] = True
    own = next((o for o in page["knowledge"] if o.startswith(f"{page['source']}#")), "")
    if own:
        page["exceptions"] = [["user", f"none{n}", {own: [0, page["knowledge"][own]]}] for n in range(900)]


def never_done(page: dict[str, Any]) -> None:
    """An empty page after the other, none of them the last."""
    page["changes"] = []
    page["at_head"] = False
    page["upto"][1] += 1


def waiting(origin: str) -> Callable[[dict[str, Any]], None]:
    """Each change is said to include an edit of another site that it has not shown: it waits for that."""

    def change(page: dict[str, Any]) -> None:
        for one in page["changes"]:
            one["version"][origin] = 10**6 + next(_numbers)

    return change


def hub(name: str) -> Callable[[dict[str, Any]], None]:
    """That site is the hub, of a late term."""

    def change(told: dict[str, Any]) -> None:
        told.update(hub=name, term=99)

    return change


def hubs_page(name: str) -> Callable[[dict[str, Any]], None]:
    """The same in a page."""

    def change(page: dict[str, Any]) -> None:
        page.update(hub=name, term=99)

    return change
