"""The wheel and the source archive: complete, and such as the package index takes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.unit.deploy.tools import ROOT, checked, tool

DEPLOY = ROOT / "deploy"


def tracked(*folders: str) -> set[str]:
    """The files of these folders that belong to the project."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a clone: nothing says which files belong to it")
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


@pytest.fixture(scope="module")
def ours() -> set[str]:
    """All files of the project, but for those that only a clone needs."""
    return {name for name in tracked(".") if not name.startswith(".")}


@pytest.fixture(scope="module")
def made(ours: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both, made of a copy: building leaves files behind."""
    pytest.importorskip("build", reason="pip's build has it")
    folder = tmp_path_factory.mktemp("packages")
    for name in ours:
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist")]
    checked(*command, str(folder / "source"), timeout=300)
    return folder / "dist"


def test_the_index_takes_both(made: Path) -> None:
    program = tool("twine", "pip's twine has it")
    said = checked(program, "check", "--strict", *map(str, made.iterdir()))
    assert said.count("PASSED") == 2


def test_the_wheel_has_the_product_and_what_operators_copy_and_nothing_else(made: Path) -> None:
    (wheel,) = made.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    product = {name for name in names if name.startswith("keystone_viaduct/")}
    assert product == tracked("keystone_viaduct")
    share = {name.split("/data/share/keystone-viaduct/")[1] for name in names if "/data/share/" in name}
    shipped = {name.removeprefix("deploy/") for name in tracked("deploy")}
    assert share == {name for name in shipped if "-generator.conf" not in name}
    rest = {name.split("/")[0] for name in names} - {"keystone_viaduct"}
    version = wheel.name.split("-")[1]
    assert rest == {f"keystone_viaduct-{version}.data", f"keystone_viaduct-{version}.dist-info"}


def test_the_source_archive_has_every_file_that_belongs_to_the_project(made: Path, ours: set[str]) -> None:
    (archive,) = made.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert ours <= names
