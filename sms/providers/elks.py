"""46elks. Source: 46elks.se/docs: send-sms, sms-delivery-reports, receive-sms, show-sms-id, ip-addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
from django.conf import settings
from django.http import HttpRequest
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
    told_as_json,
    unreachable,
    unset,
)
from teleq.client_address import sent_from

REPORTED = {"delivered": Delivery.DELIVERED, "failed": Delivery.FAILED}


class Elks(Provider):
    name = "46elks"

    def __init__(self) -> None:
        self.url = URL(settings.ELKS_URL)
        self.headers = {
            "Authorization": aiohttp.encode_basic_auth(settings.ELKS_USERNAME, settings.ELKS_PASSWORD),
            "Content-Type": "application/x-www-form-urlencoded",
        }

    @classmethod
    def problems(cls) -> Iterator[str]:
        yield from unset("ELKS_USERNAME", "ELKS_PASSWORD")
        yield from unreachable()

    async def send(self, session: aiohttp.ClientSession, message: OutboundMessage) -> SendResult:
        form = {
            "to": message.to,
            "from": message.sender,
            "message": message.text,
            "whendelivered": message.callback_url,
            "dontlog": "message",  # the text is not kept at the provider's
        }
        data = urlencode(form).encode()
        async with session.post(self.url, data=data, headers=self.headers, allow_redirects=False) as response:
            if response.status != 200:
                return http_failure(response.status)
            told = await told_as_json(response)
            return SendResult(Outcome.ACCEPTED, told.get("id", ""), told.get("status", ""))

    def is_genuine(self, request: HttpRequest) -> bool:
        """46elks signs nothing; where its addresses are configured, the report has to come from one of them."""
        return not settings.ELKS_ADDRESSES or sent_from(request) in settings.ELKS_ADDRESSES

    def report(self, request: HttpRequest) -> DeliveryReport:
        return _report(request.POST.dict())

    def may_tell(self, request: HttpRequest) -> bool:
        return super().may_tell(request) and self.is_genuine(request)

    def inbound(self, request: HttpRequest) -> InboundMessage:
        told = request.POST
        return InboundMessage(told.get("from", ""), told.get("to", ""), told.get("message", ""), told.get("id", ""))

    async def ask(self, session: aiohttp.ClientSession, provider_message_id: str) -> DeliveryReport | None:
        async with session.get(self.url / provider_message_id, headers=self.headers, allow_redirects=False) as response:
            return _report(await told_as_json(response)) if response.status == 200 else None


def _report(told: Mapping[str, Any]) -> DeliveryReport:
    status = str(told.get("status", ""))
    return DeliveryReport(REPORTED.get(status, Delivery.UNDER_WAY), status, str(told.get("id", "")))
