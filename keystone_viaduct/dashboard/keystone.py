"""Logging people in at the hub's Keystone, and asking sites with their own accounts."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from keystone_viaduct.dashboard.access import Person
from keystone_viaduct.dashboard.view.survey import Answer
from keystone_viaduct.errors import LoginRefused, NotThere, SiteUnavailable, ViaductError
from keystone_viaduct.sync.client import HttpSite, Transport
from keystone_viaduct.sync.client.reaching import reaching
from keystone_viaduct.sync.client.transport import Timeouts
from keystone_viaduct.sync.model import Ref

#: Seconds for a log-in, and for one question to a site that a person waits for.
PATIENCE, TIMES = 15.0, Timeouts(connect=4.0, answer=10.0, total=15.0)
#: Sites that are asked side by side for a record.
AT_ONCE = 16
#: Where Keystone lists records by name: kind -> path, and the name of the list.
LISTS = {
    "user": ("/users", "users"),
    "group": ("/groups", "groups"),
    "project": ("/projects", "projects"),
    "domain": ("/domains", "domains"),
    "role": ("/roles", "roles"),
    "service": ("/services", "services"),
}
#: Records of one name that are offered; sites that are asked for a name in turn while they are away.
MOST, ASKED_BY_NAME = 20, 3


@dataclass(frozen=True, slots=True)
class Address:
    """Where a site's identity API is."""

    name: str
    url: str
    verify: bool | str = True


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody has typed: a password with or without a code, a code for a ``receipt``, or an
    application credential.
    """

    user: str = ""
    domain: str = ""
    password: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    receipt: str = field(default="", repr=False)
    application: str = ""
    secret: str = field(default="", repr=False)


class NeedsCode(Exception):
    """Keystone wants one more method; ``receipt`` stands for those that were right."""

    def __init__(self, receipt: str, wanted: tuple[str, ...]) -> None:
        super().__init__("one more method is wanted")
        self.receipt = receipt
        self.wanted = wanted


class Door:
    """``hub`` tells where the hub is now."""

    def __init__(self, hub: Callable[[], Address]) -> None:
        self._hub = hub

    def enter(self, given: Credentials) -> Person:
        """Log in. Raises LoginRefused, NeedsCode, SiteUnavailable.

        The password is tried once, so that a mistake counts once for a lock-out. The token is then changed
        for one of the system, where the account has a role there; an application credential is a project's.
        """
        if given.application:
            return self._ask(partial(_plugin, given=given, scope={}))
        person = self._ask(partial(_plugin, given=given, scope={"unscoped": True}))
        try:
            return self._ask(partial(_exchange, token=person.token))
        except LoginRefused:
            return person

    def leave(self, person: Person) -> None:
        """Have the hub revoke his token; that it can't be asked does not keep him in."""
        from keystoneauth1 import exceptions, session

        hub = self._hub()
        headers = {"X-Auth-Token": person.token, "X-Subject-Token": person.token}
        try:
            with reaching(hub.name, "does not answer", ""):
                asked = session.Session(verify=hub.verify, timeout=TIMES.connect)
                asked.delete(f"{hub.url}/auth/tokens", headers=headers, authenticated=False)
        except (ViaductError, exceptions.ClientException):
            return

    def _ask(self, plugin: Callable[[str], Any]) -> Person:
        from keystoneauth1 import exceptions, session

        hub = self._hub()
        with reaching(hub.name, "does not answer", "nobody can log in while the hub is away"):
            try:
                made = session.Session(verify=hub.verify, timeout=PATIENCE)
                access = plugin(hub.url).get_access(made)
            except exceptions.MissingAuthMethods as error:
                wanted = {name for group in error.required_auth_methods for name in group}
                raise NeedsCode(str(error.receipt), tuple(sorted(wanted - set(error.methods)))) from error
            except (exceptions.Unauthorized, exceptions.Forbidden, exceptions.BadRequest) as error:
                raise LoginRefused(
                    f"the Keystone of {hub.name} does not let you in",
                    hint="look at the name, its domain and the password; is the account locked?",
                ) from error
        return _person(access)


def _plugin(url: str, given: Credentials, scope: Mapping[str, Any]) -> Any:
    from keystoneauth1.identity import v3

    common = {"reauthenticate": False, "include_catalog": False, **scope}
    if given.application:
        method = v3.ApplicationCredentialMethod(
            application_credential_id=given.application, application_credential_secret=given.secret
        )
        return v3.Auth(url, [method], **common)
    who = {"username": given.user, "user_domain_name": given.domain or "Default"}
    methods: list[Any] = []
    if given.receipt:
        methods.append(v3.ReceiptMethod(receipt=given.receipt))
    else:
        methods.append(v3.PasswordMethod(password=given.password, **who))
    if given.code:
        methods.append(v3.TOTPMethod(passcode=given.code, **who))
    return v3.Auth(url, methods, **common)


def _exchange(url: str, token: str) -> Any:
    from keystoneauth1.identity import v3

    return v3.Token(url, token, system_scope="all", reauthenticate=False, include_catalog=False)


def _person(access: Any) -> Person:
    ends: datetime.datetime = access.expires
    return Person(
        str(access.user_id),
        str(access.username),
        str(access.user_domain_name or access.user_domain_id or ""),
        str(access.auth_token),
        ends.timestamp(),
        access.system_scoped,
        tuple(access.role_names or ()),
    )


class PersonLogin:
    """A person's token, as it is: when it is refused there is no other one."""

    def __init__(self, address: Address, person: Person) -> None:
        self._address = address
        self._person = person

    @property
    def url(self) -> str:
        """The identity API's base."""
        return self._address.url

    @property
    def verify(self) -> bool | str:
        """Whether certificates are checked."""
        return self._address.verify

    def token(self) -> str:
        """His token."""
        return self._person.token

    def forget(self, token: str) -> None:
        """Raises LoginRefused."""
        raise LoginRefused(
            f"{self._address.name} does not accept your token",
            hint="log in again; do you have an account there?",
        )


class People:
    """Asks the sites as a person. ``addresses`` tells where they are, ``hub`` which one leads now."""

    def __init__(self, addresses: Mapping[str, Address], hub: Callable[[], str]) -> None:
        self._addresses = addresses
        self._hub = hub

    @property
    def sites(self) -> tuple[str, ...]:
        """All that can be asked, the hub first."""
        hub = self._hub()
        return tuple(sorted(self._addresses, key=lambda name: (name != hub, name)))

    @contextmanager
    def site(self, name: str, person: Person) -> Iterator[HttpSite]:
        """A site, as that person."""
        address = self._addresses[name]
        site = HttpSite(name, Transport(name, PersonLogin(address, person), TIMES))
        try:
            yield site
        finally:
            site.close()

    @contextmanager
    def hub(self, person: Person) -> Iterator[HttpSite]:
        """The hub, as that person."""
        with self.site(self._hub(), person) as site:
            yield site

    def record(self, person: Person, ref: Ref) -> dict[str, Any] | None:
        """A record at the hub; None where it has none."""
        with self.hub(person) as hub:
            try:
                return hub.record(ref)
            except NotThere:
                return None

    def named(self, person: Person, kind: str, name: str) -> list[tuple[str, str]]:
        """(id, in which domain) of the records that are called so, as the hub's own API lists them; while it
        is away, as that of another site does. Raises what they say.
        """
        if kind not in LISTS:
            return []
        away: ViaductError | None = None
        for site in self.sites[:ASKED_BY_NAME]:
            try:
                return self._named(self._addresses[site], person, kind, name)
            except SiteUnavailable as error:
                away = away or error
        if away is not None:
            raise away
        return []

    def _named(self, site: Address, person: Person, kind: str, name: str) -> list[tuple[str, str]]:
        from keystoneauth1 import exceptions, session

        path, member = LISTS[kind]
        with reaching(site.name, "does not answer", "is it up?"):
            try:
                asked = session.Session(verify=site.verify, timeout=TIMES.connect)
                found = asked.get(
                    f"{site.url}{path}",
                    params={"name": name},
                    headers={"X-Auth-Token": person.token},
                    authenticated=False,
                )
            except (exceptions.Forbidden, exceptions.Unauthorized) as error:
                raise LoginRefused(
                    f"your account may not list {member} at {site.name}", hint="search by id"
                ) from error
        rows = found.json().get(member, [])
        return [(str(row["id"]), str(row.get("domain_id") or "")) for row in rows[:MOST]]

    def ask_all(self, person: Person, ref: Ref, told: Callable[[Answer], None]) -> None:
        """Every site for one record, the hub first, many side by side; each answer is told as it comes."""
        with ThreadPoolExecutor(AT_ONCE, "survey") as pool:
            for asked in as_completed([pool.submit(self._answer, name, person, ref) for name in self.sites]):
                told(asked.result())

    def _answer(self, name: str, person: Person, ref: Ref) -> Answer:
        try:
            with self.site(name, person) as site:
                return Answer(name, site.record(ref))
        except NotThere:
            return Answer(name)
        except ViaductError as error:
            return Answer(name, error=error.message)
