"""Values of the protocol, generated."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from keystone_viaduct.kinds.raw import settled
from keystone_viaduct.sync.charter import Edition
from keystone_viaduct.sync.external import External, united
from keystone_viaduct.sync.knowledge import Gap
from keystone_viaduct.sync.model import (
    DELETED,
    Change,
    Checkpoint,
    Conflict,
    Dot,
    Fence,
    FieldState,
    Page,
    Peer,
    Ref,
    Version,
    life,
)
from keystone_viaduct.sync.statement import Statement, Terms, terms_to_text

INTEGERS = st.integers(0, 2**63 - 1)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
WORDS = st.from_regex(r"[0-9a-f]{1,16}", fullmatch=True)
ORIGINS = st.builds(lambda site, life: f"{site}#{life}", NAMES, WORDS)
NONCES = st.builds(lambda a, b: f"{a}.{b}", WORDS, WORDS) | WORDS
DIGESTS = st.from_regex(r"[0-9a-f]{32}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def nested(depth: int) -> Any:
    """Lists in each other."""
    found: list[Any] = []
    for _ in range(depth - 1):
        found = [found]
    return found


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
#: What plain JSON can't carry: it is its own text in a document.
RAW: st.SearchStrategy[Any] = st.sampled_from(
    [settled(one) for one in (float("nan"), [float("-inf")], "\ud800", {"\udfff": 1}, {"a": nested(999)})]
)
VALUES = JSON | RAW
CHECKPOINTS = st.builds(Checkpoint, WORDS, INTEGERS, NONCES | st.just(""))
FENCES = st.builds(Fence, CHECKPOINTS, st.booleans())
VERSIONS = st.dictionaries(ORIGINS, INTEGERS, min_size=1, max_size=4).map(Version)
OWNERS = st.builds(External, st.sampled_from(["user", "group"]), WORDS, WORDS)
COLUMNS = ("enabled", "local.name", "passwords", "extra.email", "option.1000", "from.the.future")
FIELDS = (
    *COLUMNS,
    *("extra.", "extra.\ud800", 'extra."\udc00"', f"extra.{'n' * 300}", "extra.@deleted", "extra.nul\0"),
)


GAPS = st.builds(Gap, INTEGERS, INTEGERS)
EXCEPTIONS = st.dictionaries(
    st.builds(Ref, st.sampled_from(["user", "project"]), TEXTS),
    st.dictionaries(ORIGINS, GAPS, max_size=3),
    max_size=3,
)


@st.composite
def changes(draw: st.DrawFn, seq: int) -> Change:
    """A change of a user whose fields were written by edits of its own version."""
    version = draw(VERSIONS)
    dots = st.sampled_from([Dot(origin, top) for origin, top in version.entries.items()])
    birth = draw(dots)
    ref = Ref("user", draw(WORDS))
    if draw(st.booleans()):
        return Change(ref, seq, version, birth, {DELETED: life(draw(INTEGERS), draw(dots), deleted=True)}, {})
    states = st.builds(FieldState, INTEGERS, dots, DIGESTS)
    names = draw(st.lists(st.sampled_from(FIELDS), unique=True))
    fields = {name: draw(states) for name in names}
    document = {name: draw(VALUES) for name in names}
    fields[DELETED] = life(draw(INTEGERS), birth, deleted=False)
    scope = draw(st.none() | WORDS)
    external = united(draw(st.lists(OWNERS, max_size=2)))
    return Change(ref, seq, version, birth, fields, document, scope, external=external)


SIGNING_KEYS = st.binary(min_size=32, max_size=32).map(bytes.hex)
PEERS = st.builds(
    Peer,
    NAMES,
    st.binary(min_size=32, max_size=32),
    WORDS,
    seen=st.none() | CHECKPOINTS,
    signing_key=st.just("") | SIGNING_KEYS,
)
TERMS = st.builds(
    Terms,
    WORDS,
    NAMES,
    INTEGERS,
    INTEGERS,
    NAMES,
    st.builds(Edition, INTEGERS, INTEGERS),
    st.dictionaries(WORDS, WORDS, max_size=3),
    st.dictionaries(NAMES, st.just("") | SIGNING_KEYS, max_size=3),
    st.dictionaries(WORDS, st.tuples(INTEGERS, WORDS), max_size=2),
)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """One, under signatures that nobody has made."""
    terms = draw(TERMS)
    return Statement(terms_to_text(terms), draw(st.dictionaries(SIGNING_KEYS, WORDS, max_size=2)), terms)


@st.composite
def conflicts(draw: st.DrawFn, seq: int) -> Conflict:
    """A row of the list of conflicts; a password that lost is a secret."""
    names = draw(st.lists(st.sampled_from(FIELDS), unique=True, max_size=3))
    plain = TEXTS.filter(lambda text: "\0" not in text)
    return Conflict(
        draw(WORDS),
        Ref("user", draw(WORDS)),
        draw(st.sampled_from(["concurrent", "lost", "clash"])),
        draw(plain),
        draw(plain),
        tuple(names),
        draw(NAMES),
        draw(INTEGERS),
        {name: draw(VALUES) for name in names},
        draw(st.booleans()),
        draw(st.sampled_from(["", "kept", "restored"])),
        seq,
        draw(st.just("") | WORDS),
    )


@st.composite
def pages(draw: st.DrawFn) -> Page:
    """A page whose changes stand in feed order."""
    after = draw(st.none() | CHECKPOINTS)
    start = after.seq if after else 0
    steps = draw(st.lists(st.integers(1, 5), max_size=4))
    seqs = []
    for step in steps:
        start += step
        if start < 2**63:
            seqs.append(start)
    top = max(seqs, default=after.seq if after else 0)
    incarnation = after.incarnation if after else draw(WORDS)
    signed = draw(st.just("") | SIGNING_KEYS)  # a digest is as long
    return Page(
        source=draw(NAMES),
        term=draw(INTEGERS),
        after=after,
        upto=Checkpoint(incarnation, top, draw(NONCES)),
        at_head=draw(st.booleans()),
        knowledge=draw(VERSIONS),
        changes=tuple(draw(changes(seq)) for seq in seqs),
        capabilities=draw(st.dictionaries(st.just("user"), st.frozensets(st.sampled_from(COLUMNS)))),
        fence=draw(st.none() | FENCES),
        hub=draw(NAMES),
        exceptions=draw(EXCEPTIONS),
        peers=tuple(draw(st.lists(PEERS, max_size=3))),
        conflicts=tuple(draw(conflicts(seq)) for seq in seqs if draw(st.booleans())),
        statement=draw(st.none() | statements()) if not signed else None,
        signed=signed,
        register=draw(st.just("") | SIGNING_KEYS),
    )
