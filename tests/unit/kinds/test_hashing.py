"""What a log-in may be made to cost."""

from __future__ import annotations

import pytest

from keystone_viaduct.kinds.hashing import Hashing

SALT, DIGEST = "c2FsdHNhbHRzYWx0c2Fs", "a" * 43


@pytest.mark.parametrize("algorithm", ["bcrypt", "bcrypt_sha256", "scrypt", "pbkdf2_sha512"])
def test_what_keystone_itself_makes_is_taken(algorithm: str) -> None:
    from keystone.common import password_hashing

    hasher = password_hashing._HASHER_NAME_MAP[algorithm]
    assert Hashing().problem(hasher.hash(b"secret")) == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("$2b$13$" + "a" * 53, "bcrypt costs 13, more than 12"),
        ("$2b$31$" + "a" * 53, "bcrypt costs 31"),
        ("$bcrypt-sha256$v=2,t=2b,r=16$" + "a" * 22 + "$" + "b" * 31, "bcrypt costs 16"),
        ("$bcrypt-sha256$2a,16$" + "a" * 22 + "$" + "b" * 31, "bcrypt costs 16"),
        (f"$scrypt$ln=17,r=8,p=1${SALT}${DIGEST}", "scrypt costs 17"),
        (f"$scrypt$ln=16,r=8,p=2${SALT}${DIGEST}", "blocks"),
        (f"$pbkdf2-sha512$4294967295${SALT}${DIGEST}", "pbkdf2_sha512 costs 4294967295"),
        ("$6$rounds=999999999$salt$hash", "sha512_crypt costs"),
        ("$7$C6..../....salt$hash", "scheme"),
        ("$2b$99", "scheme"),
        ("$argon2id$v=19$m=65536$salt$hash", "scheme"),
    ],
)
def test_what_costs_more_is_named(text: str, told: str) -> None:
    assert told in Hashing().problem(text)


def test_a_site_that_is_set_to_more_takes_more() -> None:
    assert Hashing(bcrypt=14).problem("$2b$14$" + "a" * 53) == ""
    assert Hashing(bcrypt=14).problem("$2b$15$" + "a" * 53)


def test_what_is_no_hash_costs_nothing() -> None:
    assert Hashing().problem("") == Hashing().problem("known to somebody") == ""
