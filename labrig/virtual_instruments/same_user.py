"""Checks that a client on this machine belongs to this user, because virtual instruments must not obey other users.

Loopback ports are open to every user of a machine, and the protocols of instruments have no passwords. On Linux the
kernel reports which user owns the socket at the other end (sock_diag(7)); on other systems every client is accepted.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

Address = tuple[str, int]

_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST = 4, 20, 1
_ANY_STATE, _NO_COOKIE = 0xFFFFFFFF, 0xFFFFFFFF
_HEADER = "=IHHII"
_USER = struct.calcsize(_HEADER) + 4 + 48 + 12
"""Position of the user ID in a reply, after the header, the state, the addresses, a timer and two queue lengths."""

_WAIT_S = 1.0


def is_same_user(client: Address, server: Address) -> bool:
    """Return whether the client of a loopback connection belongs to this user or root; True if this is unknown.

    Parameters
    ----------
    client, server
        Both ends of the connection.
    """
    if sys.platform != "linux" or not client[0].startswith("127."):
        return True
    try:
        return owner(client, server) in (os.getuid(), 0)
    except OSError:  # a kernel without sock_diag
        return True


def owner(client: Address, server: Address) -> int | None:
    """Return the user of the client's socket; None if it is closed, because the kernel then forgets its owner."""
    request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
    request += struct.pack("!HH", client[1], server[1])
    request += b"".join(socket.inet_aton(host) + bytes(12) for host, _ in (client, server))
    request += struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)
    header = struct.pack(_HEADER, struct.calcsize(_HEADER) + len(request), _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
        kernel.settimeout(_WAIT_S)
        kernel.send(header + request)
        reply = kernel.recv(4096)
    if struct.unpack_from(_HEADER, reply)[1] != _SOCK_DIAG_BY_FAMILY:  # no such connection
        return None
    user, inode = struct.unpack_from("=II", reply, _USER)
    return user if inode else None
