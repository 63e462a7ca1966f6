"""Rules that Keystone's code keeps over several records, and no database does: declared, without I/O."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from .value import Document

Near: TypeAlias = "Mapping[str, Document | None]"
"""Field -> the record that it refers to, None where that is not there or of another kind."""


class Cut(enum.Enum):
    """What is done with the edit by which a record would come to lie below itself.

    The field is put back to what it was; one of a record that is new has to be something else.
    """

    TOP = "top"  # it lies at the top then
    RECORD = "record"  # without what it hangs on it would be another thing: it is not taken


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold between a record and those that its ``fields`` refer to.

    ``holds`` says whether it does. ``watched`` are the fields of the others that it looks at, ``says`` the
    rule in words. An edit that breaks it is put back: of this record the ``fields``, of another one the
    ``watched``.
    """

    name: str
    fields: tuple[str, ...]
    watched: tuple[str, ...]
    holds: Callable[[Document, Near], bool]
    says: str
