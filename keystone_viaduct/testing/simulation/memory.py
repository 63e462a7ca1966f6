"""A site's database for the simulation, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Claim, Tables, Write
from keystone_viaduct.sync.site.claims import claims_of
from keystone_viaduct.testing.memory import Data, Fold, MemoryStore, Violation, signer_of
from keystone_viaduct.testing.simulation.releases import known_fields, without_dropped


class MemoryDatabase(MemoryStore):
    """``simulation.fleet.Database``; of no particular release unless one is given."""

    def __init__(self, data: Data, release: int | None = None) -> None:
        super().__init__(data, None if release is None else known_fields(release))
        self._release = release

    @property
    def release(self) -> int:
        """Its number; what is of no particular release has dropped nothing."""
        return self._release or 0

    def known_fields(self, kind: str) -> frozenset[str] | None:
        """None for all."""
        return self.known.get(kind)

    def narrow(self, text: str) -> None:
        """It refuses such values from now on."""
        self.unstorable |= {text}

    def take_for_equal(self, fold: Fold) -> None:
        """Names and keys are compared folded from now on."""
        self.fold = fold

    def sign_later(self) -> None:
        """It is of a release that signs nothing; the next one does."""
        self.signer = None

    def upgrade(self) -> None:
        """Migrate to the next release."""
        self.signer = signer_of(self.data.state.site)
        self._migrate(self.data, self.release + 1)

    def backup(self) -> tuple[int, Data]:
        """With the release that it is of."""
        return self.release, self.data.copy()

    def restore(self, copy: tuple[int, Data]) -> None:
        """Put it back, and migrate it to the release of today."""
        self._migrate(copy[1], self.release)

    def _migrate(self, old: Data, release: int) -> None:
        data = old.copy()
        if self._release is not None:
            data.rows = {ref: without_dropped(release, ref, row) for ref, row in data.rows.items()}
            self.known, self._release = known_fields(release), release
        self.data = data

    def tell_directory(self, drivers: ExternalDrivers, directory: frozenset[Ref]) -> None:
        """Configured outside the database, so no backup holds it."""
        self.drivers, self.directory = drivers, directory

    def by_hand(self, writes: Sequence[Write]) -> None:
        """What an operator does in a shell with triggers and foreign keys off. Raises Violation."""

        def work(tx: Tables) -> None:
            check_unique(tx, self.data.rows, writes)

        self.run(work)
        data = self.data.copy()
        for write in writes:
            data.rows.pop(write.ref, None)
            if write.new is not None:
                data.rows[write.ref] = dict(write.new)
        self.data = data


def check_unique(tables: Tables, rows: Mapping[Ref, Document], writes: Sequence[Write]) -> None:
    """Raises Violation where these rows would take unique values that others have."""
    after = {**rows, **{write.ref: write.new for write in writes}}
    kinds = {write.ref.kind for write in writes if write.new is not None}
    claimed = [
        (claim, ref)
        for ref, row in after.items()
        if row is not None and ref.kind in kinds
        for claim in claims_of(tables, ref, row)
    ]
    folded = tables.folded([claim for claim, _ in claimed])
    holders: dict[Claim, Ref] = {}
    for claim, ref in claimed:
        if holders.setdefault(folded[claim], ref) != ref:
            raise Violation(f"{ref} and {holders[folded[claim]]} both hold {claim}")
