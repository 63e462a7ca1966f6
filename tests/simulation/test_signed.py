"""What the hub has signed, and the charter, do not travel again to who has both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.errors import CheckpointMismatch, NotSigned
from keystone_viaduct.sync.charter import Charter, Delegation, Edition
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import WHOLE, Progress
from keystone_viaduct.sync.model import ApplyResult, Checkpoint, Fence, Page, Standing
from keystone_viaduct.sync.site import Site
from tests.simulation.scene import Scene

LIMITED = Charter(delegations={"west": Delegation(domains=frozenset({"default"}))})


class Watched:
    """A site that remembers the pages that it has given."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.given: list[Page] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._site, name)

    def read(
        self,
        reader: str,
        after: Checkpoint | None,
        limit: int,
        fence: Fence | None = None,
        parts: str | None = None,
        signed: str = "",
        register: str = "",
    ) -> Page:
        self.given.append(self._site.read(reader, after, limit, fence, parts, signed, register))
        return self.given[-1]


class Earlier(Watched):
    """A site of a release that knows nothing of this: it says nothing, and does not hear what is said."""

    def read(self, *arguments: object, **named: object) -> Page:
        return super().read(*arguments[:5])  # type: ignore[arg-type]

    def standing(self, source: str, fence: Fence | None = None) -> Standing:
        return replace(self._site.standing(source, fence), signed="", register="")

    def apply(self, page: Page) -> ApplyResult:
        assert not page.signed, "it would take this for a hub that signs nothing"
        assert not page.register, "it would forget the sites that are left out"
        return replace(self._site.apply(page), signed="", register="")


def linked(scene: Scene, *, hub: type[Watched] = Watched, west: type[Watched] = Watched) -> tuple[Link, ...]:
    """The link of hub and west over such sites."""
    return (Link(hub(scene.site("hub")), west(scene.site("west"))),)  # type: ignore[arg-type]


def talk(link: Link) -> list[Page]:
    """Both ways, until nothing moves; the pages of the hub that went along it, or of the spoke."""
    for end in (link.hub, link.spoke):
        end.given.clear()  # type: ignore[attr-defined]
    for _ in range(40):
        if {link.step(link.up), link.step(link.down)} == {Progress.IDLE}:
            return [*link.hub.given, *link.spoke.given]  # type: ignore[attr-defined]
    raise AssertionError("it does not come to rest")


def has_all(page: Page) -> bool:
    """Whether nothing is left out."""
    return page.statement is not None and not page.signed


def test_only_the_first_page_after_something_was_signed_brings_it(scene: Scene) -> None:
    (link,) = linked(scene)
    scene.site("hub").write_charter(LIMITED, Edition())
    first = talk(link)
    brought = [page for page in first if page.source == "hub" and has_all(page)]
    assert len(brought) == 1 and brought[0].charter == scene.site("hub").charter()
    ref = scene.user("hub", "u", "ada")
    back = scene.user("west", "v", "bob")
    pages = talk(link)
    assert {page.source for page in pages if page.changes} == {"hub", "west"}
    assert all(page.signed and page.statement is None and page.charter is None for page in pages)
    assert scene.row("west", ref) and scene.row("hub", back)
    assert scene.site("west").charter() == scene.site("hub").charter()
    link.down.restart()
    assert not any(has_all(page) for page in talk(link)), "an agent that begins anew is told what is there"


def test_what_is_signed_later_is_sent_to_who_says_what_it_had(scene: Scene) -> None:
    (link,) = linked(scene)
    talk(link)
    before = scene.site("west").standing("hub")
    assert before.signed == scene.site("hub").standing("west").signed != ""
    scene.site("hub").write_charter(LIMITED, Edition())
    page = scene.site("hub").read("west", before.checkpoint, signed=before.signed)
    assert has_all(page) and page.charter == scene.site("hub").charter()
    result = scene.site("west").apply(page)
    assert result.signed == scene.site("hub").standing("west").signed != before.signed


@pytest.mark.parametrize("said", ["", "0" * 64])
def test_who_says_nothing_or_what_nobody_has_signed_gets_it(scene: Scene, said: str) -> None:
    after = scene.site("west").standing("hub").checkpoint
    assert has_all(scene.site("hub").read("west", after, signed=said))


def test_sites_of_earlier_releases_get_and_give_it_with_each_page(scene: Scene) -> None:
    scene.site("hub").write_charter(LIMITED, Edition())
    for ends in ({"west": Earlier}, {"hub": Earlier}):
        (link,) = linked(scene, **ends)
        talk(link)
        number = len(scene.store("hub").data.rows)
        ref = scene.user("hub", f"u{number}", f"ada-{number}")
        back = scene.user("west", f"v{number}", f"bob-{number}")
        pages = [page for page in talk(link) if page.changes]
        assert {page.source for page in pages} == {"hub", "west"} and all(map(has_all, pages))
        assert scene.row("west", ref) and scene.row("hub", back)


class Mixed(Watched):
    """A site whose workers are replaced one after the other: now a later one answers, now an earlier one."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.refused = 0

    def apply(self, page: Page) -> ApplyResult:
        if page.signed:
            self.refused += 1
            raise NotSigned("hub says nothing that it has signed", hint="is it the hub?", site="hub")
        return self._site.apply(page)


def test_a_worker_of_an_earlier_release_beside_a_later_one_costs_a_page_now_and_then(scene: Scene) -> None:
    (link,) = linked(scene, west=Mixed)
    pages = 0
    for number in range(WHOLE):
        ref = scene.user("hub", f"u{number}", f"ada-{number}")
        pages += len([page for page in talk(link) if page.source == "hub"])
        assert scene.row("west", ref)
    refused = link.spoke.refused  # type: ignore[attr-defined]
    assert 1 < refused <= 1 + pages // WHOLE
    assert link.down.totals.vain == 0, "which would be a failure of the link"


def test_a_page_that_leaves_out_nothing_is_refused_as_ever(scene: Scene) -> None:
    class Other(Watched):
        def apply(self, page: Page) -> ApplyResult:
            raise NotSigned("hub shows a statement that is not its own", hint="is it the hub?", site="hub")

    scene.user("hub", "u", "ada")
    (link,) = linked(scene, west=Other)
    link.step(link.down)  # the two agree on the hub
    assert link.step(link.down) is Progress.MORE, "perhaps it was for what is left out"
    for _ in range(5):
        with pytest.raises(NotSigned):
            link.step(link.down)


def test_a_forged_claim_to_have_it_costs_the_claimer_a_page_and_others_nothing(scene: Scene) -> None:
    """The hub believes it for the one page; whoever is given that refuses it, and is asked what it has."""
    south, hub, after = scene.site("south"), scene.site("hub"), scene.site("south").standing("hub").checkpoint
    hub.write_charter(LIMITED, Edition())
    newest = hub.standing("south").signed
    scene.user("hub", "u", "ada")
    data = scene.store("hub").data.copy()
    forged = hub.read("south", after, signed=newest)
    assert forged.signed and forged.changes
    before = scene.store("south").data.copy()
    with pytest.raises(CheckpointMismatch, match="leaves out a statement that south does not have"):
        south.apply(forged)
    assert scene.store("south").data == before
    assert has_all(hub.read("west", scene.site("west").standing("hub").checkpoint))
    assert scene.store("hub").data.state.lineage == data.state.lineage
    scene.equal()
    assert south.charter() == hub.charter()


def test_a_spoke_that_lies_about_it_costs_its_own_link_a_page_each_time(scene: Scene) -> None:
    class Liar(Watched):
        def standing(self, source: str, fence: Fence | None = None) -> Standing:
            newest = scene.site("hub").standing("west").signed
            return replace(self._site.standing(source, fence), signed=newest)

    scene.site("hub").write_charter(LIMITED, Edition())
    (link,) = linked(scene, west=Liar)
    for number in range(3):
        ref = scene.user("hub", f"u{number}", f"ada-{number}")
        pages = [page for page in talk(link) if page.source == "hub" and page.changes]
        assert len(pages) <= 2 and scene.row("west", ref)


def test_a_site_that_refuses_all_pages_for_their_checkpoint_is_seen_to_get_nowhere(scene: Scene) -> None:
    class Liar(Watched):
        def apply(self, page: Page) -> ApplyResult:
            raise CheckpointMismatch("another one was applied", hint="read the checkpoint again")

    scene.user("hub", "u", "ada")
    (link,) = linked(scene, west=Liar)
    for _ in range(20):
        link.step(link.down)
    assert link.down.totals.vain > 5, "which is what makes its agent wait longer and longer"


def test_a_hub_that_was_put_back_hears_what_it_had_signed_though_it_was_left_out_before(scene: Scene) -> None:
    (link,) = linked(scene)
    talk(link)
    data = scene.store("hub").data.copy()
    scene.site("hub").write_charter(LIMITED, Edition())
    talk(link)
    assert not any(has_all(page) for page in talk(link))
    scene.put_back("hub", data)
    scene.user("hub", "u", "ada")
    scene.equal()
    wanted = replace(LIMITED, edition=Edition(1, 1))
    assert scene.site("hub").charter() == scene.site("west").charter() == wanted


def test_a_site_that_has_the_statement_without_its_charter_is_sent_both(scene: Scene) -> None:
    """As one that was told whom to follow, and has read no page from there yet."""
    scene.site("hub").write_charter(LIMITED, Edition())
    store = scene.store("west")
    store.data.state = replace(store.data.state, lineage=scene.store("hub").data.state.lineage)
    assert scene.site("west").standing("hub").signed == ""
    scene.equal()
    assert scene.site("west").charter() == scene.site("hub").charter()
