"""When packets arrive between sites."""

from __future__ import annotations

from keystone_viaduct.testing.wan import Roads


def packet(target: int, contents: bytes = b"") -> bytes:
    """The least that counts as an IPv4 packet."""
    return b"\x45" + bytes(15) + bytes((10, 77, 0, target)) + contents


def test_a_packet_arrives_after_the_delay_and_not_before() -> None:
    roads = Roads(3, delay=0.025)
    roads.send(1, packet(2), now=10.0)
    assert roads.next_arrival() == 10.025
    assert roads.arrived(10.024) == []
    assert roads.arrived(10.025) == [(2, packet(2))]
    assert roads.next_arrival() is None
    assert roads[1, 2].carried == 1


def test_without_delay_it_arrives_at_once() -> None:
    roads = Roads(2)
    roads.send(2, packet(1), now=5.0)
    assert roads.arrived(5.0) == [(1, packet(1))]


def test_packets_keep_their_order_when_the_road_becomes_shorter() -> None:
    roads = Roads(2, delay=0.1)
    roads.send(1, packet(2, b"first"), now=0.0)
    roads.set_delay(0.0)
    roads.send(1, packet(2, b"second"), now=0.01)
    assert roads.arrived(0.05) == []
    assert [contents[-6:].lstrip(b"\x02") for _, contents in roads.arrived(0.1)] == [b"first", b"second"]


def test_a_cut_drops_what_is_sent_and_what_is_under_way() -> None:
    roads = Roads(3, delay=0.1)
    roads.send(1, packet(3), now=0.0)
    roads.cut(3)
    roads.send(3, packet(1), now=0.01)
    roads.send(1, packet(2), now=0.01)
    assert roads.arrived(1.0) == [(2, packet(2))]
    assert (roads[1, 3].dropped, roads[3, 1].dropped, roads[1, 2].dropped) == (1, 1, 0)


def test_a_healed_road_carries_again() -> None:
    roads = Roads(3)
    roads.cut(1, 2)
    roads.cut(1, 2, healed=True)
    roads.send(1, packet(2), now=0.0)
    assert roads.arrived(0.0) == [(2, packet(2))]


def test_one_road_can_be_cut_alone() -> None:
    roads = Roads(3)
    roads.cut(1, 2)
    assert roads[1, 2].cut and roads[2, 1].cut
    assert not roads[1, 3].cut and not roads[2, 3].cut


def test_what_is_addressed_to_nobody_is_dropped() -> None:
    roads = Roads(2)
    for strange in (packet(9), packet(1), b"\x60" + bytes(39), b"", b"\x45" + bytes(18)):
        roads.send(1, strange, now=0.0)
    assert roads.arrived(1.0) == []
