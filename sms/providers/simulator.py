"""The demonstration's provider: teleQ's own simulator, spoken to over HTTP like any other."""

from collections.abc import Iterator
from urllib.parse import urlencode

import aiohttp
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac
from yarl import URL

from sms.providers.base import (
    Delivery,
    DeliveryReport,
    InboundMessage,
    OutboundMessage,
    Outcome,
    Provider,
    SendResult,
    http_failure,
)

REPORTED = {"delivered": Delivery.DELIVERED, "failed": Delivery.FAILED}


class Simulator(Provider):
    name = "simulator"

    def __init__(self) -> None:
        # Made once: aiohttp takes a third more time for a post with an address and a form that it has to read first.
        self.url = URL(f"{settings.TELEQ_URL}/simulator/send")
        self.headers = {"Authorization": f"Bearer {credential()}", "Content-Type": "application/x-www-form-urlencoded"}

    @classmethod
    def problems(cls) -> Iterator[str]:
        if not settings.TELEQ_DEMO:
            yield "SMS_PROVIDER is the simulator, which sends nothing. It is allowed in the demonstration only."

    @classmethod
    def losses(cls) -> tuple[str, ...]:
        return ()  # may_tell needs no password

    async def send(self, session: aiohttp.ClientSession, message: OutboundMessage) -> SendResult:
        form = {
            "to": message.to,
            "from": message.sender,
            "message": message.text,
            "whendelivered": message.callback_url,
        }
        data = urlencode(form).encode()
        async with session.post(self.url, data=data, headers=self.headers, allow_redirects=False) as response:
            if response.status != 201:
                return http_failure(response.status)
            return SendResult(Outcome.ACCEPTED, provider_message_id=(await response.text()), status="created")

    def report(self, request: HttpRequest) -> DeliveryReport:
        status = request.POST.get("status", "")
        return DeliveryReport(REPORTED.get(status, Delivery.UNDER_WAY), status, request.POST.get("id", ""))

    def may_tell(self, request: HttpRequest) -> bool:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {credential()}")

    def inbound(self, request: HttpRequest) -> InboundMessage:
        told = request.POST
        return InboundMessage(told.get("from", ""), told.get("to", ""), told.get("message", ""), told.get("id", ""))


def credential() -> str:
    """What whoever sends through the simulator shows: the workers and the web share SECRET_KEY, and nobody else."""
    return salted_hmac("teleq.simulator", "send", algorithm="sha256").hexdigest()
