"""What the agent remembers of the hub, in a file: who it was, since which term, whom its charter limits, and
what it has signed.

While the hub is away the other sites say who leads now, and some of them may lie. Who may be believed only
the hub's statement says, or in a fleet that does not sign yet its charter. Without either an agent that
starts just then could not tell one from the other.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.charter import Charter, charter_to_json
from keystone_viaduct.sync.statement import Statement, statement_to_json
from keystone_viaduct.sync.wire import checks
from keystone_viaduct.sync.wire.charter import checked_charter
from keystone_viaduct.sync.wire.statement import statement_or_none

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """``hub`` was the hub in ``term`` and showed ``charter``, while viaduct.yaml named ``configured``.

    ``statement`` is the newest that was believed; None as long as no hub has signed one.
    """

    configured: str
    hub: str
    term: int
    charter: Charter
    statement: Statement | None = None


class Memory:
    """``file`` None: none that outlives the process."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._saved: Known | None = None
        self._failed = False

    @property
    def where(self) -> str:
        """For hints."""
        return str(self._file) if self._file is not None else "(agent.memory is off)"

    def load(self, configured: str) -> Known | None:
        """What was saved under the same configuration; None where nothing was, or it can't be read.

        Who names another hub in viaduct.yaml has decided anew whom the agent is to believe first.
        """
        if self._file is None or not self._file.exists():
            return None
        try:
            found = _from_json(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, ViaductError) as error:
            LOG.warning("%s can't be read, and is not gone by: %s", self._file, error)
            return None
        self._saved = found
        return found if found.configured == configured else None

    def save(self, known: Known) -> None:
        """Keep it; says once where that is not possible."""
        if self._file is None or known == self._saved:
            return
        try:
            _write(self._file, json.dumps(_to_json(known), indent=1))
            self._saved, self._failed = known, False
        except OSError as error:
            if not self._failed:
                LOG.warning(
                    "%s can't be written (%s): an agent that starts while the hub is away follows nobody "
                    "else; set agent.memory to a place of its own",
                    self._file,
                    error,
                )
            self._failed = True


def _write(file: Path, text: str) -> None:
    """Beside its name first: never half a file."""
    descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(beside, file)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise


def _to_json(known: Known) -> dict[str, object]:
    signed = {"statement": statement_to_json(known.statement)} if known.statement is not None else {}
    charter = charter_to_json(known.charter)
    return {
        "configured": known.configured,
        "hub": known.hub,
        "term": known.term,
        "charter": charter,
        **signed,
    }


def _from_json(value: object) -> Known:
    body = checks.mapping(value, "memory")
    return Known(
        checks.site_name(checks.member(body, "configured", ""), "configured"),
        checks.site_name(checks.member(body, "hub", ""), "hub"),
        checks.integer(checks.member(body, "term", ""), "term"),
        checked_charter(checks.member(body, "charter", ""), "charter"),
        statement_or_none(body.get("statement"), "statement"),
    )
