"""What the families of :mod:`~.everything` have made so far."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class World:
    """Names carry the label; ids are found under short names of ours."""

    label: str
    password: str = "first-passw0rd"
    ids: dict[str, str] = field(default_factory=dict)

    def name(self, short: str) -> str:
        """The name that a record gets in Keystone."""
        return f"{self.label}-{short}"

    def __getitem__(self, short: str) -> str:
        return self.ids[short]

    def __setitem__(self, short: str, id_: str) -> None:
        self.ids[short] = id_
