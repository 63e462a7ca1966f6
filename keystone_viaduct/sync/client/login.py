"""Tokens for a site: one is used until it nears its end, then the next is fetched."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from keystone_viaduct.errors import ConfigError, SiteUnavailable
from keystone_viaduct.sync.client.reaching import reaching
from keystone_viaduct.sync.wire.faults import one_line

#: Seconds before a token's end from which a new one is fetched.
SPARE = 60
#: Seconds that a site may take to give a token. Without a bound who asks a site behind a road that swallows
#: everything would wait for ever.
PATIENCE = 15.0
#: Seconds for all of that, however slowly the bytes come.
LONGEST = 60.0
#: What is said of a site that can't be asked for a token, and what to look at.
NO_TOKEN = ("gives no token", "is it up?")


class Login(Protocol):
    """Where a site's API is and what lets one in."""

    @property
    def url(self) -> str:
        """The identity API's base, ending in ``/v3``."""

    @property
    def verify(self) -> bool | str:
        """Whether certificates are checked, or the file of authorities to check them with."""

    def token(self) -> str:
        """A system-scoped token. Raises SiteUnavailable, ConfigError."""

    def forget(self, token: str) -> None:
        """That token was refused: fetch another next time."""


@dataclass(frozen=True)
class Account:
    """By whom one logs in at a site."""

    id: str
    name: str


class CloudLogin:
    """A login by keystoneauth. ``auth`` is its plug-in, ``session`` its session.

    ``elsewhere(auth_url)`` gives a plug-in with the same credentials for another site.
    """

    def __init__(
        self,
        name: str,
        url: str,
        auth: Any,
        session: Any,
        elsewhere: Callable[[str], Any] | None = None,
        secret: str = "",
    ) -> None:
        self._name = name
        self._url = base_url(url)
        self._auth = auth
        self._session = session
        self._elsewhere = elsewhere
        #: A digest of what it logs in with, to be compared with others'; '' where that is not known.
        self.secret = hashlib.sha256(secret.encode()).hexdigest() if secret else ""
        self._lock = threading.Lock()
        self._asking: Future[str] | None = None

    @property
    def url(self) -> str:
        """The identity API's base, ending in ``/v3``."""
        return self._url

    @property
    def addresses(self) -> list[str]:
        """Where calls and log-ins go."""
        return list(dict.fromkeys([self._url, str(getattr(self._auth, "auth_url", None) or self._url)]))

    @property
    def verify(self) -> bool | str:
        """Whether certificates are checked, or the file of authorities to check them with."""
        found: bool | str = self._session.verify
        return found

    def account(self) -> Account:
        """By whom this logs in. Raises SiteUnavailable."""
        self.token()
        with reaching(self._name, *NO_TOKEN):
            access = self._auth.get_access(self._session)
        return Account(str(access.user_id), str(access.username))

    def works_at(self, other: CloudLogin) -> bool:
        """Whether another site gives a token for the same credentials. Raises SiteUnavailable."""
        from keystoneauth1 import exceptions

        if self._elsewhere is None:
            return False
        with reaching(other._name, *NO_TOKEN):
            try:
                self._elsewhere(other.url).get_access(other._session)
            except (exceptions.Unauthorized, exceptions.Forbidden, exceptions.NotFound):
                return False
        return True

    def token(self) -> str:
        """A system-scoped token, the same one until it nears its end.

        A site that gives it byte by byte is waited for no longer than one that gives none; meanwhile it is
        not asked again. Raises SiteUnavailable.
        """
        with self._lock:
            known = getattr(self._auth, "auth_ref", None)
            if known is not None and not known.will_expire_soon(SPARE):
                return str(known.auth_token)
            asking = self._asking
            if asking is None or asking.done():
                asking = self._asking = Future()
                threading.Thread(target=self._ask, args=(asking,), name="login", daemon=True).start()
        try:
            return asking.result(LONGEST)
        except TimeoutError as error:
            raise SiteUnavailable(
                f"{self._name} {NO_TOKEN[0]} within {LONGEST:g} s", hint=NO_TOKEN[1], site=self._name
            ) from error

    def _ask(self, asking: Future[str]) -> None:
        try:
            asking.set_result(self._fetched())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            asking.set_exception(error)

    def _fetched(self) -> str:
        from keystoneauth1 import exceptions

        with reaching(self._name, *NO_TOKEN):
            try:
                access = self._auth.get_access(self._session)
                if access.will_expire_soon(SPARE):
                    self._auth.invalidate()
                    access = self._auth.get_access(self._session)
                return str(access.auth_token)
            except (exceptions.Unauthorized, exceptions.Forbidden) as error:
                raise SiteUnavailable(
                    f"{self._name} refuses the account: {one_line(str(error))}",
                    hint="look at its user, password and system_scope in clouds.yaml",
                    site=self._name,
                ) from error

    def forget(self, token: str) -> None:
        """That token was refused: fetch another next time, unless that was done meanwhile."""
        with self._lock:
            access = getattr(self._auth, "auth_ref", None)
            if access is None or access.auth_token == token:
                self._auth.invalidate()


def base_url(url: str) -> str:
    """The base of the identity API, from what is written in ``auth_url``."""
    bare = url.rstrip("/")
    return bare if bare.endswith("/v3") else f"{bare}/v3"


class Clouds:
    """``clouds.yaml``, read once, when it is first needed: it takes long where it has many clouds."""

    def __init__(self, files: Sequence[str] | None = None) -> None:
        self._files = list(files) if files else None
        self._config: Any = None

    def load(self, cloud: str, auth_url: str = "") -> tuple[Any, Any, Any]:
        """Of one of them: what is written there, its plug-in and its session. Raises ConfigError."""
        try:
            from openstack import exceptions
        except ImportError as error:
            raise ConfigError(
                "clouds.yaml can't be read without openstacksdk", hint="pip install openstacksdk"
            ) from error
        try:
            config = self._read().get_one(
                cloud=cloud, **({"auth": {"auth_url": auth_url}} if auth_url else {})
            )
            session = config.get_session()
            return config, session.auth, session
        except (exceptions.ConfigException, OSError) as error:
            raise ConfigError(
                f"cloud {cloud}: {error}",
                hint="`openstack --os-cloud NAME token issue` tries it",
                cloud=cloud,
            ) from error
        except Exception as error:
            # keystoneauth's plug-in loading has exceptions of its own, by plug-in
            if type(error).__module__.startswith("keystoneauth1"):
                raise ConfigError(
                    f"cloud {cloud}: {error}", hint="look at its auth options", cloud=cloud
                ) from error
            raise

    def _read(self) -> Any:
        from openstack import config as clouds

        if self._config is None:
            self._config = clouds.OpenStackConfig(
                config_files=self._files, load_envvars=self._files is None, app_name="viaduct"
            )
        return self._config


def cloud_login(
    cloud: str,
    *,
    name: str = "",
    url: str = "",
    files: Sequence[str] | None = None,
    clouds: Clouds | None = None,
    patience: float = PATIENCE,
) -> CloudLogin:
    """The account of a cloud of ``clouds.yaml``, scoped to the system.

    ``files``: the files to read instead of the usual places; or ``clouds``, which were read before. ``url``:
    another way to the site than the cloud's ``auth_url`` (for all but the tokens). ``patience``: seconds that
    getting a token may take, unless the cloud says so itself (``api_timeout``). Raises ConfigError.
    """
    read = clouds or Clouds(files)
    config, auth, session = read.load(cloud)
    if session.timeout is None:
        session.timeout = patience
    options = config.config.get("auth", {})
    auth_url = options.get("auth_url")
    if not auth_url:
        raise ConfigError(f"cloud {cloud} has no auth_url", hint="add it to clouds.yaml", cloud=cloud)
    if str(options.get("system_scope") or config.config.get("system_scope") or "") != "all":
        raise ConfigError(
            f"cloud {cloud} is not scoped to the system",
            hint="give it `system_scope: all` under `auth:`, without project or domain scope",
            cloud=cloud,
        )

    def elsewhere(there: str) -> Any:
        return read.load(cloud, there)[1]

    secret = str(options.get("password") or options.get("application_credential_secret") or "")
    return CloudLogin(name or cloud, url or str(auth_url), auth, session, elsewhere, secret)
