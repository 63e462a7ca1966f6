"""Files that tests read from upstream's checkout, and that Keystone's package has elsewhere or not at all."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PKI = Path("examples/pki")


def provide(folder: Path) -> None:
    """Make them in ``folder``, the working directory of the tests, before their modules are imported."""
    from keystone.tests.unit import core

    settings: Any = core
    settings.ETCDIR = str(Path(sys.prefix, "etc", "keystone"))  # where the package puts its pages
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write(
        folder / PKI / "private" / "signing_key.pem",
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    )
    certificate = _self_signed(key).public_bytes(serialization.Encoding.PEM)
    _write(folder / PKI / "certs" / "signing_cert.pem", certificate)


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signing")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin.replace(year=2099))
        .sign(key, hashes.SHA256())
    )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
