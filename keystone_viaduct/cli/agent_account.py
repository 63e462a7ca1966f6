"""Give the agent an account of its own at this site, which no other site ever hears of.

Run it at the site, with Keystone's configuration. The account has a random password, lies in a domain that
never travels (``viaduct-local``) and holds one role on the system, by which it may do what the agent does and
nothing else. Who runs this site's Keystone sees the password; it is good for nothing anywhere else.
"""

from __future__ import annotations

import getpass
import uuid
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import DRY_RUN, KEYSTONE, OUTPUT, Arguments, argument
from keystone_viaduct.cli._terminal import UNCHANGED, Terminal
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import ConfigError

if TYPE_CHECKING:
    from keystone_viaduct.cli._keystone import KeystoneSettings
    from keystone_viaduct.documents.codec import Codecs

HELP = "an account for the agent that never leaves this site"
SECTION = "site"
EXAMPLES = (
    "viaduct agent-account create --dry-run",
    "viaduct agent-account create",
    "viaduct agent-account renew --format json",
)
USER_NAME = "viaduct-agent"
#: Ids of Keystone's options of a user: guesses by strangers shut nobody out, and the password does not end.
_OPTIONS = {"option.1001": True, "option.1002": True, "option.1004": True}


PARAMS = (
    argument(
        "action",
        choices=("create", "renew", "remove"),
        help="make it, give it another password, or take it away",
    ),
    DRY_RUN,
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Change the account in one transaction; a password is printed once and kept nowhere."""
    from keystone_viaduct.cli._site import open_database
    from keystone_viaduct.documents.cipher import KeyRepositoryCipher
    from keystone_viaduct.documents.codec import Codecs

    settings = _keystone.settings_of(args)
    database = open_database(settings)
    codecs = Codecs(database.schema, KeyRepositoryCipher(settings.credential_keys), with_local=True)
    try:
        with database.engine.begin() as connection:
            account = _Account(codecs, connection, settings)
            password = getattr(account, args.action)()
            _write_down(connection, args.action, account.domain)
            if args.dry_run:
                raise _Undo
    except _Undo:
        return _tried(terminal, args.action, account.domain)
    terminal.data({"user": USER_NAME, "domain": account.domain, "action": args.action, "password": password})
    if password is None:
        terminal.say(f"{USER_NAME} is removed; the agent can't log in with it any more")
        return 0
    terminal.say("in clouds.yaml of the agent, for this site (the password is shown this once):")
    for line in (f"username: {USER_NAME}", f"user_domain_id: {account.domain}", f"password: {password}"):
        terminal.say(f"  {line}")
    terminal.say("  system_scope: all")
    return 0


class _Undo(Exception):
    """Ends a transaction that only wanted to know."""


def _tried(terminal: Terminal, action: str, domain: str) -> int:
    """It was done, and undone: nothing that keeps it from being done is left to be found."""
    done = {"create": "made", "renew": "given another password", "remove": "removed"}[action]
    terminal.data({"user": USER_NAME, "domain": domain, "action": action, "password": None})
    terminal.say(f"{USER_NAME} in the domain {domain} would be {done}")
    terminal.say(UNCHANGED)
    return 0


def _write_down(connection: Any, action: str, domain: str) -> None:
    """In the site's audit trail, once it has one."""
    import sqlalchemy as sa

    from keystone_viaduct.sync.store.audit import Audited, audit_row
    from keystone_viaduct.sync.store.tables import audit

    if sa.inspect(connection).has_table(audit.name):
        who = f"{getpass.getuser()} (at the site)"
        entry = Audited(SystemClock().now(), "agent_account", f"{domain}/{USER_NAME}", who, "", None, action)
        connection.execute(audit.insert(), audit_row(entry))


class _Account:
    """The account in Keystone's tables, within one transaction."""

    def __init__(self, codecs: Codecs, connection: Any, settings: KeystoneSettings) -> None:
        from keystone_viaduct.kinds.local import DOMAIN, ROLE, ROLE_NAME

        self.domain, self._role, self._role_name = DOMAIN, ROLE, ROLE_NAME
        self._codecs = codecs
        self._connection = connection
        self._settings = settings

    def create(self) -> str:
        """Make it, and what it needs; the password."""
        if self._user() is not None:
            raise ConfigError(
                f"this site has its {USER_NAME} already",
                hint="`viaduct agent-account renew` gives it another password",
            )
        self._ensure("domain", self.domain, {"name": self.domain, "enabled": True})
        role = {"name": self._role_name, "domain_id": None, "description": "what viaduct's agent may do"}
        self._ensure("role", self._role, role)
        key, password = f"{self.domain}-{uuid.uuid4().hex}", token_urlsafe(32)
        user = {"domain_id": self.domain, "enabled": True, "local.name": USER_NAME, **_OPTIONS}
        self._ensure("user", key, {**user, "passwords": [self._hashed(password)]})
        grant = {"type": "UserSystem", "actor_id": key, "target_id": "system", "role_id": self._role}
        document = {**grant, "inherited": False}
        self._ensure("system_assignment", "/".join([*grant.values(), "0"]), document, identified=False)
        return password

    def renew(self) -> str:
        """Another password; the one before is of no use at once."""
        key, before = self._known()
        password = token_urlsafe(32)
        after = {**before, "passwords": [self._hashed(password)]}
        self._codecs.write(self._connection, "user", key, before, after)
        return password

    def remove(self) -> None:
        """Take it away; domain and role stay for the next one."""
        key, _ = self._known()
        grants = [f"UserSystem/{key}/system/{self._role}/0"]
        self._codecs.delete(self._connection, "system_assignment", grants)
        self._codecs.delete(self._connection, "user", [key])

    def _known(self) -> tuple[str, dict[str, Any]]:
        found = self._user()
        if found is None:
            raise ConfigError(f"this site has no {USER_NAME}", hint="`viaduct agent-account create`")
        return found

    def _user(self) -> tuple[str, dict[str, Any]] | None:
        holders = self._codecs.holders(self._connection, "user", "local_name", [(self.domain, USER_NAME)])
        if not holders:
            return None
        (key,) = holders.values()
        return key, self._codecs.load(self._connection, "user", [key])[key]

    def _ensure(self, kind: str, key: str, document: dict[str, Any], *, identified: bool = True) -> None:
        if not self._codecs.load(self._connection, kind, [key]):
            whole = {"id": key, **document} if identified else document
            self._codecs.insert_many(self._connection, kind, [(key, whole)])

    def _hashed(self, password: str) -> dict[str, Any]:
        """As this site's Keystone would keep it."""
        from keystone import conf
        from keystone.common import password_hashing
        from keystone.conf import identity

        identity.register_opts(conf.CONF)
        conf.CONF(args=[], project="keystone", default_config_files=list(self._settings.files))
        now = SystemClock().now()
        text = password_hashing.hash_password(password)
        return {"created_at_int": now, "expires_at_int": None, "password_hash": text, "self_service": False}
