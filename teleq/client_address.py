"""The address that a request comes from, which limits are counted by."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def sent_from(request: HttpRequest) -> str:
    """The client's address: behind a proxy, what the proxy saw and added last. Never what the client says itself."""
    if settings.BEHIND_PROXY:
        return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def client_network(request: HttpRequest) -> str:
    """The client's IPv4 address, or the /64 of its IPv6 address: one client has all of that at its disposal.

    An address that can't be read is 0.0.0.0: all of those count as one client.
    """
    try:
        address = ipaddress.ip_address(sent_from(request).split("%")[0])
    except ValueError:
        return "0.0.0.0"  # noqa: S104  not bound to
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)
