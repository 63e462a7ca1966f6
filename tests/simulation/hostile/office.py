"""Attempts to be taken for the hub, or to speak as it: forged, old and borrowed statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.agent.post import find_hub
from keystone_viaduct.sync.charter import Charter, Edition
from keystone_viaduct.sync.site.statement import keys_heard, restate
from keystone_viaduct.sync.statement import Lineage, Statement, parts_of
from keystone_viaduct.sync.wire.resources import Capabilities
from keystone_viaduct.testing.memory import signer_of
from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import LIMITED, Check, Stage


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except ViaductError:
        return


def _follow(s: Stage, site: str, told: Statement | None, term: int = 9, hub: str = "west") -> Check:
    """A site is ordered to follow; whether it has is seen at once, for an operator would mend it."""
    lineage: Lineage = () if told is None else (told,)
    _quietly(lambda: s.site(site).follow(term, hub, None, lineage))
    followed = s.store(site).data.state.hub == hub
    return lambda: followed


def _honest(s: Stage) -> Check:
    """The south, which is limited in nothing, was promoted."""
    return _follow(s, "hub", s.signed("south", term=9), hub="south")


def _key(site: str) -> str:
    return signer_of(site).keys[0]


def _with_the_key_of(s: Stage, liar: str, by: str, **terms: Any) -> Statement:
    """A statement that names its maker, and is signed by somebody else."""
    told = s.signed(by, **terms)
    return replace(told, signatures={_key(by): signer_of(liar).sign(told.text)[_key(liar)]})


def _borrowed(s: Stage) -> Check:
    """The signature of another text of the south's."""
    told = s.signed("south", term=9)
    return _follow(
        s, "hub", replace(s.signed("south", term=8), text=told.text, terms=told.terms), hub="south"
    )


def _key_of_its_own(s: Stage) -> Check:
    """West names a key of its own as the south's."""
    sites = {"hub": _key("hub"), "south": _key("west")}
    told = s.signed("south", term=9, sites=sites)
    return _follow(s, "hub", replace(told, signatures=signer_of("west").sign(told.text)), hub="south")


def _unsigned(s: Stage, signs: bool) -> Check:
    """The south is said to be promoted, and nothing shows it."""
    if not signs:
        store = s.store("hub")
        store.data.peers["south"] = replace(store.data.peers["south"], signing_key="")
        known = store.data.state
        sites = {"hub": _key("hub"), "south": ""}
        store.data.state = replace(known, lineage=(s.signed("hub", sites=sites),))
    return _follow(s, "hub", None, hub="south")


def _unsigned_page(s: Stage, signs: bool) -> Check:
    """A page of the hub's that says nothing of what the hub has signed."""
    if not signs:
        s.store("hub").signer = None
        for name in ("hub", "south"):
            data = s.store(name).data
            data.state = replace(data.state, lineage=())
    s.user("hub", "new", "new")
    page = replace(s.read("hub", "south"), statement=None)
    _quietly(lambda: s.site("south").apply(page))
    taken = s.row("south", s.ref("user", "new")) is not None
    return lambda: taken


def _to_the_south(s: Stage, statement: Statement, charter: Charter | None = None) -> Check:
    """A page of the hub's in another frame: whether the south takes it."""
    s.user("hub", "new", "new")
    page = replace(s.read("hub", "south"), statement=statement)
    if charter is not None:
        page = replace(page, charter=charter)
    _quietly(lambda: s.site("south").apply(page))
    taken = s.row("south", s.ref("user", "new")) is not None
    return lambda: taken


def _newest(s: Stage) -> Statement:
    found = s.store("hub").data.state.statement
    assert found is not None
    return found


def _next(s: Stage) -> Check:
    """The hub's next statement."""
    return _to_the_south(s, s.signed("hub", number=_newest(s).terms.number + 1))


def _makes_west_full(s: Stage) -> Check:
    """A statement in the hub's name by which west may lead."""
    number, sites = _newest(s).terms.number + 1, {name: _key(name) for name in ("hub", "west", "south")}
    return _to_the_south(s, _with_the_key_of(s, "west", "hub", number=number, sites=sites))


def _replayed(s: Stage) -> Check:
    """What the hub had signed before it limited west, shown again."""
    before, charter = _newest(s), s.site("hub").charter()
    s.delegate(replace(LIMITED, domains=frozenset()))
    s.sync()
    return _to_the_south(s, before, charter)


def _other_charter(s: Stage) -> Check:
    """The newest statement beside a charter of the same edition that limits nobody."""
    return _to_the_south(s, _newest(s), Charter(s.site("hub").charter().edition))


def _its_charter(s: Stage) -> Check:
    return _to_the_south(s, _newest(s), s.site("hub").charter())


def _backwards(s: Stage) -> Check:
    """A later statement of an earlier edition, as by a hub that was put back and went on."""
    number = _newest(s).terms.number + 1
    told = s.signed("hub", number=number, edition=Edition(), charter={})
    return _to_the_south(s, told, Charter())


def _sign_keys(s: Stage, digest: str) -> None:
    s.store("hub").run(lambda tx: restate(tx, tx.state(), keys={"fernet": digest}))


def _keys(s: Stage, digest: str, told: Callable[[Statement], Statement | None]) -> Check:
    """The south is given keys of tokens; the hub has signed ``new``, and ``old`` before it."""
    signed = []
    for name in ("old", "new"):
        _sign_keys(s, name)
        signed.append(_newest(s))
    s.sync()
    shown = told(signed[0])
    try:
        s.store("south").run(lambda tx: keys_heard(tx, tx.state(), "fernet", digest, shown))
    except ViaductError:
        return lambda: False
    return lambda: True


def _remind(s: Stage, own: bool, *, charter: bool = True) -> Check:
    """The hub was put back to before a charter, and west shows it what it had signed, or says it had."""
    backup = s.store("hub").data.copy()
    s.delegate(replace(LIMITED, roles=frozenset()))
    s.sync()
    told, written = _newest(s), s.site("hub").charter()
    s.put_back("hub", backup)
    before = s.site("hub").charter()
    if not own:
        written = Charter(Edition(1, 99))
        terms = {"number": 99, "edition": written.edition, "charter": parts_of(written)}
        told = _with_the_key_of(s, "west", "hub", **terms)
    elif not charter:
        written = Charter(written.edition)
    page = replace(s.read("west", "hub"), statement=told, charter=written)
    _quietly(lambda: s.site("hub").apply(page))
    taken = s.site("hub").charter() != before
    return lambda: taken


@dataclass
class Shown:
    """A site that answers what it likes."""

    stage: Stage
    site: str
    lies: dict[str, Any]

    def capabilities(self) -> Capabilities:
        """With its lies in it."""
        found = Capabilities.of(
            self.stage.store(self.site).data.state, public_key=b"k" * 32, signing_key=_key(self.site)
        )
        return replace(found, **self.lies)

    def charter(self) -> Charter:
        """What it goes by."""
        return self.stage.site(self.site).charter()


def _agent(s: Stage, liar: str, lies: dict[str, Any], known: Statement | None = None) -> Check:
    """An agent asks for the hub; whether it is led to who lies."""
    sites = {name: Shown(s, name, lies if name == liar else {}) for name in ("hub", "west", "south")}
    post = find_hub(sites, "hub", None, "", known)
    return lambda: post.hub != "hub"


def _leads_agent(s: Stage, liar: str, *, remembers: bool, by: str = "") -> Check:
    told = s.signed(liar, term=9) if by in ("", liar) else _with_the_key_of(s, liar, by, hub=liar, term=9)
    known = _newest(s) if remembers else None
    return _agent(
        s, liar, {"hub": liar, "term": 9, "lineage": (*s.store(liar).data.state.lineage, told)}, known
    )


def _once_full(s: Stage, limited: bool) -> Check:
    """West was full by what the agent remembers, and has been limited since: the hub has signed that."""
    sites = {name: _key(name) for name in ("hub", "west", "south")}
    before = s.signed("hub", number=1, sites=sites)
    if not limited:
        for name in ("hub", "south"):
            data = s.store(name).data
            data.state = replace(data.state, lineage=(before,))
    told = s.signed("west", term=9)
    return _agent(s, "west", {"hub": "west", "term": 9, "lineage": (before, told)}, before)


def _says_only(s: Stage, remembers: bool) -> Check:
    """West says that it is the hub, without a word that is signed."""
    return _agent(s, "west", {"hub": "west", "term": 9}, _newest(s) if remembers else None)


#: How an agent is led astray, and in whose name that is signed.
ASTRAY = {"by itself": "west", "in another region's name": "south", "by mere words": ""}


def _astray(remembers: bool, how: str, by: str) -> Attempt:
    def deed(s: Stage) -> Check:
        return _leads_agent(s, "west", remembers=remembers, by=by) if by else _says_only(s, remembers)

    return Attempt(
        f"leading an agent that remembers {'the hub' if remembers else 'nothing'} astray, {how}",
        deed,
        lambda s: _leads_agent(s, "south", remembers=remembers),
    )


ATTEMPTS = (
    Attempt(
        "a promotion of the limited site", lambda s: _follow(s, "south", s.signed("west", term=9)), _honest
    ),
    Attempt(
        "a promotion of the limited site, as the hub's word",
        lambda s: _follow(s, "south", _with_the_key_of(s, "west", "hub", hub="west", term=2), term=2),
        lambda s: _follow(s, "hub", s.signed("south", term=2), term=2, hub="south"),
    ),
    Attempt(
        "a promotion of another region, signed by the limited site",
        lambda s: _follow(s, "hub", _with_the_key_of(s, "west", "south", term=9), hub="south"),
        _honest,
    ),
    Attempt("a promotion under a signature of something else", _borrowed, _honest),
    Attempt("a promotion with a key of its own for another region", _key_of_its_own, _honest),
    Attempt(
        "a promotion that names itself as who hands over",
        lambda s: _follow(s, "hub", s.signed("west", hub="south", term=2), term=2, hub="south"),
        _honest,
    ),
    Attempt(
        "a hand-over for a term far ahead",
        lambda s: _follow(s, "west", s.signed("hub", hub="south", term=9), hub="south"),
        lambda s: _follow(s, "west", s.signed("hub", hub="south", term=2), term=2, hub="south"),
    ),
    Attempt(
        "a promotion of another fleet",
        lambda s: _follow(s, "hub", s.signed("south", term=9, fleet="other"), hub="south"),
        _honest,
    ),
    Attempt(
        "a promotion in a term that is over",
        lambda s: _follow(s, "hub", s.signed("south", term=0), term=0, hub="south"),
        _honest,
    ),
    Attempt("a promotion without a signature", lambda s: _unsigned(s, True), lambda s: _unsigned(s, False)),
    Attempt(
        "a page of the hub's without a signature",
        lambda s: _unsigned_page(s, True),
        lambda s: _unsigned_page(s, False),
    ),
    Attempt("a word of the hub's by which the limited site is full", _makes_west_full, _next),
    Attempt("an old word of the hub's with its charter", _replayed, _its_charter),
    Attempt("the hub's newest word beside another charter", _other_charter, _its_charter),
    Attempt("a later word of the hub's of an earlier charter", _backwards, _next),
    Attempt(
        "keys of tokens that nobody has signed",
        lambda s: _keys(s, "evil", lambda _: None),
        lambda s: _keys(s, "new", lambda _: None),
    ),
    Attempt(
        "keys of tokens that the limited site has signed",
        lambda s: _keys(
            s,
            "evil",
            lambda _: _with_the_key_of(s, "west", "hub", number=99, keys={"fernet": (99, "evil")}),
        ),
        lambda s: _keys(s, "newer", lambda _: s.signed("hub", number=99, keys={"fernet": (99, "newer")})),
    ),
    Attempt(
        "keys of tokens of before, with what the hub had signed",
        lambda s: _keys(s, "old", lambda old: old),
        lambda s: _keys(s, "new", lambda old: old),
    ),
    Attempt(
        "a charter that a restored hub is said to have signed",
        lambda s: _remind(s, own=False),
        lambda s: _remind(s, own=True),
    ),
    Attempt(
        "a charter of its own beside what a restored hub has signed",
        lambda s: _remind(s, own=True, charter=False),
        lambda s: _remind(s, own=True),
    ),
    *(_astray(remembers, how, by) for remembers in (True, False) for how, by in ASTRAY.items()),
    Attempt(
        "leading an agent by an old word under which it was full",
        lambda s: _once_full(s, True),
        lambda s: _once_full(s, False),
    ),
)
