"""A site as its users see it: sessions of a real client, with whatever credentials and scope a step needs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import openstack
from keystoneauth1.adapter import Adapter

from keystone_viaduct.demo.keystones import Keystone
from keystone_viaduct.demo.leash import tail
from keystone_viaduct.errors import ServerFailed

Json = Any


class Api:
    """Keystone's v3 API at one site, with one user's session. HTTP errors are raised as keystoneauth's."""

    def __init__(self, cloud: openstack.connection.Connection, url: str) -> None:
        self.cloud = cloud
        self._adapter = Adapter(cloud.session, endpoint_override=url)

    def get(self, path: str, **headers: str) -> Json:
        """The answer's JSON."""
        return self._adapter.get(path, headers=headers).json()

    def post(self, path: str, **body: Json) -> Json:
        """Create; the answer's single member, or all of it."""
        return _member(self._adapter.post(path, json=body))

    def put(self, path: str, **body: Json) -> Json:
        """Put ``body``, or nothing; the answer's single member."""
        return _member(self._adapter.put(path, json=body) if body else self._adapter.put(path))

    def patch(self, path: str, **body: Json) -> Json:
        """Change; the answer's single member."""
        return _member(self._adapter.patch(path, json=body))

    def delete(self, path: str, **headers: str) -> None:
        """Delete."""
        self._adapter.delete(path, headers=headers)

    @property
    def user_id(self) -> str:
        """Who this session is."""
        return str(self.cloud.session.get_user_id())

    @property
    def token(self) -> str:
        """The session's token."""
        return str(self.cloud.session.get_token())


class Place:
    """One site to act at: its Keystone, an administrator's session, and any other that is asked for."""

    def __init__(self, keystone: Keystone, admin_password: str | None = None) -> None:
        self.keystone = keystone
        self.admin_password = admin_password or keystone.spec.admin_password

    @property
    def name(self) -> str:
        """The site's name."""
        return self.keystone.name

    @cached_property
    def admin(self) -> Api:
        """The administrator, scoped to the system."""
        return self.login(
            username="admin", user_domain_id="default", password=self.admin_password, system_scope="all"
        )

    def login(self, **auth: str) -> Api:
        """A session with keystoneauth's ``auth`` options: password, application credential, token."""
        kind = "v3applicationcredential" if "application_credential_secret" in auth else "v3password"
        if "token" in auth:
            kind = "v3token"
        cloud = openstack.connect(
            auth_type=kind,
            auth={"auth_url": self.keystone.url, **auth},
            identity_endpoint_override=self.keystone.url,
            region_name=self.name,
            load_envvars=False,
            load_yaml_config=False,
        )
        return Api(cloud, self.keystone.url)

    def inside(self, **wishes: Json) -> Mapping[str, Json]:
        """Have Keystone's own managers make what no API makes; see :mod:`~.inside`. Raises ServerFailed."""
        child = self._insider
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps(wishes) + "\n")
            child.stdin.flush()
            answer = child.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            log = self._inside_log
            raise ServerFailed(
                f"a program inside Keystone failed at {self.name}:\n{tail(log, 10)}",
                hint=f"see {log}",
                site=self.name,
            )
        made: Mapping[str, Json] = json.loads(answer)
        return made

    def close(self) -> None:
        """End the program that runs inside, if any; the server is not ours to stop."""
        child: subprocess.Popen[str] | None = self.__dict__.pop("_insider", None)
        if child is not None:
            child.communicate(timeout=60)

    @property
    def _inside_log(self) -> Path:
        return self.keystone.layout.folder / "inside.log"

    @cached_property
    def _insider(self) -> subprocess.Popen[str]:
        # It ends with its input, so it can't outlive us.
        with self._inside_log.open("ab") as log:
            return subprocess.Popen(
                [str(self.keystone.spec.python), "-m", "keystone_viaduct.demo.scenario.inside"],
                env=self.keystone.environment,
                cwd=self.keystone.layout.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )


def _member(response: Any) -> Json:
    if not response.content:
        return None
    body = response.json()
    members = [value for name, value in body.items() if name != "links"] if isinstance(body, dict) else []
    return members[0] if len(members) == 1 else body
