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
    OutboundMessage,
    Outcome,
    Provider,
    Reply,
    SendResult,
    callback_url_errors,
    http_failure,
    json_object,
    missing_settings,
    provider_url_errors,
)
from teleq.client_address import comes_from, is_address

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
    def configuration_errors(cls) -> Iterator[str]:
        yield from missing_settings("ELKS_USERNAME", "ELKS_PASSWORD")
        yield from callback_url_errors()
        yield from provider_url_errors("ELKS_URL")
        for address in settings.ELKS_ADDRESSES:
            if not is_address(address):
                yield f"ELKS_ADDRESSES has {address!r} in it, which is no IP address: no report would come from there."

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
            body = await json_object(response)
            return SendResult(Outcome.ACCEPTED, body.get("id", ""), body.get("status", ""))

    def is_authentic_report(self, request: HttpRequest) -> bool:
        """46elks signs nothing. If its addresses are configured, the report has to come from one of them."""
        return not settings.ELKS_ADDRESSES or comes_from(request, settings.ELKS_ADDRESSES)

    def parse_report(self, request: HttpRequest) -> DeliveryReport:
        return _report(request.POST.dict())

    def is_authentic_reply(self, request: HttpRequest) -> bool:
        return super().is_authentic_reply(request) and self.is_authentic_report(request)

    def parse_reply(self, request: HttpRequest) -> Reply:
        form = request.POST
        return Reply(form.get("from", ""), form.get("to", ""), form.get("message", ""), form.get("id", ""))

    async def fetch_report(self, session: aiohttp.ClientSession, provider_message_id: str) -> DeliveryReport | None:
        async with session.get(self.url / provider_message_id, headers=self.headers, allow_redirects=False) as response:
            return _report(await json_object(response)) if response.status == 200 else None


def _report(fields: Mapping[str, Any]) -> DeliveryReport:
    status = str(fields.get("status", ""))
    return DeliveryReport(REPORTED.get(status, Delivery.NOT_FINAL), status, str(fields.get("id", "")))
