"""What a limited site's administrators do, as a process: ``python -m tests.attack.hands CONFIG.json``.

They write into their own tables whatever comes to mind, poke in every name, and knock at the hub's door. It
goes on until SIGTERM comes.
"""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from keystone_viaduct.sync.wire.poke import Poke, made, sign
from tests.attack.tally import Tally

LOG = logging.getLogger(__name__)
#: Seconds between two rounds of each sort.
WRITING, POKING, KNOCKING = 0.5, 0.02, 0.1
#: Own users who are made in a round; they are to wait at the hub.
OWN = 20
FAR = "2199-01-01 00:00:00"
Write = Callable[[sa.Connection, int], int]


def _edits(connection: sa.Connection, number: int) -> int:
    """Every user of another domain gets a new description: each is refused, each time another one."""
    text = 'UPDATE "user" SET extra = :extra WHERE domain_id = :domain'
    return _ran(connection, text, extra=json.dumps({"description": f"evil {number}"}), domain="{theirs}")


def _own(connection: sa.Connection, number: int) -> int:
    """Users of the own domain, of whom the door says that they need somebody else's edit."""
    for one in range(OWN):
        key = uuid.uuid4().hex
        _ran(
            connection,
            'INSERT INTO "user" (id, domain_id, enabled, extra, created_at) VALUES '
            "(:key, :domain, true, '{}', now())",
            key=key,
            domain="{mine}",
        )
        text = "INSERT INTO local_user (user_id, domain_id, name) VALUES (:key, :domain, :name)"
        _ran(connection, text, key=key, domain="{mine}", name=f"own {number} {one} {key[:6]}")
    return OWN


def _hashes(connection: sa.Connection, number: int) -> int:
    """A password that takes days to check."""
    text = (
        "UPDATE password SET password_hash = :hash WHERE local_user_id IN "
        "(SELECT id FROM local_user WHERE user_id = :ann)"
    )
    salt = f"{number % 10_000:04}" + "a" * 49
    return _ran(connection, text, hash=f"$2b$31${salt}", ann="{ann}")


def _loops(connection: sa.Connection, number: int) -> int:
    """Two trusts that redelegate each other."""
    one, other = uuid.uuid4().hex, uuid.uuid4().hex
    for key, above in ((one, other), (other, one)):
        _ran(
            connection,
            "INSERT INTO trust (id, trustor_user_id, trustee_user_id, project_id, impersonation, "
            "redelegated_trust_id, extra) VALUES (:key, :ann, :ann, :web, false, :above, '{}')",
            key=key,
            above=above,
            ann="{ann}",
            web="{web}",
        )
    return 2


def _revocations(connection: sa.Connection, number: int) -> int:
    """Until 2199, for an administrator of the own domain, and for somebody whom nobody has."""
    text = "INSERT INTO revocation_event (user_id, issued_before, revoked_at) VALUES (:who, :far, :now)"
    for who in ("{strong}", uuid.uuid4().hex):
        _ran(connection, text, who=who, far=FAR, now=f"2199-01-01 00:{number // 60 % 60:02}:{number % 60:02}")
    return 2


def _grants(connection: sa.Connection, number: int) -> int:
    """Administration, of the own project and of another domain's; taken back and given again."""
    for target in ("{web}", "{vault}"):
        grant = {"ann": "{ann}", "target": target, "admin": "{admin}"}
        if number % 2:
            _ran(
                connection,
                "INSERT INTO assignment (type, actor_id, target_id, role_id, inherited) VALUES "
                "('UserProject', :ann, :target, :admin, false) ON CONFLICT DO NOTHING",
                **grant,
            )
        else:
            text = "DELETE FROM assignment WHERE actor_id = :ann AND target_id = :target AND role_id = :admin"
            _ran(connection, text, **grant)
    return 2


def _domain(connection: sa.Connection, number: int) -> int:
    """The own domain, in which an administrator lives, is disabled."""
    return _ran(connection, "UPDATE project SET enabled = false WHERE id = :domain", domain="{mine}")


WRITES: dict[str, Write] = {
    "refused changes": _edits,
    "own changes": _own,
    "high-cost hashes": _hashes,
    "trust loops": _loops,
    "revocations": _revocations,
    "forbidden grants": _grants,
    "disabled domains": _domain,
}


def _ran(connection: sa.Connection, text: str, **values: Any) -> int:
    """``{name}`` among the values stands for one of the fleet's ids."""
    ids: Mapping[str, str] = connection.info["ids"]
    found = {
        name: ids[value[1:-1]] if isinstance(value, str) and value.strip("{}") in ids else value
        for name, value in values.items()
    }
    return connection.execute(sa.text(text), found).rowcount


class Hands:
    """One thread for each sort of deed."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._tally = Tally(Path(config["tally"]))
        self._never = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(pause, make), daemon=True)
            for pause, make in ((WRITING, self._writing), (POKING, self._poking), (KNOCKING, self._knocking))
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def _repeat(self, pause: float, make: Callable[[], Callable[[int], None]]) -> None:
        deed = make()
        for number in itertools.count():
            self._never.wait(pause)
            try:
                deed(number)
            except (httpx.HTTPError, sa.exc.SQLAlchemyError) as error:
                self._tally.add(f"failed: {type(error).__name__}")
                LOG.info("%s", error)

    def _writing(self) -> Callable[[int], None]:
        engine = sa.create_engine(self._config["database"])

        def write(number: int) -> None:
            for name, deed in WRITES.items():
                with engine.begin() as connection:
                    connection.info["ids"] = self._config["ids"]
                    self._tally.add(name, deed(connection, number))

        return write

    def _poking(self) -> Callable[[int], None]:
        client = httpx.Client(timeout=10, trust_env=False)
        names = itertools.cycle(["south", "west", "east", "nobody"])
        keys = self._config["fleet_key"], self._config["site_key"]
        garbage = gzip.compress(b"[" + b" " * 900_000 + b"]")

        def forged(number: int) -> Poke:
            site, head, page = next(names), 10**9 + number, b"forged" * (number % 3)
            signature = sign(keys[0], site, head, page) if number % 4 else "0" * 64
            return Poke(site, head, page, signature, "0" * 64, "zstd" if page else "")

        def poke(number: int) -> None:
            own = number % 2
            told = made(*keys, "west", 10**9, garbage, "gzip") if own and number % 5 == 0 else None
            told = told or (made(*keys, "west", 10**9) if own else forged(number // 2))
            client.post(f"{self._config['agent']}/poke", content=told.data, headers=told.headers())
            self._tally.add("pokes without news" if own else "forged pokes")

        return poke

    def _knocking(self) -> Callable[[int], None]:
        client = httpx.Client(base_url=self._config["hub"], timeout=60, trust_env=False)
        packed = gzip.compress(b'{"changes": [' + b"[]," * 20_000_000 + b"[]]}")
        sent = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        token = {"X-Auth-Token": self._config["token"]}
        changes = "/OS-SYNC/changes"
        knocks = itertools.cycle(
            [
                ("expanding pages", partial(client.post, changes, content=packed, headers={**sent, **token})),
                ("oversized pages", partial(client.post, changes, content=b" " * 2_000_000, headers=token)),
                (
                    "40-digit limits",
                    partial(client.get, "/OS-SYNC/conflicts", params={"limit": "9" * 40}, headers=token),
                ),
                ("expanding pages of nobody", partial(client.post, changes, content=packed, headers=sent)),
            ]
        )

        def knock(number: int) -> None:
            name, call = next(knocks)
            answer = call()
            self._tally.add(name)
            if answer.status_code < 400 or answer.status_code >= 500:
                self._tally.add(f"accepted: {name}")

        return knock


def main(arguments: Sequence[str]) -> int:
    """Go on until SIGTERM ends the process."""
    Hands(json.loads(Path(arguments[0]).read_text())).start()
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
