"""YAML that knows where each value stands, so that a complaint can name the line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from keystone_viaduct.errors import ConfigError

Place = tuple[str, ...]
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^:\s]+):(?P<port>\d{1,5})")


@dataclass
class Located:
    """A document and the line (from 1) of each of its values, by the path of keys that leads there."""

    file: Path
    value: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def bad(self, place: Place, problem: str, hint: str) -> ConfigError:
        """The complaint about a place."""
        line = next((self.lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self.lines), 1)
        name = ".".join(place) or "the file"
        return ConfigError(
            f"{self.file}, line {line}: {name} {problem}",
            hint=hint,
            file=str(self.file),
            line=line,
            place=name,
        )

    def section(self, value: Any, place: Place, known: tuple[str, ...] | None) -> dict[str, Any]:
        """A mapping with string keys, all of them ``known`` (None: any). Nothing there is an empty one."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.bad(place, f"is {_name(value)}, not a section", "indent `name: value` lines below it")
        for key in value:
            if not isinstance(key, str):
                raise self.bad((*place, str(key)), "is not a name", "put it in quotes")
            if known is not None and key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise self.bad((*place, key), "is not known", hint)
        return value

    def text(self, value: Any, place: Place, default: str | None = None) -> str:
        """A string that is not empty."""
        if value is None and default is not None:
            return default
        if value is None:
            raise self.bad(place, "is missing", f"add `{place[-1]}: …`")
        if not isinstance(value, str) or not value:
            raise self.bad(place, f"is {_name(value)}, not a text", "put it in quotes")
        return value

    def number(self, value: Any, place: Place, default: float, least: float, most: float) -> float:
        """A number within bounds."""
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.bad(place, f"is {_name(value)}, not a number", f"leave it out for {default:g}")
        if not least <= value <= most:
            raise self.bad(place, f"is {value:g}", f"it has to be from {least:g} to {most:g}")
        return float(value)

    def address(self, value: Any, place: Place) -> tuple[str, int] | None:
        """Where to listen, as ``host:port``; false for not at all."""
        if value is False:
            return None
        match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
        if match is None or int(match["port"]) > 65535:
            raise self.bad(
                place, "is no address", "write it as host:port in quotes, or false to listen nowhere"
            )
        return match["host"].strip("[]"), int(match["port"])


def load(file: Path) -> Located:
    """Read a YAML file. Raises ConfigError when it is missing, no YAML, or names a key twice."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{file} can't be read: {error.strerror}", hint="name it by --config", file=str(file)
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text", hint="save it as UTF-8", file=str(file)) from error
    return parse(text, file)


def parse(text: str, file: Path) -> Located:
    """Read YAML that stood in ``file``. Raises ConfigError when it is none, or names a key twice."""
    found = Located(file, None)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is not None:
            _locate(found, node, ())
            found.value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(
            f"{file}, line {line}: {error.problem or error.context}",
            hint="it is not YAML",
            file=str(file),
            line=line,
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: {error}", hint="it is not YAML", file=str(file)) from error
    return found


def _locate(found: Located, node: yaml.Node, place: Place) -> None:
    found.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _locate(found, value, (*place, str(number)))
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        name = str(getattr(key, "value", ""))
        found.lines[(*place, name)] = key.start_mark.line + 1
        if name in seen:
            raise found.bad((*place, name), "is there twice", "keep one of them")
        seen.add(name)
        _locate(found, value, (*place, name))


def _name(value: Any) -> str:
    if value is None:
        return "empty"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a section")
