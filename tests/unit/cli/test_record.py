"""`viaduct record`: what is sent to a site, and what people and programs are told."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from keystone_viaduct.cli import _editing, _fleet
from keystone_viaduct.cli.main import main
from keystone_viaduct.errors import ConfigError, NotThere
from keystone_viaduct.sync.model import Ref

REF = Ref("user", "0c1d")
FOUND: dict[str, Any] = {
    "kind": "user",
    "key": "0c1d",
    "seq": 7,
    "deleted": False,
    "digest": "d1",
    "document": {"enabled": True, "extra.motto": "old [red]", "extra.weight": 2**65},
    "raw": {"extra.odd": "NaN"},
    "secret": ["passwords"],
    "stamps": {"enabled": 1_700_000_000_000_000},
}


class Site:
    """One record, and what was asked for."""

    name = "west"

    def __init__(self, found: Mapping[str, Any] = FOUND, named: tuple[str, ...] = ()) -> None:
        self.found, self.refs = found, [Ref("user", key) for key in named]
        self.sent: list[tuple[Any, ...]] = []

    def record(self, ref: Ref) -> Mapping[str, Any]:
        if ref != REF:
            raise NotThere(f"there is no {ref}", hint="look")
        return self.found

    def named(self, name: str, kind: str) -> list[Ref]:
        return self.refs

    def put_record(
        self, ref: Ref, content: Mapping[str, Any], digest: str, *, dry_run: bool
    ) -> dict[str, Any]:
        self.sent.append(("put", ref, content, digest, dry_run))
        if dry_run:
            names = _editing.differing({**FOUND}, {**content, "secret": FOUND["secret"]})
            write = {"kind": ref.kind, "key": ref.key, "does": "change", "fields": names}
            return {"written": len(names) and 1, "writes": [write] if names else []}
        return {**FOUND, "raw": {}, **content, "digest": "d2"}

    def delete_record(self, ref: Ref, digest: str, *, dry_run: bool) -> None:
        self.sent.append(("delete", ref, digest, dry_run))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    found = Site(named=("0c1d",))
    monkeypatch.setattr(_fleet, "open_site", lambda _args, _name: found)
    return found


def run(*words: str) -> int:
    return main(["record", *words])


def test_a_record_is_shown_without_its_secrets(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "west", "user", "anna") == 0
    told = capsys.readouterr().out
    assert "user/0c1d at west: position 7, digest d1" in told
    lines = {line.split()[0]: line for line in told.splitlines() if line}
    assert '"old [red]"' in lines["extra.motto"] and "NaN" in lines["extra.odd"]
    assert "(secret)" in lines["passwords"] and "2023-11-14" in lines["enabled"]
    assert run("show", "west", "user", "0c1d", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == FOUND


def test_fields_are_given_values_and_taken_away_and_the_rest_stays(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    edit = ("edit", "west", "user", "0c1d", "--unset", "extra.weight", "--set", "extra.motto=new=er")
    assert run(*edit, "--set", "enabled=false", "--set", "extra.more=Infinity") == 0
    content = {
        "document": {"enabled": False, "extra.motto": "new=er"},
        "raw": {"extra.odd": "NaN", "extra.more": "Infinity"},
    }
    assert site.sent == [("put", REF, content, "d1", False)]
    told = capsys.readouterr().out
    assert "user/0c1d is changed at west" in told
    rows = [line.split() for line in told.splitlines()]
    assert ["enabled", "true", "false"] in rows and ["extra.more", "Infinity"] in rows
    assert ["extra.weight", str(2**65)] in rows


def test_what_is_tried_is_told_and_a_secret_of_a_file_is_not(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "user.yaml"
    body = {**FOUND, "document": {**FOUND["document"], "passwords": ["hash"], "enabled": False}}
    file.write_text(yaml.safe_dump(body))
    assert run("edit", "west", "user", "0c1d", "--file", str(file), "--dry-run") == 0
    (sent,) = site.sent
    assert sent[2]["document"]["passwords"] == ["hash"] and sent[3:] == ("d1", True)
    told = capsys.readouterr().out
    assert "user/0c1d would be changed at west" in told and "nothing was changed (--dry-run)" in told
    assert "hash" not in told and "(secret)" in told


def test_a_file_is_read_from_standard_input_and_goes_by_the_digest_in_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({**FOUND, "digest": "earlier"})))
    assert run("edit", "west", "user", "0c1d", "--file", "-") == 0
    assert site.sent == [("put", REF, {"document": FOUND["document"], "raw": FOUND["raw"]}, "earlier", False)]
    assert "it says so already" in capsys.readouterr().out


def test_a_record_is_deleted_as_it_was_seen(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("delete", "west", "user", "anna", "--dry-run") == 0
    assert run("delete", "west", "user", "0c1d", "--format", "json") == 0
    assert site.sent == [("delete", REF, "d1", True), ("delete", REF, "d1", False)]
    out = capsys.readouterr().out
    assert "would be deleted at west" in out
    assert json.loads(out[out.index("{") :])["deleted"] is True


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("edit west user 0c1d", 2, "what is to be changed?"),
        ("show west user 0c1d --set a=1", 2, "go with edit"),
        ("show west user 0c1d --dry-run", 2, "changes nothing"),
        ("delete west user 0c1d --unset a", 2, "go with edit"),
        ("edit west user 0c1d --set enabled", 2, "no value is given"),
        ("edit west user 0c1d --set passwords=x", 2, "is secret"),
        ("edit west user 0c1d --unset passwords", 2, "is secret"),
        ("edit west user 0c1d --unset extra.none", 2, "has no field extra.none"),
        ("edit west user 0c1d --file nowhere.json", 2, "can't be read"),
        ("edit west user 0c1d --file x --set a=1", 2, "can't be given together"),
        ("edit west nonsense 0c1d --set a=1", 1, "nonsense"),
    ],
)
def test_bad_input_is_named_and_nothing_is_sent(
    words: str, code: int, told: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words.split()) == code
    assert told in capsys.readouterr().err
    assert site.sent == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("[]", "no `document`"),
        ("{document: {}, raw: []}", "`raw` is no mapping"),
        ("{kind: role, document: {}}", "is about role/0c1d, not user/0c1d"),
        ("{document: {extra.born: 2001-02-03}}", "quote dates"),
        ("{document: {extra.x: .nan}}", "`raw`"),
        ("{document: {a: 1, a: 2}}", "is there twice"),
        ("{document: ", "it is not YAML"),
    ],
)
def test_a_file_that_is_none_of_a_record_is_refused(body: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "record.yaml"
    file.write_text(body)
    with pytest.raises(ConfigError) as caught:
        _editing.read(str(file), REF, FOUND)
    assert told in f"{caught.value.message} {caught.value.hint}"


def test_of_several_of_a_name_none_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    several = Site(named=("0c1d", "9a8b"))
    monkeypatch.setattr(_fleet, "open_site", lambda _args, _name: several)
    assert run("delete", "west", "user", "anna") == 2
    assert "0c1d, 9a8b" in capsys.readouterr().err and several.sent == []


def test_what_was_deleted_is_shown_and_not_changed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = Site({**FOUND, "deleted": True, "document": {}, "raw": {}, "secret": [], "stamps": {}})
    monkeypatch.setattr(_fleet, "open_site", lambda _args, _name: gone)
    assert run("show", "west", "user", "0c1d") == 0
    assert "user/0c1d at west: deleted" in capsys.readouterr().out
    assert run("edit", "west", "user", "0c1d", "--set", "enabled=true") == 1
    assert "was deleted at west" in capsys.readouterr().err and gone.sent == []
