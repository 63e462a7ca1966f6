"""How the agent logs: a line for people, or an object of JSON for programs; each with the id of the request
that it is about.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

FORMATS = ("text", "json")
_TEXT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"
#: Libraries that would tell of every call.
_NOISY = ("httpx", "httpcore", "keystoneauth", "stevedore", "openstack")


class _RequestId(logging.Filter):
    """Adds the id; ``-`` where the thread works for no request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record."""
        from keystone_viaduct.sync.wire import requestid

        record.request_id = requestid.current() or "-"
        return True


class JsonFormatter(logging.Formatter):
    """One object on each line."""

    def format(self, record: logging.LogRecord) -> str:
        """With the traceback of an exception, if there is one."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


def log_to_stderr(form: str, *, verbose: bool) -> None:
    """Have everything logged so, unless somebody has said how before."""
    handler = logging.StreamHandler()
    handler.addFilter(_RequestId())
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
