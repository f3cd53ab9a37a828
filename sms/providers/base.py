"""What the gateway and every SMS provider agree on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import aiohttp

# A provider that has not answered within this many seconds has left us not knowing; nor has one that sends a byte now
# and then.
TIME_LIMIT = aiohttp.ClientTimeout(total=20, sock_connect=5, sock_read=10)


class Outcome(Enum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """The provider will never take this message."""
    RETRY_LATER = "retry later"
    """Known not to have been sent."""
    UNKNOWN = "unknown"
    """It may have been sent: never to be sent again by itself."""


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    id: int
    to: str
    """E.164."""
    sender: str
    text: str
    callback_url: str
    """Where the provider reports delivery."""


@dataclass(frozen=True, slots=True)
class SendResult:
    outcome: Outcome
    provider_message_id: str = ""
    status: str = ""


class Provider(Protocol):
    name: str

    async def send(self, session: aiohttp.ClientSession, message: OutboundMessage) -> SendResult:
        """Hand one message over. Raises nothing that `failure` can't name."""


def failure(error: aiohttp.ClientError | asyncio.TimeoutError) -> SendResult:
    """What an exception from aiohttp says about the message: only one that never connected is known not to be sent."""
    never_left = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
    outcome = Outcome.RETRY_LATER if isinstance(error, never_left) else Outcome.UNKNOWN
    return SendResult(outcome, status=type(error).__name__)


def http_failure(status: int) -> SendResult:
    """What an HTTP status other than success says, where the provider's documentation says nothing else."""
    if status in (429, 503):
        return SendResult(Outcome.RETRY_LATER, status=f"HTTP {status}")
    outcome = Outcome.REJECTED if 400 <= status < 500 else Outcome.UNKNOWN
    return SendResult(outcome, status=f"HTTP {status}")
