"""The one tree of exceptions, each with fields and a hint on what to do.

::

    ViaductError
    +-- ConfigError                 a file or option is wrong
    +-- KindError                   unknown kind, malformed key or document
    |   +-- UnknownKind
    |   +-- BadKey
    |   +-- BadDocument
    |   +-- Unreadable              stored records that no document can be made of
    |   |   +-- CredentialUnreadable    no key of this site opens a credential
    +-- TriggerError                compiling or installing triggers
    +-- SyncError                   the protocol refused something
    |   +-- FenceMismatch           the other side's history is not the one we knew
    |   +-- CheckpointMismatch      a page came for another checkpoint
    |   +-- Refused                 not allowed by delegation, term or scope
    |   |   +-- NotSigned           no signature that counts says that this is the hub
    |   +-- NotYet                  the other direction has to carry something first
    |   +-- TooFast                 more per second than a site takes; to be sent again later
    |   +-- OldTerm                 it is spoken for a hub that has been replaced
    |   +-- UnknownSite
    |   +-- BadRequest              malformed input on the wire
    |   |   +-- TooLarge
    |   +-- UnsupportedVersion      the two ends have no protocol version in common
    |   +-- ScopeRequired           the token is not a system administrator's
    |   +-- NotThere                no such record, conflict or lease
    |   +-- Stale                   it was changed since the caller read it
    +-- StoreError                  our tables are missing, outdated or unreadable
    |   +-- NotInitialised
    |   +-- SchemaMissing           no tables of Keystone there
    |   +-- SchemaNewer             they are of a later version than we know
    |   +-- StoreBusy
    |   +-- StoreUnavailable
    |   +-- OutcomeUnknown          a change may have been made or not
    +-- SealingError                a secret could not be sealed or opened
    +-- SiteUnavailable             the other site did not answer
    +-- LeaseHeld                   another agent is at work
    +-- LoginRefused                Keystone does not let a person in, or does not accept his token
    +-- AdoptError                  a site's ids could not be brought in line with the hub's
    |   +-- AlreadyJoined           the site replicates already
    |   +-- AccessUndecided         joining would change somebody's access, and nobody has chosen how
    +-- UpgradeError                a rolling upgrade of a schema
    |   +-- BadDeclaration          a bridge or operation that makes no sense
    |   +-- UpgradeRefused          it can't be done here without stopping somebody
    |   +-- UpgradeState            not the turn of this phase, or begun with another declaration
    |   +-- TableBusy               a table was in use each time that it was asked for
    +-- TransferRefused             records can't be exported there, or imported from there
    +-- ServerFailed                a server started by us did not come up
    +-- DemoFailed                  a step of the demo had not the effect announced
"""

from __future__ import annotations

from typing import Any


class ViaductError(Exception):
    """Root of all errors that this product raises on purpose.

    ``code`` is stable and goes over the wire; ``hint`` says what to do; ``fields`` holds the particulars.
    """

    code = "viaduct.error"
    status = 500
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(ViaductError):
    """A configuration file or option is missing or wrong."""

    code = "config.invalid"
    exit_code = 2


class KindError(ViaductError):
    """Something is wrong with a kind, a key or a document."""

    code = "kind.invalid"
    status = 400


class UnknownKind(KindError):
    """No kind of that name is registered."""

    code = "kind.unknown"
    status = 404


class BadKey(KindError):
    """A key that does not have the form of its kind."""

    code = "key.invalid"


class BadDocument(KindError):
    """A document with a missing, unknown or ill-typed field."""

    code = "document.invalid"


class Unreadable(KindError):
    """Stored records of which no document can be made: text that is no JSON, or too deep.

    ``fields["kind"]`` and ``fields["keys"]`` name them, ``fields["why"]`` says what is wrong with each.
    """

    code = "record.unreadable"
    status = 500


class CredentialUnreadable(Unreadable):
    """No credential key of this site opens a stored blob."""

    code = "credential.unreadable"


class TriggerError(ViaductError):
    """A trigger could not be compiled or installed."""

    code = "trigger.failed"


class SyncError(ViaductError):
    """The synchronisation protocol refused something."""

    code = "sync.refused"
    status = 409


class FenceMismatch(SyncError):
    """A checkpoint names a history that this site does not have (PROTOCOL: restored backups)."""

    code = "sync.fence"


class CheckpointMismatch(SyncError):
    """A page was made for another checkpoint than the one stored."""

    code = "sync.checkpoint"


class Refused(SyncError):
    """The delegation, the term or the scope does not allow it."""

    code = "sync.forbidden"
    status = 403


class KeyChanged(SyncError):
    """A registered site shows another public key, and nothing that only the one before could make."""

    code = "sync.key-changed"
    status = 403


class NotSigned(Refused):
    """Nobody who may has signed that this site is the hub, or what it says as the hub."""

    code = "sync.unsigned"


class NotYet(SyncError):
    """The other direction has to carry something first; nothing is wrong."""

    code = "sync.not-yet"


class TooFast(SyncError):
    """More than a site takes in this time; ``fields["wait"]``: seconds after which it is to be sent again."""

    code = "sync.too-fast"
    status = 429

    @property
    def wait(self) -> float:
        """Seconds; 1.0 where none are told."""
        return float(self.fields.get("wait", 1.0))


class OldTerm(SyncError):
    """A call for a hub that has been replaced; ``fields`` name the later ``term`` and its ``hub``."""

    code = "sync.term"


class UnknownSite(SyncError):
    """No peer of that name is registered here."""

    code = "site.unknown"
    status = 404


class BadRequest(SyncError):
    """Malformed or oversized input on the wire."""

    code = "request.invalid"
    status = 400


class TooLarge(BadRequest):
    """A body or a list in it is larger than this site takes."""

    code = "request.too_large"
    status = 413


class UnsupportedVersion(SyncError):
    """No version of the protocol that both ends speak."""

    code = "version.unsupported"
    status = 406


class ScopeRequired(SyncError):
    """The synchronisation API needs a system-scoped administrator's token."""

    code = "sync.scope"
    status = 403


class NotThere(SyncError):
    """No record, conflict or lease under that address."""

    code = "record.missing"
    status = 404


class Stale(SyncError):
    """The record was changed since the caller read it."""

    code = "record.changed"
    status = 412


class StoreError(ViaductError):
    """Our tables are missing, outdated or unreadable."""

    code = "store.failed"


class NotInitialised(StoreError):
    """``viaduct init`` was not run on this database."""

    code = "store.uninitialised"
    status = 503


class StoreBusy(StoreError):
    """The database kept refusing a transaction (locks, deadlocks, certification) until the deadline."""

    code = "store.busy"
    status = 503


class StoreUnavailable(StoreError):
    """The database can't be reached."""

    code = "store.unavailable"
    status = 503


class SchemaMissing(StoreError):
    """The database holds no tables of Keystone, or not those that were asked for."""

    code = "schema.missing"
    status = 503


class SchemaNewer(StoreError):
    """The tables are of a later version than this release of Viaduct knows."""

    code = "schema.newer"
    status = 503


class OutcomeUnknown(StoreError):
    """The database did not say whether it made a change, and could not be asked."""

    code = "store.unknown"
    status = 503


class SealingError(ViaductError):
    """A secret could not be sealed or opened."""

    code = "sealing.failed"
    status = 400


class KeyRepositoryError(ViaductError):
    """A Fernet key repository of Keystone can't be read or written."""

    code = "keys.repository"
    status = 503


class SiteUnavailable(ViaductError):
    """The other site did not answer, or answered that it cannot."""

    code = "site.unavailable"
    status = 503


class LeaseHeld(ViaductError):
    """Another agent holds the lease."""

    code = "lease.held"
    status = 409


class LoginRefused(ViaductError):
    """Keystone does not let a person in at the dashboard, or a site does not accept his token."""

    code = "login.refused"
    status = 401


class UpgradeError(ViaductError):
    """A rolling upgrade could not go on; what was done is in its journal."""

    code = "upgrade.failed"


class BadDeclaration(UpgradeError):
    """A bridge or an operation that no database could follow; nothing was changed."""

    code = "upgrade.declaration"
    status = 400
    exit_code = 2


class UpgradeRefused(UpgradeError):
    """The operation would stop writers on this engine, or lacks what it needs; nothing was changed."""

    code = "upgrade.refused"
    status = 409
    exit_code = 2


class UpgradeState(UpgradeError):
    """It is not the turn of this phase, or the upgrade was begun with another declaration."""

    code = "upgrade.state"
    status = 409
    exit_code = 2


class TableBusy(UpgradeError):
    """A table was in use each time that a statement asked for it; the last try has changed nothing."""

    code = "upgrade.busy"
    status = 503


class TransferRefused(ViaductError):
    """A folder or an engine is not what an export or import can use; nothing was changed."""

    code = "transfer.refused"
    status = 409


class ServerFailed(ViaductError):
    """A server that we start ourselves (demo, tests) did not come up, or a program run beside it failed."""

    code = "server.failed"


class DemoFailed(ViaductError):
    """A step of the demo did not have the effect that it announces."""

    code = "demo.failed"


class AdoptError(ViaductError):
    """A record could not be given another id; nothing of it was changed."""

    code = "adopt.failed"
    status = 409


class AlreadyJoined(AdoptError):
    """The site replicates already: a new id would look like a delete to the fleet."""

    code = "adopt.joined"


class AccessUndecided(AdoptError):
    """Joining would change who logs in how and may do what; ``fields["undecided"]`` names the first."""

    code = "adopt.undecided"
    exit_code = 3
