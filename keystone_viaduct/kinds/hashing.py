"""What it costs to check a password against a hash (Keystone: ``common/password_hashers``).

A hash says itself how much work comparing with it is, up to days, and whoever logs in has the server do it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BCRYPT = re.compile(r"\$2[abxy]?\$(\d{1,2})\$[./A-Za-z0-9]{1,60}")
_BCRYPT_SHA256 = re.compile(
    r"\$bcrypt-sha256\$(?:v=2,t=2[by],r=(\d{1,2})|2[aby],(\d{1,2}))\$[./A-Za-z0-9+$]{1,120}"
)
_SCRYPT = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,6}),p=(\d{1,6})\$[./A-Za-z0-9+$=]{1,250}")
_PBKDF2 = re.compile(r"\$pbkdf2-sha512\$(\d{1,10})\$[./A-Za-z0-9+$=]{1,250}")
_SHA512 = re.compile(r"\$6\$(?:rounds=(\d{1,10})\$)?[./A-Za-z0-9$]{1,120}")


@dataclass(frozen=True, slots=True)
class Hashing:
    """The most that comparing with a hash may cost: for each scheme of Keystone's its default, or what this
    site is set to where that is more. ``scrypt`` is the exponent of its rounds, ``scrypt_blocks`` block size
    times parallelism; ``sha512`` is what earlier releases made.
    """

    bcrypt: int = 12
    scrypt: int = 16
    scrypt_blocks: int = 8
    pbkdf2: int = 60_000
    sha512: int = 656_000

    def problem(self, text: str) -> str:
        """Why a site must not be made to compare with this; '' where it may be.

        What does not begin as a hash is compared with by nobody.
        """
        if not text.startswith("$"):
            return ""
        if found := _BCRYPT.fullmatch(text) or _BCRYPT_SHA256.fullmatch(text):
            return _over("bcrypt", int(found[found.lastindex or 1]), self.bcrypt)
        if found := _SCRYPT.fullmatch(text):
            blocks = int(found[2]) * int(found[3])
            return _over("scrypt", int(found[1]), self.scrypt) or _over(
                "scrypt (blocks)", blocks, self.scrypt_blocks
            )
        if found := _PBKDF2.fullmatch(text):
            return _over("pbkdf2_sha512", int(found[1]), self.pbkdf2)
        if found := _SHA512.fullmatch(text):
            return _over("sha512_crypt", int(found[1] or 5000), self.sha512)
        return "a hash is of a scheme that Keystone does not make"


def _over(scheme: str, cost: int, most: int) -> str:
    return f"a hash by {scheme} costs {cost}, more than {most}" if cost > most else ""
