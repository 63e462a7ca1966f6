"""The examples for uWSGI and for Apache with mod_wsgi serve a real site: log-in, our API, long requests."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from keystone_viaduct.demo.handbook import write_clouds
from keystone_viaduct.demo.keystones import Keystone, SiteSpec
from keystone_viaduct.demo.leash import Leashed, tail
from keystone_viaduct.sync.client import HttpSite, Transport, cloud_login
from tests.support.servers import unavailable
from tests.unit.deploy.tools import ROOT, checked, tool

pytestmark = pytest.mark.keystone
DEADLINE = 90.0
MODULES = Path("/usr/lib/apache2/modules")
PAGE = 4 * 1024 * 1024


#: Who serves where root tests: mod_wsgi does nothing as root.
ACCOUNT = "nobody"


@pytest.fixture(scope="module")
def site() -> Iterator[Keystone]:
    """A prepared site that nothing serves, in a folder that another account may come to."""
    folder = Path(tempfile.mkdtemp(prefix="viaduct-site-"))
    folder.chmod(0o755)
    keys = {"viaduct": {"key_repository": str(folder / "east/viaduct-keys")}}
    found = Keystone(SiteSpec("east", options=keys), folder / "east")
    try:
        found.begin_setup()
        found.finish_setup()
        found.run("keystone_viaduct.cli.main", "init", "--site", "east", "--hub", "east")
        found.port.release()
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder)


def give(folder: Path, account: str) -> None:
    """Let an account have a folder and all in it."""
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, account)


@contextmanager
def served(command: list[str], site: Keystone, log: Path) -> Iterator[Leashed]:
    """The site under another server, which ends with the test."""
    server = Leashed(command, env=site.environment, log=log, cwd=site.layout.folder)
    try:
        until = time.monotonic() + DEADLINE
        while True:
            try:
                httpx.get(site.url, timeout=DEADLINE)
                break
            except httpx.TransportError:
                if server.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"it does not serve:\n{tail(log)}")
                time.sleep(0.1)
        yield server
    finally:
        server.stop()


def check(site: Keystone, folder: Path) -> None:
    """What a site has to answer, whoever serves it."""
    clouds = write_clouds(folder / "clouds.yaml", [site])
    login = cloud_login("east", name="east", files=[str(clouds)])
    east = HttpSite("east", Transport("east", login))
    assert east.capabilities().site == "east"
    east.close()
    headers = {"X-Auth-Token": login.token()}
    long = httpx.get(f"{site.url}/OS-SYNC", headers={**headers, "X-Long": "x" * 16_000})
    assert long.status_code == 200
    # a page that is none: the site itself has to refuse it, not who serves it for its size
    answer = httpx.post(f"{site.url}/OS-SYNC/changes", headers=headers, content=os.urandom(PAGE), timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400), answer.text


def test_uwsgi(site: Keystone, tmp_path: Path) -> None:
    text = (ROOT / "deploy/uwsgi/keystone.ini").read_text()
    for old, new in (
        ("/opt/keystone", str(Path(sys.executable).parents[1])),
        ("127.0.0.1:5000", f"127.0.0.1:{site.port.number}"),
        ("processes = 4", "processes = 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    example = tmp_path / "keystone.ini"
    example.write_text(text)
    log = tmp_path / "uwsgi.log"
    with served([tool("uwsgi", "pip's pyuwsgi has it"), "--ini", str(example)], site, log) as server:
        check(site, tmp_path)
        server.terminate()
        assert server.wait(60) == 0, tail(log)


def apache() -> str:
    """Debian's Apache, with a mod_wsgi of this Python."""
    program = shutil.which("apache2", path="/usr/sbin:/usr/bin") or shutil.which("httpd")
    if program is None or not (MODULES / "mod_wsgi.so").exists():
        unavailable("no Apache with mod_wsgi", "`make servers` (apache2-bin, libapache2-mod-wsgi-py3)")
    python = re.search(r"libpython([\d.]+)\.so", checked("ldd", str(MODULES / "mod_wsgi.so")))
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python is None or python[1].rstrip(".") != ours:
        pytest.skip(f"mod_wsgi is of another Python than {ours}")
    return program


def test_mod_wsgi(site: Keystone, tmp_path: Path) -> None:
    program = apache()
    text = (ROOT / "deploy/apache/keystone.conf").read_text()
    folder, is_root = site.layout.folder, os.geteuid() == 0
    group = grp.getgrgid(pwd.getpwnam(ACCOUNT).pw_gid).gr_name
    for old, new in (
        ("/opt/keystone/share/keystone-viaduct/apache", str(ROOT / "deploy/apache")),
        ("python-home=/opt/keystone", f"python-home={Path(sys.executable).parents[1]}"),
        ("Listen 5000", f"Listen 127.0.0.1:{site.port.number}"),
        ("*:5000", f"*:{site.port.number}"),
        ("processes=4", "processes=1"),
        ("user=keystone group=keystone", f"user={ACCOUNT} group={group}" if is_root else ""),
    ):
        assert old in text
        text = text.replace(old, new)
    modules = ("mpm_event", "authz_core", "wsgi")
    loaded = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in modules)
    config, log = folder / "apache.conf", folder / "error.log"
    own = f"ServerName localhost\nServerRoot {folder}\nPidFile {folder}/pid\nErrorLog {log}\n"
    identity = f"User {ACCOUNT}\nGroup {group}\n" if is_root else ""
    config.write_text(f"{own}{identity}Mutex file:{folder}\nWSGISocketPrefix {folder}/wsgi\n{loaded}{text}")
    if is_root:
        give(folder, ACCOUNT)
    checked(program, "-t", "-f", str(config))
    with served([program, "-DFOREGROUND", "-f", str(config)], site, log) as server:
        check(site, tmp_path)
        server.terminate()
        assert server.wait(60) == 0, tail(log)
