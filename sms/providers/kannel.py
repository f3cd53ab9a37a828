"""Kannel, the open SMS gateway that many operators' connections end in. Source: its user guide, chapters 7 to 10, and
what Kannel 1.4.5 was seen to do (docs/providers.md)."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from sms.content.segments import count
from sms.providers.base import (
    Account,
    Delivery,
    DeliveryReport,
    OutboundMessage,
    Outcome,
    Provider,
    Reply,
    Request,
    Response,
    SendResult,
    http_failure,
    missing_settings,
    wrong_account,
)
from teleq.whole_numbers import whole_number

DELIVERED, FAILED, BUFFERED, TAKEN, REFUSED = 1, 2, 4, 8, 16
"""Bits of a report's type. A message that has expired has 34, which is FAILED and a bit of its own."""
ALL_REPORTS = DELIVERED | FAILED | BUFFERED | TAKEN | REFUSED
NOBODY = "Missing receiver"
"""How what Kannel says of a message without a receiver begins, when it has let the sender in. Nothing is sent."""
GSM_7, UCS_2 = "0", "2"
LONGEST_INBOUND_PASSWORD = 51
"""In bytes. With "teleq:" before it that is 76 letters of Base64; after these Kannel breaks the line of its
Authorization header, and shows half of a longer one."""


class Kannel(Provider):
    """Kannel's sendsms interface. Texts and password are posted, never put in an address: smsbox logs addresses."""

    name = "kannel"

    def __init__(self) -> None:
        self.headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": settings.KANNEL_USERNAME,
            "X-Kannel-Password": settings.KANNEL_PASSWORD,
            "X-Kannel-DLR-Mask": str(ALL_REPORTS),
        }

    @classmethod
    def configuration_errors(cls) -> Iterator[str]:
        return missing_settings("KANNEL_URL", "KANNEL_USERNAME", "KANNEL_PASSWORD")

    @classmethod
    def configuration_warnings(cls) -> Iterator[str]:
        yield from super().configuration_warnings()
        if len(settings.SMS_INBOUND_PASSWORD.encode()) > LONGEST_INBOUND_PASSWORD:
            yield (
                f"SMS_INBOUND_PASSWORD is longer than the {LONGEST_INBOUND_PASSWORD} characters that Kannel can show:"
                " patients' replies are turned away, and STOPP does not work."
            )

    def build_request(self, message: OutboundMessage) -> Request:
        headers = {
            **self.headers,
            "X-Kannel-To": message.to,
            "X-Kannel-From": message.sender,
            # By default Kannel replaces letters that GSM-7 lacks with question marks.
            "X-Kannel-Coding": GSM_7 if count(message.text).is_gsm else UCS_2,
            # Not %A, the network's own words: they begin with the message's text, and addresses are logged.
            "X-Kannel-DLR-Url": f"{message.callback_url}?type=%d&id=%F",
        }
        return Request("POST", settings.KANNEL_URL, headers, message.text.encode())

    def parse_response(self, response: Response) -> SendResult:
        """By Kannel's own words; where they say nothing of its own (503), by `http_failure`.

        There is no message id among them: the network's own comes in the delivery report.
        """
        status = response.text[:100]
        if response.status == 202:
            return SendResult(Outcome.QUEUED if status.startswith("3:") else Outcome.ACCEPTED, status=status)
        if response.status == 403 and status.startswith("Not routable"):
            return SendResult(Outcome.REJECTED, status=status)
        return http_failure(response.status, status)

    def parse_report(self, request: HttpRequest) -> DeliveryReport:
        bits = _bits(request.GET.get("type", ""))
        delivery = Delivery.NOT_FINAL
        if bits & DELIVERED:
            delivery = Delivery.DELIVERED
        elif bits & (FAILED | REFUSED):
            delivery = Delivery.FAILED
        return DeliveryReport(delivery, f"type {bits}", request.GET.get("id", ""))

    def parse_reply(self, request: HttpRequest) -> Reply:
        charset = (request.content_params or {}).get("charset", "").strip('"') or "utf-8"
        return Reply(
            from_number=request.headers.get("X-Kannel-From", ""),
            to_number=request.headers.get("X-Kannel-To", ""),
            text=_decoded(request.body, charset),
            provider_message_id=request.GET.get("id", ""),
        )

    def build_account_request(self) -> Request:
        """A message to nobody: Kannel looks at name and password first, and then refuses it."""
        return Request("POST", settings.KANNEL_URL, self.headers, b"teleQ")

    def parse_account(self, response: Response) -> Account:
        if response.status == 400 and response.text.startswith(NOBODY):
            return Account(True, _("Inloggningen fungerar. Om numren kommer fram vet bara nätet bakom Kannel."))
        return wrong_account(response)

    def acknowledgement(self) -> HttpResponse:
        """Kannel sends any body to the patient, and repeats a request whose status is other than 200 or 202."""
        return HttpResponse(content_type="text/plain")


def _bits(report_type: str) -> int:
    """The bits of a report's type. 0 if it is not a number."""
    return whole_number(report_type) or 0


def _decoded(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, errors="replace")
    except (LookupError, UnicodeError):  # an unknown charset, or `undefined`: the reply counts all the same
        return body.decode(errors="replace")
