"""What the documentation has to mention, compared with the code, so that it grows with it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from keystone_viaduct.cli._commands import build
from keystone_viaduct.errors import ViaductError
from tools import reference

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def rows(page: str) -> dict[str, list[str]]:
    """The cells of each table row of a page, by the first cell without its quotes."""
    lines = (DOCS / page).read_text().splitlines()
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| "))
    return {row[0].strip("`"): row[1:] for row in cells}


def error_classes() -> list[type[ViaductError]]:
    """Every error of the product, wherever it is defined, but for those of the fakes."""

    def descend(parent: type[ViaductError]) -> Iterator[type[ViaductError]]:
        yield parent
        for child in parent.__subclasses__():
            yield from descend(child)

    found = descend(ViaductError)
    return [error for error in found if re.match(r"keystone_viaduct\.(?!testing)", error.__module__)]


def test_every_error_code_has_a_row_with_its_status() -> None:
    documented = rows("reference/errors.md")
    missing = [
        f"| `{error.code}` | {error.status} | {(error.__doc__ or '').splitlines()[0]} | ... |"
        for error in error_classes()
        if documented.get(error.code, [""])[0] != str(error.status)
    ]
    assert not missing, "docs/reference/errors.md wants these rows:\n" + "\n".join(missing)


def test_no_documented_error_code_is_gone() -> None:
    documented = {code for code in rows("reference/errors.md") if "." in code}
    assert documented - {error.code for error in error_classes()} == set()


def test_each_error_has_a_code_of_its_own() -> None:
    codes = Counter(error.code for error in error_classes())
    assert [code for code, number in codes.items() if number > 1] == []


def requirement_names(requirements: list[str]) -> set[str]:
    names = {re.split(r"[\[<>=;~! ]", requirement)[0].lower() for requirement in requirements}
    return names - {"keystone-viaduct"}


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = requirement_names(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted |= requirement_names(extra)
    tables = [
        line for line in (DOCS / "explanation/dependencies.md").read_text().splitlines() if line[:1] == "|"
    ]
    named = {word.lower() for line in tables for word in re.findall(r"[\w.-]+", line)}
    assert wanted - named == set()


def test_every_page_is_in_the_navigation_and_every_link_leads_somewhere() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    listed = set(re.findall(r"[\w/-]+\.md", str(navigation)))
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), re.M)) | {
        "venv-27",
        "venv-cockroach",
    }


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "RELEASING.md"])
def test_every_make_target_that_is_mentioned_exists(page: str) -> None:
    mentioned = set(re.findall(r"\bmake ([a-z][a-z0-9-]+)", (ROOT / page).read_text()))
    assert mentioned <= make_targets()


def test_every_module_has_a_docstring() -> None:
    sources = {path: path.read_text().lstrip() for path in (ROOT / "keystone_viaduct").rglob("*.py")}
    assert [path for path, text in sources.items() if text and not text.startswith(('"""', 'r"""'))] == []


def test_every_command_has_a_section_that_shows_its_help_as_it_is() -> None:
    page = reference.PAGE.read_text()
    sections = re.findall(r"^## `viaduct ([\w-]+)`$", page, re.M)
    wanted = build().list_commands(click.Context(build()))
    assert sorted(sections) == wanted
    assert sorted(reference.blocks(page)) == sorted(reference.names())
    assert page == reference.rewritten(page), "`python -m tools.reference` writes the page anew"


def test_every_access_path_in_cassandra_has_its_row_with_the_number_of_its_buckets() -> None:
    from keystone_viaduct.cassandra.drivers.shapes import SHAPES
    from keystone_viaduct.cassandra.records.shape import buckets

    page = (DOCS / "reference/cassandra-tables.md").read_text()
    lines = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]
    documented = {(c[0].strip(" `"), c[1].strip(" `"), c[3].strip()) for c in lines if len(c) == 5}
    paths = {(s.kind, each.path, str(len(buckets(each.width)))) for s in SHAPES for each in s.listings}
    assert documented == paths
    for shape in SHAPES:
        assert f"`{shape.kind}`" in page
        for unique in shape.unique:
            assert f"`{shape.kind}.{unique.rule}`" in page
