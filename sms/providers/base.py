"""What teleQ and every SMS provider agree on: what leaves, what is said of it, and what comes in."""

from __future__ import annotations

import asyncio
import base64
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

import aiohttp
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

# A provider that has not answered within this many seconds has left us not knowing; nor has one that sends a byte now
# and then.
TIME_LIMIT = aiohttp.ClientTimeout(total=20, sock_connect=5, sock_read=10)

TELEPHONE_NUMBER = re.compile(r"\+?\d(?:[ ().-]*\d){6,}")
"""Seven digits or more, however they are written; a provider's own codes have less."""


class Outcome(Enum):
    ACCEPTED = "accepted"
    QUEUED = "queued"
    """It waits at the provider's till the network takes it: not ours to send again."""
    REJECTED = "rejected"
    """The provider will never take this message."""
    RETRY_LATER = "retry later"
    """Known not to have been sent."""
    NOT_STARTED = "not started"
    """Not handed over at all, since the provider was found to be down before its turn came."""
    SHUT = "shut"
    """Known not to have been sent, and nor would any other be: wrong credentials, a wrong address, no credit left."""
    UNKNOWN = "unknown"
    """It may have been sent: never to be sent again by itself."""


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    id: int
    to: str
    """E.164."""
    sender: str
    """A telephone number in E.164, or 3 to 11 letters and digits that begin with a letter."""
    text: str
    callback_url: str
    """Where the provider reports delivery. Holds our id and a token that can't be guessed."""


@dataclass(frozen=True, slots=True)
class SendResult:
    outcome: Outcome
    provider_message_id: str = ""
    status: str = ""
    opted_out: bool = False
    """The provider doesn't take it since the patient has told it to stop: a withdrawal like any other."""


class Delivery(Enum):
    DELIVERED = "delivered"
    FAILED = "failed"
    UNDER_WAY = "under way"
    """Nothing final has been said yet."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    delivery: Delivery
    status: str = ""
    """In the provider's own words."""
    provider_message_id: str = ""
    opted_out: bool = False
    """As in SendResult, and with it the message has failed."""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """What a patient has answered."""

    from_number: str
    to_number: str
    """Both as the provider writes them."""
    text: str
    provider_message_id: str = ""
    """The same for the same message, however often it is told of. Empty where the provider has none."""
    opted_out: bool = False
    """The provider has taken it for a withdrawal, whatever it says."""


class Provider(ABC):
    """One provider. A new one is a file with a class like this, and a line in `sms.providers`."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def problems(cls) -> Iterable[str]:
        """What is missing or wrong in the environment, for the system checks."""

    @classmethod
    def losses(cls) -> Iterable[str]:
        """What the environment makes it do without, for the system checks: by default what `may_tell` needs."""
        if not settings.SMS_INBOUND_PASSWORD:
            yield "SMS_INBOUND_PASSWORD is not set: what patients answer is turned away, and STOPP does not work."

    @abstractmethod
    async def send(self, session: aiohttp.ClientSession, message: OutboundMessage) -> SendResult:
        """Hand one message over. Raises nothing that `failure` can't name."""

    def is_genuine(self, request: HttpRequest) -> bool:
        """Whether a delivery report comes from the provider. The token in its address is looked at apart from this."""
        return True

    @abstractmethod
    def report(self, request: HttpRequest) -> DeliveryReport:
        """What a delivery report says."""

    def may_tell(self, request: HttpRequest) -> bool:
        """Whether an inbound message comes from the provider, which is given the password with our address."""
        return has_password(request, settings.SMS_INBOUND_PASSWORD)

    @abstractmethod
    def inbound(self, request: HttpRequest) -> InboundMessage:
        """What a patient has answered, and to which number."""

    def thanks(self) -> HttpResponse:
        """The answer to what it tells: that it has been heard, and nothing that it would send the patient as an SMS."""
        return HttpResponse(status=204)

    async def ask(self, session: aiohttp.ClientSession, provider_message_id: str) -> DeliveryReport | None:
        """What has become of a message that nothing was reported of. None where the provider can't be asked."""
        return None


def unset(*names: str) -> Iterator[str]:
    for name in names:
        if not getattr(settings, name):
            yield f"{name} is not set, and SMS_PROVIDER={settings.SMS_PROVIDER} needs it."


def unreachable() -> Iterator[str]:
    """A provider on the internet reports to an address on the internet."""
    if not settings.TELEQ_URL.startswith("https://"):
        yield f"TELEQ_URL is {settings.TELEQ_URL!r}; {settings.SMS_PROVIDER} reports to it, which needs https://."


def has_password(request: HttpRequest, password: str) -> bool:
    """Whether it comes with this password by HTTP Basic, whatever the user's name. Not without a password."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return False
    return bool(password) and scheme.lower() == "basic" and constant_time_compare(given, password)


def storable(told: object) -> str:
    """What a provider says of a message, as it can be kept."""
    return str(told or "").replace("\x00", "")[:100]


def loggable(told: str) -> str:
    """What a provider says, as a log may hold it: on one line, and without a telephone number that it repeats."""
    return TELEPHONE_NUMBER.sub("…", " ".join(storable(told).split()))


async def told_as_json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The object that was answered with. Where it can't be read there is none: a message that was taken is taken."""
    try:
        told = await response.json(content_type=None)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def failure(error: aiohttp.ClientError | asyncio.TimeoutError) -> SendResult:
    """What an exception from aiohttp says about the message: only one that never connected is known not to be sent."""
    never_left = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
    outcome = Outcome.RETRY_LATER if isinstance(error, never_left) else Outcome.UNKNOWN
    return SendResult(outcome, status=type(error).__name__)


def http_failure(status: int, detail: str = "") -> SendResult:
    """What an HTTP status other than success says, where the provider's documentation says nothing else.

    A redirection, which is not followed, or a status that is about us and not the message, would befall every message.
    """
    told = f"HTTP {status}, {detail}"[:100] if detail else f"HTTP {status}"
    if status in (429, 503):
        return SendResult(Outcome.RETRY_LATER, status=told)
    if status in (401, 402, 403, 404, 405, 407) or 300 <= status < 400:
        return SendResult(Outcome.SHUT, status=told)
    outcome = Outcome.REJECTED if 400 <= status < 500 else Outcome.UNKNOWN
    return SendResult(outcome, status=told)
