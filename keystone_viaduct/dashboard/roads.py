"""The roads of a demo, which its dashboard cuts, heals and makes slower: HTTP over a socket of the demo's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import httpx

from keystone_viaduct.errors import BadRequest, ConfigError

#: The longest round trip that can be set, in milliseconds.
LONGEST = 5000.0


class Road(NamedTuple):
    """The road between the hub of the demo and a spoke."""

    site: str
    is_cut: bool
    rtt_ms: float


class Roads:
    """What the demo's process offers at ``socket``."""

    def __init__(self, socket: Path) -> None:
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://demo", timeout=5.0
        )

    def all(self) -> list[Road]:
        """As they are now. Raises ConfigError when the demo has ended."""
        found = self._call("GET", "/roads")
        return [Road(str(row["site"]), bool(row["cut"]), float(row["rtt_ms"])) for row in found]

    def change(self, site: str, *, cut: bool | None = None, rtt_ms: float | None = None) -> None:
        """Cut or heal one, or set its round trip. Raises BadRequest, ConfigError."""
        if rtt_ms is not None and not 0 <= rtt_ms <= LONGEST:
            raise BadRequest(f"a round trip of {rtt_ms:g} ms", hint=f"from 0 to {LONGEST:g} ms")
        wanted = {"cut": cut, "rtt_ms": rtt_ms}
        self._call("PUT", f"/roads/{site}", {k: v for k, v in wanted.items() if v is not None})

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _call(self, method: str, path: str, content: dict[str, object] | None = None) -> list[dict[str, Any]]:
        try:
            answer = self._client.request(method, path, json=content)
            answer.raise_for_status()
            found: list[dict[str, Any]] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ConfigError(
                f"the demo's roads can't be reached: {error}", hint="is it still up?"
            ) from error
        return found
