"""The audit trail of this API: a row of ``viaduct_audit``, and a CADF notification like Keystone's own.

Who, from where, what, and how it was before and is now. Written as soon as a change is done; a change that
can't be written down is logged, and stays done.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import flask
from keystone import notifications
from keystone.common import utils

from keystone_viaduct.sync.api import assembly
from keystone_viaduct.sync.api.policy import WHO
from keystone_viaduct.sync.store.audit import Audited

LOG = logging.getLogger(__name__)
#: In the names of events: ``identity.OS-SYNC:charter.updated``.
_TYPE = "OS-SYNC:"


@dataclass(frozen=True)
class Noted:
    """What a call has changed: JSON values of before and after, None for nothing."""

    target: str
    old: Any = None
    new: Any = None


def note(action: str, noted: Noted) -> None:
    """What a call has changed. Never raises."""
    try:
        service = assembly.service()
        entry = Audited(
            service.clock.now(), action, noted.target, _caller(), _address(), noted.old, noted.new
        )
        service.run(lambda tx: tx.add_audit(entry))
    except Exception:
        LOG.exception("%s of %s could not be written down", action, noted.target)
    try:
        _notify(action, noted)
    except Exception:
        LOG.exception("the notification of %s of %s could not be sent", action, noted.target)


def _caller() -> str:
    return str(getattr(flask.g, WHO, ""))


def _address() -> str:
    return str(flask.request.remote_addr or "")


def _notify(action: str, noted: Noted) -> None:
    is_gone = noted.new is None and noted.old is not None
    tell = notifications.Audit.deleted if is_gone else notifications.Audit.updated
    initiator = notifications.build_audit_initiator()
    initiator.user_id = _caller()
    initiator.id = utils.resource_uuid(initiator.user_id)
    tell(f"{_TYPE}{action}", noted.target, initiator=initiator)
