"""The address that a request comes from, which limits are counted by."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest


def sent_from(request: HttpRequest) -> str:
    """The client's address: behind a proxy, what the proxy saw and added last. Never what the client says itself."""
    if settings.BEHIND_PROXY:
        return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def comes_from(request: HttpRequest, addresses: Iterable[str]) -> bool:
    """Whether the request comes from one of these addresses, however they are written."""
    try:
        seen = _read(sent_from(request))
    except ValueError:
        return False
    return any(seen == _read(address) for address in addresses)


def is_address(text: str) -> bool:
    try:
        _read(text)
    except ValueError:
        return False
    return True


def client_network(request: HttpRequest) -> str:
    """The client's IPv4 address, or the /64 of its IPv6 address: one client has all of that at its disposal.

    An address that can't be read is 0.0.0.0: all of those count as one client.
    """
    try:
        address = _read(sent_from(request))
    except ValueError:
        return "0.0.0.0"  # noqa: S104  not bound to
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


def _read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address, without an interface's name, and as IPv4 where it is one within IPv6. Raises ValueError."""
    address = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    return getattr(address, "ipv4_mapped", None) or address
