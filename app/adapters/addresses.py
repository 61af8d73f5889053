"""Which network addresses are public, and who asks: the guard against links that point into our own network."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses behind a host name, in the order in which to try them. Raises: OSError."""

# RFC 6052: an IPv6 address that a gateway turns into the IPv4 one in its last four bytes.
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver. Raises: OSError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (UnicodeError, OverflowError) as error:
        # A label that is too long, or a port that is none: no such address can exist.
        raise OSError(host) from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def is_public(address: str) -> bool:
    """Whether an address belongs to the open internet; false for what is no address.

    IPv6 forms that carry an IPv4 address inside are judged by that one.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _TRANSLATED:
            ip = ipaddress.IPv4Address(ip.packed[-4:])
        else:
            ip = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
    # `is_global` already leaves out private, loopback, link-local, shared (CGNAT), reserved and documentation ranges.
    return ip.is_global and not ip.is_multicast
