"""What all SMS providers have in common: the class `Provider`, and the dataclasses that its methods take and return.

A message that is handed over gets a *response* (HTTP) at once, and *delivery reports* later. A *reply* is an SMS from a
patient.
"""

from __future__ import annotations

import base64
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar
from urllib.parse import quote_plus, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

THIS_MACHINE = ("127.0.0.1", "::1", "localhost")

TELEPHONE_NUMBER = re.compile(r"\+?\d(?:[ ().-]*\d){6,}")
"""Seven digits or more, however they are written. A provider's own codes have fewer."""


class Outcome(Enum):
    """What is known of a message when its provider has responded, or has not."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    """The provider keeps it until the network takes it. teleQ doesn't send it again."""
    REJECTED = "rejected"
    """The provider will never take this message."""
    RETRY_LATER = "retry later"
    """Known not to have been sent."""
    NOT_STARTED = "not started"
    """Not handed over at all: its slot was over, or the circuit breaker had opened."""
    SHUT = "shut"
    """Known not to have been sent, and no other would be either: wrong credentials, a wrong address, no credit left."""
    UNKNOWN = "unknown"
    """It may have been sent, so it is never sent again automatically."""


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A message as a provider needs it to send it."""

    id: int
    to: str
    """E.164."""
    sender: str
    """A telephone number in E.164, or 3 to 11 letters and digits that begin with a letter."""
    text: str
    callback_url: str
    """The address for delivery reports. Contains the message's id and a token that can't be guessed."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request to a provider. What may be secret isn't in its `repr`."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """A provider's HTTP response, whole."""

    status: int
    body: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json_object(self) -> dict[str, Any]:
        """The JSON object in the body, or an empty one: a message that was accepted is so, whatever the body."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of handing a message over."""

    outcome: Outcome
    provider_message_id: str = ""
    status: str = ""
    """In the provider's own words."""
    opted_out: bool = False
    """The provider rejects it, as the patient has told the provider to stop. That is a withdrawal of consent."""


class Delivery(Enum):
    """What a delivery report says."""

    DELIVERED = "delivered"
    FAILED = "failed"
    NOT_FINAL = "not final"
    """The message is still on its way."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a provider says has become of a message, after it took it."""

    delivery: Delivery
    status: str = ""
    """In the provider's own words."""
    provider_message_id: str = ""
    opted_out: bool = False
    """As in SendResult. The message has failed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMS from a patient."""

    from_number: str
    to_number: str
    """Both as the provider writes them."""
    text: str
    provider_message_id: str = ""
    """The same each time the provider delivers this reply. Empty if the provider has no id."""
    opted_out: bool = False
    """The provider has taken it for a withdrawal, whatever its text."""


@dataclass(frozen=True, slots=True)
class SentSms:
    """An SMS to a patient, in a provider's own list of what it was given."""

    to: str
    sender: str
    """Both as the provider writes them."""
    text: str
    """Empty where the provider doesn't keep it."""
    at: datetime
    """When the provider took it. Aware."""
    report: DeliveryReport


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a provider's own list of SMS."""

    sent: list[SentSms]
    replies: list[Reply]
    following: Request | None
    """The request for the next page. None: there is no more."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a provider says of teleQ's account with it, when it is asked in a way that sends nothing."""

    is_right: bool
    told: str
    """What was asked and what is so, in a Swedish sentence for the operator. Without passwords and numbers."""


class Provider(ABC):
    """One SMS provider. A new one is a file with a subclass, and a line in `sms.providers`."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def configuration_errors(cls) -> Iterable[str]:
        """What is missing or wrong in the environment, for the system checks. With an error the provider isn't used."""

    @classmethod
    def configuration_warnings(cls) -> Iterable[str]:
        """What doesn't work without a setting that may be left out, for the system checks. By default the password that
        `is_authentic_reply` needs."""
        if not settings.SMS_INBOUND_PASSWORD:
            yield "SMS_INBOUND_PASSWORD is not set: patients' replies are turned away, and STOPP does not work."

    @abstractmethod
    def build_request(self, message: OutboundMessage) -> Request:
        """The request that hands one message over: a POST with a body. `sms.dispatcher` sends it."""

    @abstractmethod
    def parse_response(self, response: Response) -> SendResult:
        """The result of handing a message over, by the response to it."""

    def is_authentic_report(self, request: HttpRequest) -> bool:
        """Whether a delivery report comes from the provider. `sms.receipts` checks the token in its address as well."""
        return True

    @abstractmethod
    def parse_report(self, request: HttpRequest) -> DeliveryReport:
        """The delivery report in a request from the provider."""

    def is_authentic_reply(self, request: HttpRequest) -> bool:
        """Whether a reply comes from the provider, to which the password was given with our address."""
        return has_password(request, settings.SMS_INBOUND_PASSWORD)

    @abstractmethod
    def parse_reply(self, request: HttpRequest) -> Reply:
        """The patient's reply in a request from the provider."""

    def acknowledgement(self) -> HttpResponse:
        """Our HTTP response to a report or a reply: received. Empty, as some providers send its text to the patient."""
        return HttpResponse(status=204)

    def build_status_request(self, provider_message_id: str) -> Request | None:
        """The request that asks for the status of a message: a GET. None if the provider can't be asked."""
        return None

    def parse_status(self, response: Response) -> DeliveryReport | None:
        """The status in the response to that. None if it doesn't say."""
        return None

    def build_list_request(self, since: datetime) -> Request | None:
        """The request for the first page of the provider's list of all SMS, sent and received, since this aware time or
        somewhat earlier: a GET. None if the provider has no list."""
        return None

    def parse_list(self, response: Response, since: datetime) -> ListPage:
        """The page in the response to that, or to the request for a following page. Raises ValueError if it is none:
        half a list must not be taken for a whole one."""
        raise ValueError("no list")

    def build_account_request(self) -> Request | None:
        """The request that asks about the account and sends nothing. None if the provider can't be asked."""
        return None

    def parse_account(self, response: Response) -> Account:
        """What the response to that says."""
        return wrong_account(response)


def listed(response: Response, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The JSON object in the response to a request for a list, and the objects that it lists under this name. Raises
    ValueError."""
    body = response.json_object
    rows = body.get(name)
    if response.status != 200 or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"HTTP {response.status}, not a list of SMS")
    return body, rows


def wrong_account(response: Response) -> Account:
    """The account of a provider whose response is not the one that a right account gets."""
    if response.status in (401, 403):
        told = _("Den tar inte emot namnet eller lösenordet (HTTP %(status)s).")
    else:
        told = _("Den svarade HTTP %(status)s. Kontrollera adressen.")
    return Account(False, told % {"status": response.status})


def missing_settings(*names: str) -> Iterator[str]:
    """An error for each of these settings that is empty."""
    for name in names:
        if not getattr(settings, name):
            yield f"{name} is not set."


def callback_url_errors() -> Iterator[str]:
    """An error if TELEQ_URL is no https:// address, to which a provider on the internet can send delivery reports."""
    if not settings.TELEQ_URL.startswith("https://"):
        yield f"TELEQ_URL is {settings.TELEQ_URL!r}, where it reports delivery, which needs https://."


def provider_url_errors(name: str) -> Iterator[str]:
    """An error if this setting, a provider's address on the internet, is not https://.

    http:// is for this machine itself, from which nothing leaves so: a proxy that speaks TLS for it may be there.
    """
    url = urlsplit(getattr(settings, name))
    if url.scheme != "https" and not (url.scheme == "http" and url.hostname in THIS_MACHINE):
        yield f"{name} is {getattr(settings, name)!r}; patients' numbers and texts go there, which needs https://."


def has_password(request: HttpRequest, password: str) -> bool:
    """Whether the request has this password by HTTP Basic, with any user name. False if the password is empty."""
    scheme, _blank, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return False
    return bool(password) and scheme.lower() == "basic" and constant_time_compare(given, password)


def storable(status: object) -> str:
    """A provider's id or status for a message, cut and cleaned so that our columns can hold it."""
    return str(status or "").replace("\x00", "")[:100]


def loggable(status: str) -> str:
    """A provider's status as a log may hold it: on one line, and without telephone numbers."""
    return TELEPHONE_NUMBER.sub("…", " ".join(storable(status).split()))


_ENCODED = {byte: quote_plus(bytes([byte])) for byte in range(256)}
"""How each byte is written in a form."""


def form_encoded(form: Mapping[str, str]) -> bytes:
    """A form as it is posted. The same as the standard library's `urlencode`, which takes several times as long: each
    message is a form. Names need no encoding."""
    latin = ((name, value.encode().decode("latin-1")) for name, value in form.items())  # a character for each byte
    return "&".join([f"{name}={value.translate(_ENCODED)}" for name, value in latin]).encode()


def basic_authorization(username: str, password: str) -> str:
    """The value of a header that signs in by HTTP Basic."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def http_failure(status: int, detail: str = "") -> SendResult:
    """The result of a message whose response has an HTTP status other than success, where the provider's documentation
    says nothing else.

    A redirection, which is not followed, and a status that is about teleQ and not about the message, mean SHUT: every
    message would get the same.
    """
    text = f"HTTP {status}, {detail}"[:100] if detail else f"HTTP {status}"
    if status in (429, 503):
        return SendResult(Outcome.RETRY_LATER, status=text)
    if status in (401, 402, 403, 404, 405, 407) or 300 <= status < 400:
        return SendResult(Outcome.SHUT, status=text)
    outcome = Outcome.REJECTED if 400 <= status < 500 else Outcome.UNKNOWN
    return SendResult(outcome, status=text)
