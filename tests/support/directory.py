"""OpenLDAP for tests: a private ``slapd`` on the loopback interface with a database of its own.

What is in it is written by ``ldapmodify``, as an administrator would: Keystone's LDAP driver only reads.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from keystone_viaduct.demo.leash import Leashed, Port, tail
from tests.support.held import held
from tests.support.servers import unavailable

SUFFIX = "dc=viaduct,dc=example"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ROOT, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "of-a-test"
READY_SECONDS = 30.0
_SCHEMAS = Path("/etc/ldap/schema")
_MODULES = Path("/usr/lib/ldap")


class Directory:
    """A running server; people are named by ``uid``, groups by ``cn``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = Port()
        self._server: Leashed | None = None

    @property
    def url(self) -> str:
        """Its LDAP URL."""
        return f"ldap://127.0.0.1:{self._port.number}"

    @property
    def keystone_options(self) -> Mapping[str, str]:
        """The ``[ldap]`` section of a Keystone that has its users here. Their ids are their ``uid``."""
        return {
            "url": self.url,
            "user": ROOT,
            "password": ROOT_PASSWORD,
            "suffix": SUFFIX,
            "use_pool": "false",
            "user_tree_dn": PEOPLE,
            "user_objectclass": "inetOrgPerson",
            "user_id_attribute": "uid",
            "user_name_attribute": "uid",
            "group_tree_dn": GROUPS,
            "group_objectclass": "groupOfNames",
            "group_id_attribute": "cn",
            "group_name_attribute": "cn",
            "group_member_attribute": "member",
        }

    def start(self) -> None:
        """Start it with the two empty branches."""
        data = self._folder / "data"
        data.mkdir(parents=True)
        schemas = "".join(f"include {_SCHEMAS}/{n}.schema\n" for n in ("core", "cosine", "inetorgperson"))
        (self._folder / "slapd.conf").write_text(
            f"{schemas}modulepath {_MODULES}\nmoduleload back_mdb\npidfile {self._folder}/slapd.pid\n"
            f'database mdb\nsuffix "{SUFFIX}"\nrootdn "{ROOT}"\nrootpw {ROOT_PASSWORD}\n'
            f"directory {data}\ndbnosync\n"
        )
        program = shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap:/usr/bin") or "slapd"
        self._server = Leashed(
            held([program, "-d", "0", "-h", self.url, "-f", str(self._folder / "slapd.conf")]),
            env={"PATH": "/usr/sbin:/usr/bin"},
            log=self._folder / "slapd.log",
            cwd=self._folder,
        )
        self._wait_ready()
        base = f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: viaduct\no: Viaduct\n"
        branches = (f"dn: {dn}\nobjectClass: organizationalUnit\n" for dn in (PEOPLE, GROUPS))
        self._modify("\n".join([base, *branches]), "-a")

    def add_person(self, uid: str, password: str) -> None:
        """Somebody who can log in by name and password."""
        self._modify(
            f"dn: uid={uid},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n"
            f"userPassword: {password}\n",
            "-a",
        )

    def add_people(self, uids: Iterable[str], password: str) -> None:
        """Many who can log in, at once."""
        entries = (
            f"dn: uid={uid},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n"
            f"userPassword: {password}\n"
            for uid in uids
        )
        self._modify("\n".join(entries), "-a")

    def add_group(self, name: str, *members: str) -> None:
        """A group of people, who need not be there."""
        of = "".join(f"member: uid={uid},{PEOPLE}\n" for uid in members)
        self._modify(f"dn: cn={name},{GROUPS}\nobjectClass: groupOfNames\ncn: {name}\n{of}", "-a")

    def remove_person(self, uid: str) -> None:
        """The directory's own deletion: nobody tells Keystone."""
        self._modify(f"dn: uid={uid},{PEOPLE}\nchangetype: delete\n")

    def stop(self) -> None:
        """End it. Repeatable."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self._port.release()

    def _wait_ready(self) -> None:
        assert self._server is not None
        deadline = time.monotonic() + READY_SECONDS
        while self._client("ldapwhoami").returncode:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"slapd did not start:\n{tail(self._folder / 'slapd.log')}")
            time.sleep(0.02)

    def _modify(self, ldif: str, *options: str) -> None:
        done = self._client("ldapmodify", *options, text=ldif)
        if done.returncode:
            raise RuntimeError(f"ldapmodify: {done.stderr}\n{ldif}")

    def _client(self, program: str, *options: str, text: str = "") -> subprocess.CompletedProcess[str]:
        account = ["-x", "-H", self.url, "-D", ROOT, "-w", ROOT_PASSWORD]
        return subprocess.run(
            [program, *account, *options], input=text, capture_output=True, text=True, timeout=60
        )


@contextmanager
def directory(folder: Path) -> Iterator[Directory]:
    """A running directory; skips (or fails) the test with a hint where something is missing."""
    for program in ("slapd", "ldapmodify", "ldapwhoami"):
        if shutil.which(program, path="/usr/sbin:/usr/lib/openldap:/usr/bin:/bin") is None:
            unavailable(
                f"{program} was not found", "`make servers` (as root) or `apt-get install slapd ldap-utils`"
            )
    for module in ("ldap", "ldappool"):
        if find_spec(module) is None:
            unavailable(
                f"the Python module {module} is missing",
                "`make .venv/.upstream` (Debian: gcc python3-dev libldap2-dev libsasl2-dev) installs it",
            )
    found = Directory(folder)
    try:
        found.start()
        yield found
    finally:
        found.stop()
