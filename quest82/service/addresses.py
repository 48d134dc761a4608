"""Which addresses the service may fetch from: none that only its own network can reach.

A name is resolved once, every address that it has is checked, and the connection goes to one of
those: a name that resolves differently a moment later gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import anyio
import httpx

from .limits import Refused

Resolve = Callable[[str, int], Awaitable[list[str]]]
_LONGEST = 2048
# Networks of IPv6 whose addresses hold one of IPv4 in their last 32 bits.
_CARRIERS = [ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/96")]


def parse(address: str) -> httpx.URL:
    """An address of the web.

    Raises:
        Refused: 400 if it is none, or holds a user name.
    """
    try:
        url = httpx.URL(address) if len(address) <= _LONGEST else httpx.URL()
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise Refused(400, "the address must begin with http:// or https:// and name a host")
    if not 0 < (url.port or 80) < 2**16:
        raise Refused(400, "the port of the address must be between 1 and 65535")
    if url.userinfo:
        raise Refused(400, "the address must not hold a user name or password")
    return url


def host_of(url: httpx.URL) -> str:
    """The name of the host as it is resolved: ASCII, lower case, without a dot at its end."""
    return url.raw_host.decode("ascii").lower().removesuffix(".")


async def resolve(host: str, port: int) -> list[str]:
    """All IP addresses of a name.

    Raises:
        OSError: if it has none.
    """
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(
    url: httpx.URL, allowed: frozenset[str], resolve: Resolve = resolve
) -> list[str]:
    """The IP addresses to which a request for an address may go.

    Args:
        url: where to.
        allowed: names of hosts that may have private addresses.
        resolve: name and port to addresses.

    Raises:
        Refused: 403 if any address of the host is not public, 422 if there is none.
    """
    host = host_of(url)
    try:
        found = await resolve(host, url.port or {"http": 80, "https": 443}[url.scheme])
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise Refused(422, f"{host}: there is no such host; check the address")
    if host not in allowed and not all(is_public(ip_address(address)) for address in found):
        raise Refused(403, f"{host}: is not a public host, and videos are fetched from no other")
    return found


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to the public internet, also where IPv6 wraps one of IPv4.

    >>> [is_public(ip_address(a)) for a in ("8.8.8.8", "10.0.0.1", "::1", "::ffff:127.0.0.1")]
    [True, False, False, False]
    """
    if isinstance(address, IPv6Address):
        if address.scope_id or address.is_site_local:
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if any(address in network for network in _CARRIERS):
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo:
            return False
        if inner:
            return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved)
