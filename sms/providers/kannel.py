"""Kannel, the open SMS gateway that many operators' connections end in. Source: its user guide, chapters 7 to 10, and
what Kannel 1.4.5 was seen to do (docs/providers.md)."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from yarl import URL

from sms.content.segments import count
from sms.providers.base import (
    Delivery,
    DeliveryReport,
    InboundMessage,
    OutboundMessage,
    Outcome,
    Provider,
    SendResult,
    http_failure,
    unset,
)

DELIVERED, FAILED, BUFFERED, TAKEN, REFUSED = 1, 2, 4, 8, 16
"""Bits of a report's type. What has expired is 34: failed, and a bit of its own."""
ALL_REPORTS = DELIVERED | FAILED | BUFFERED | TAKEN | REFUSED
GSM_7, UCS_2 = "0", "2"


class Kannel(Provider):
    """Its sendsms interface. Texts and password are posted and never in an address: smsbox logs those."""

    name = "kannel"

    def __init__(self) -> None:
        self.url = URL(settings.KANNEL_URL)
        self.headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": settings.KANNEL_USERNAME,
            "X-Kannel-Password": settings.KANNEL_PASSWORD,
            "X-Kannel-DLR-Mask": str(ALL_REPORTS),
        }

    @classmethod
    def problems(cls) -> Iterator[str]:
        return unset("KANNEL_URL", "KANNEL_USERNAME", "KANNEL_PASSWORD")

    async def send(self, session: aiohttp.ClientSession, message: OutboundMessage) -> SendResult:
        headers = {
            **self.headers,
            "X-Kannel-To": message.to,
            "X-Kannel-From": message.sender,
            # Left to itself Kannel makes question marks of what GSM-7 lacks.
            "X-Kannel-Coding": GSM_7 if count(message.text).is_gsm else UCS_2,
            # Not the network's own words (%A): they begin with the message's, and would be in an address.
            "X-Kannel-DLR-Url": f"{message.callback_url}?type=%d&id=%F",
        }
        data = message.text.encode()
        async with session.post(self.url, data=data, headers=headers, allow_redirects=False) as response:
            return _result(response.status, await response.text(errors="replace"))

    def report(self, request: HttpRequest) -> DeliveryReport:
        told = request.GET
        bits = _bits(told.get("type", ""))
        delivery = Delivery.UNDER_WAY
        if bits & DELIVERED:
            delivery = Delivery.DELIVERED
        elif bits & (FAILED | REFUSED):
            delivery = Delivery.FAILED
        return DeliveryReport(delivery, f"type {bits}", told.get("id", ""))

    def inbound(self, request: HttpRequest) -> InboundMessage:
        charset = (request.content_params or {}).get("charset", "").strip('"') or "utf-8"
        return InboundMessage(
            from_number=request.headers.get("X-Kannel-From", ""),
            to_number=request.headers.get("X-Kannel-To", ""),
            text=_decoded(request.body, charset),
            provider_message_id=request.GET.get("id", ""),
        )

    def thanks(self) -> HttpResponse:
        """Kannel sends any body to the patient, and tells again where the status is another than 200 or 202."""
        return HttpResponse(content_type="text/plain")


def _result(status: int, answer: str) -> SendResult:
    """What Kannel says of a message: there is no id of its own before the network has given one."""
    if status == 202:
        waits = answer.startswith("3:")
        return SendResult(Outcome.QUEUED if waits else Outcome.ACCEPTED, status=answer[:100])
    if status == 403 and answer.startswith("Not routable"):
        return SendResult(Outcome.REJECTED, status=answer[:100])
    return http_failure(status, answer)


def _bits(report_type: str) -> int:
    """Of a report's type; none where it is no such number."""
    return int(report_type) if report_type.isdecimal() and len(report_type) < 10 else 0


def _decoded(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, errors="replace")
    except (LookupError, UnicodeError):  # not known, or no charset (`undefined`): what it says counts all the same
        return body.decode(errors="replace")
