"""Carries packets between the places of a world."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Mapping

from keystone_viaduct.testing.wan.namespaces import Place
from keystone_viaduct.testing.wan.roads import Roads

_BURST = 64
_LARGEST = 1 << 16


class Router:
    """Moves packets between ``places`` (by number, from 1) as ``roads`` says, in the thread that calls it."""

    def __init__(
        self, places: Mapping[int, Place], roads: Roads, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.roads = roads
        self._places = places
        self._sites = {place.device: number for number, place in places.items()}
        self._monotonic = monotonic

    def step(self, also: int, longest: float) -> bool:
        """Wait for packets, due arrivals or input on the descriptor ``also``, at most ``longest`` seconds.

        Returns whether ``also`` can be read.
        """
        due = self.roads.next_arrival()
        wait = longest if due is None else min(longest, max(0.0, due - self._monotonic()))
        ready, _, _ = select.select([also, *self._sites], [], [], wait)
        for device in ready:
            if device != also:
                self._take(device)
        for target, packet in self.roads.arrived(self._monotonic()):
            self._deliver(target, packet)
        return also in ready

    def _take(self, device: int) -> None:
        for _ in range(_BURST):
            try:
                packet = os.read(device, _LARGEST)
            except BlockingIOError:
                return
            self.roads.send(self._sites[device], packet, self._monotonic())

    def _deliver(self, target: int, packet: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # a full queue loses packets at any router
            os.write(self._places[target].device, packet)
