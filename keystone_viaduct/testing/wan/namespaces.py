"""A network namespace with a TUN device in it, made without any program and without a name.

The namespace lives as long as a process is in it or its descriptor is open: there is nothing to clean up,
however its maker ended. Structures: netdevice(7), ``linux/if_tun.h``.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import threading
from dataclasses import dataclass

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCSIFMTU, _SIOCSIFTXQLEN = (
    0x8914,
    0x8916,
    0x891C,
    0x8922,
    0x8943,
)
_IFF_UP = 0x1

DEVICE = "wan"
NETMASK = "255.255.255.0"
MTU = 9000
"""Bytes per packet: jumbo frames, for each packet costs the router the same whatever its size."""
_QUEUE = 5000


@dataclass(frozen=True)
class Place:
    """A namespace (open descriptor ``namespace``) and its device (``device``: each read is one packet)."""

    address: str
    namespace: int
    device: int

    def entering(self) -> list[str]:
        """The beginning of a command line that runs a program in here; pass it :attr:`namespace`."""
        return ["nsenter", f"--net=/proc/self/fd/{self.namespace}", "--"]

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.device)
        os.close(self.namespace)


def make_place(address: str) -> Place:
    """A new namespace with ``address`` (IPv4, in a /24 of its own world); raises OSError if not root.

    Made by a thread of its own: a namespace is entered by threads, and the others stay where they are.
    """
    made: list[Place] = []
    errors: list[OSError] = []

    def make() -> None:
        try:
            made.append(_make(address))
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return made[0]


def _make(address: str) -> Place:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"a network namespace was refused: {os.strerror(number)}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, _TUNSETIFF, _request(DEVICE, struct.pack("H", _IFF_TUN | _IFF_NO_PI)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            _configure(control.fileno(), address)
        namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except BaseException:
        os.close(device)
        raise
    return Place(address, namespace, device)


def _configure(control: int, address: str) -> None:
    up = struct.pack("H", _IFF_UP)
    for request, contents in (
        (_SIOCSIFADDR, _internet(address)),
        (_SIOCSIFNETMASK, _internet(NETMASK)),
        (_SIOCSIFMTU, struct.pack("i", MTU)),
        (_SIOCSIFTXQLEN, struct.pack("i", _QUEUE)),
        (_SIOCSIFFLAGS, up),
    ):
        fcntl.ioctl(control, request, _request(DEVICE, contents))
    fcntl.ioctl(control, _SIOCSIFFLAGS, _request("lo", up))


def _internet(address: str) -> bytes:
    return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(address))


def _request(device: str, contents: bytes) -> bytes:
    """A ``struct ifreq``."""
    return struct.pack("16s24s", device.encode(), contents)
