"""The folder that records are exported to: a file for each kind, and what is known of them.

A line is a key and a document. What Keystone keeps encrypted (the blobs of credentials) is encrypted here
too, with the same keys; hashes of passwords and the secrets of consumers are as they are, so only the
owner may read the files. The digest of a kind says nothing of the order of its records: engines have
orders of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from keystone_viaduct.cassandra.transfer.ports import Item
from keystone_viaduct.documents.cipher import CredentialCipher
from keystone_viaduct.documents.digest import canonical
from keystone_viaduct.errors import TransferRefused
from keystone_viaduct.kinds import raw
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import JSON, Document, Type

FORMAT = 1
_MANIFEST = "manifest.json"
_DIGITS = 32


@dataclass
class Known:
    """What a file has of its kind: records, bytes, a digest of all, where to go on, whether it is all."""

    count: int = 0
    size: int = 0
    digest: str = "0" * _DIGITS
    after: str | None = None
    complete: bool = False


@dataclass
class Manifest:
    """What a folder is an export of."""

    source: str
    folds_names: bool = False
    format: int = FORMAT
    kinds: dict[str, Known] = field(default_factory=dict)


def summed(digest: str, kind: str, items: Sequence[Item]) -> str:
    """A digest with these records added, whatever their order."""
    total = int(digest, 16)
    for key, document in items:
        state = hashlib.blake2b(digest_size=_DIGITS // 2)
        state.update(f"{kind}\0{len(key)}\0{key}".encode("utf-8", "surrogatepass"))
        for name in sorted(document):
            text = name.encode("utf-8", "surrogatepass")
            state.update(b"\0%d\0%b\0" % (len(text), text) + canonical(document[name]))
        total += int.from_bytes(state.digest())
    return f"{total % 16**_DIGITS:0{_DIGITS}x}"


class Folder:
    """One export."""

    def __init__(self, path: Path, cipher: CredentialCipher) -> None:
        self.path = path
        self._cipher = cipher

    def begin(self, source: str, *, folds_names: bool) -> Manifest:
        """The manifest of an export of ``source``, which may have been begun before."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.path / _MANIFEST).exists():
            if any(self.path.iterdir()):
                raise TransferRefused(
                    f"{self.path} is not empty, and no export", hint="name a folder that is not there yet"
                )
            manifest = Manifest(source, folds_names)
            self.save(manifest)
            return manifest
        manifest = self.manifest()
        if manifest.source != source:
            raise TransferRefused(
                f"{self.path} has an export of {manifest.source}, and this is {source}",
                hint="name another folder",
            )
        return manifest

    def manifest(self) -> Manifest:
        """What the folder has."""
        try:
            found = json.loads((self.path / _MANIFEST).read_text())
            kinds = {name: Known(**known) for name, known in found.pop("kinds").items()}
            manifest = Manifest(**found, kinds=kinds)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TransferRefused(
                f"{self.path} has no export: {error}", hint="`viaduct cassandra export` makes one"
            ) from error
        if manifest.format != FORMAT:
            raise TransferRefused(
                f"{self.path} has an export in format {manifest.format}, this release reads {FORMAT}",
                hint="export it with this release",
            )
        return manifest

    def save(self, manifest: Manifest) -> None:
        """Write it down, whole or not at all."""
        self.write(_MANIFEST, asdict(manifest))

    def write(self, name: str, content: Any) -> None:
        """A small file, whole or not at all."""
        place = self.path / f".{name}.new"
        with open(place, "w", opener=_private) as out:
            json.dump(content, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        place.rename(self.path / name)

    def read(self, name: str) -> Any:
        """A small file; None where there is none."""
        place = self.path / name
        return json.loads(place.read_text()) if place.exists() else None

    def append(self, kind: str, known: Known, items: Sequence[Item]) -> None:
        """Add records to a file behind what is known of it, and to what is known."""
        with open(self.path / f"{kind}.jsonl", "ab", opener=_private) as out:
            out.truncate(known.size)
            out.seek(known.size)
            for key, document in items:
                line = raw.dumps_list([key, self._sealed(kind, document, close=True)], (1,))
                out.write(line.encode("ascii") + b"\n")
            out.flush()
            os.fsync(out.fileno())
            known.size = out.tell()
        known.count += len(items)
        known.digest = summed(known.digest, kind, items)

    def items(self, kind: str, known: Known, at: int = 0) -> Iterator[tuple[Item, int]]:
        """Its records from a byte on, each with the byte behind it."""
        path = self.path / f"{kind}.jsonl"
        if not known.count:
            return
        with path.open("rb") as lines:
            lines.seek(at)
            while at < known.size:
                line = lines.readline()
                at += len(line)
                try:
                    key, document = raw.parse_list(line.decode("ascii"), (1,))
                except ValueError as error:
                    raise TransferRefused(
                        f"{path} is damaged before byte {at}", hint="export it again"
                    ) from error
                yield (key, self._sealed(kind, document, close=False)), at

    def _sealed(self, kind: str, document: Document, *, close: bool) -> Document:
        """With what is secret encrypted, or decrypted again."""
        names = [s.name for s in REGISTRY[kind].fields if s.type is Type.SEALED]
        changed: dict[str, JSON] = {
            name: self._cipher.encrypt(str(document[name]))[0]
            if close
            else self._cipher.decrypt(str(document[name]))
            for name in names
        }
        return {**document, **changed}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
