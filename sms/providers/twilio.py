"""Twilio. Source: twilio.com/docs: message resource, track outbound message status, webhooks security, advanced opt-out
(OptOutType), error 21610.

Its own client library speaks to all of Twilio and blocks while it waits; what is needed here is one form and one
signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlencode

import aiohttp
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
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

REPORTED = {
    "delivered": Delivery.DELIVERED,
    "read": Delivery.DELIVERED,
    "undelivered": Delivery.FAILED,
    "failed": Delivery.FAILED,
    "canceled": Delivery.FAILED,
}


OPTED_OUT = "21610"
"""The patient has told Twilio to stop. It takes no more to them from that sender."""


class Twilio(Provider):
    name = "twilio"

    def __init__(self) -> None:
        account = settings.TWILIO_ACCOUNT_SID
        self.messages = URL(settings.TWILIO_URL) / "2010-04-01" / "Accounts" / account
        self.headers = {
            "Authorization": aiohttp.encode_basic_auth(account, settings.TWILIO_AUTH_TOKEN),
            "Content-Type": "application/x-www-form-urlencoded",
        }

    @classmethod
    def problems(cls) -> Iterator[str]:
        yield from unset("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
        yield from unreachable()

    @classmethod
    def losses(cls) -> tuple[str, ...]:
        return ()  # may_tell needs no password

    async def send(self, session: aiohttp.ClientSession, message: OutboundMessage) -> SendResult:
        form = {
            "To": message.to,
            "From": message.sender,
            "Body": message.text,
            "StatusCallback": message.callback_url,
        }
        data, url = urlencode(form).encode(), self.messages / "Messages.json"
        async with session.post(url, data=data, headers=self.headers, allow_redirects=False) as response:
            told = await told_as_json(response)
            if response.status != 201:
                code = str(told.get("code", ""))
                return replace(http_failure(response.status, code), opted_out=code == OPTED_OUT)
            return SendResult(Outcome.ACCEPTED, str(told.get("sid", "")), str(told.get("status", "")))

    def is_genuine(self, request: HttpRequest) -> bool:
        return _is_signed(request)

    def report(self, request: HttpRequest) -> DeliveryReport:
        told = request.POST
        return _report(told.get("MessageStatus", ""), told.get("ErrorCode", ""), told.get("MessageSid", ""))

    def may_tell(self, request: HttpRequest) -> bool:
        return _is_signed(request)

    def inbound(self, request: HttpRequest) -> InboundMessage:
        """OptOutType is there where Twilio keeps a list of its own of those who have stopped: STOP, START or HELP.

        START and HELP set nothing here: a Ja is a nurse's deliberate act.
        """
        told = request.POST
        return InboundMessage(
            told.get("From", ""),
            told.get("To", ""),
            told.get("Body", ""),
            told.get("MessageSid", ""),
            opted_out=told.get("OptOutType", "") == "STOP",
        )

    async def ask(self, session: aiohttp.ClientSession, provider_message_id: str) -> DeliveryReport | None:
        url = self.messages / "Messages" / f"{provider_message_id}.json"
        async with session.get(url, headers=self.headers, allow_redirects=False) as response:
            if response.status != 200:
                return None
            told = await told_as_json(response)
            return _report(str(told.get("status", "")), str(told.get("error_code") or ""), provider_message_id)


def _report(status: str, error: str, sid: str) -> DeliveryReport:
    delivery, told = REPORTED.get(status, Delivery.UNDER_WAY), ", ".join(filter(None, [status, error]))
    if error == OPTED_OUT:
        return DeliveryReport(Delivery.FAILED, told, sid, opted_out=True)
    return DeliveryReport(delivery, told, sid)


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Over the address as Twilio has it, and the form's fields in order."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()


def _is_signed(request: HttpRequest) -> bool:
    url = settings.TELEQ_URL + request.get_full_path()  # not the request's own idea of its host, which a proxy changes
    expected = signature(settings.TWILIO_AUTH_TOKEN, url, request.POST.dict())
    given = request.headers.get("X-Twilio-Signature", "")
    return bool(settings.TWILIO_AUTH_TOKEN) and constant_time_compare(given, expected)
