"""Twilio. Source: twilio.com/docs: message resource, account resource, track outbound message status, webhooks
security, advanced opt-out (OptOutType), error 21610, paging.

Twilio's client library isn't used: it blocks while it waits, and all that is needed here is a form and a signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from sms.providers.base import (
    Account,
    Delivery,
    DeliveryReport,
    ListPage,
    OutboundMessage,
    Outcome,
    Provider,
    Reply,
    Request,
    Response,
    SendResult,
    SentSms,
    basic_authorization,
    callback_url_errors,
    form_encoded,
    http_failure,
    listed,
    missing_settings,
    provider_url_errors,
    wrong_account,
)
from teleq.twilio import is_signed

REPORTED = {
    "delivered": Delivery.DELIVERED,
    "read": Delivery.DELIVERED,
    "undelivered": Delivery.FAILED,
    "failed": Delivery.FAILED,
    "canceled": Delivery.FAILED,
}


OPTED_OUT = "21610"
"""Error code: the patient has told Twilio to stop, and Twilio accepts nothing more to them from that sender."""
OPT_OUT_WORDS = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit"}
"""What Twilio takes for a withdrawal by default. Its list of replies doesn't say what it has taken for one."""
PAGE = 200
"""SMS on a page of the list. Twilio gives a thousand at the most; each is about a kilobyte beside its text."""


class Twilio(Provider):
    name = "twilio"

    def __init__(self) -> None:
        account = settings.TWILIO_ACCOUNT_SID
        self.account_url = f"{settings.TWILIO_URL.rstrip('/')}/2010-04-01/Accounts/{account}"
        self.headers = {
            "Authorization": basic_authorization(account, settings.TWILIO_AUTH_TOKEN),
            "Content-Type": "application/x-www-form-urlencoded",
        }

    @classmethod
    def configuration_errors(cls) -> Iterator[str]:
        yield from missing_settings("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
        yield from callback_url_errors()
        yield from provider_url_errors("TWILIO_URL")

    @classmethod
    def configuration_warnings(cls) -> tuple[str, ...]:
        return ()  # is_authentic_reply needs no setting beside the required ones

    def build_request(self, message: OutboundMessage) -> Request:
        form = {
            "To": message.to,
            "From": message.sender,
            "Body": message.text,
            "StatusCallback": message.callback_url,
        }
        return Request("POST", f"{self.account_url}/Messages.json", self.headers, form_encoded(form))

    def parse_response(self, response: Response) -> SendResult:
        body = response.json_object
        if response.status != 201:
            code = str(body.get("code", ""))
            return replace(http_failure(response.status, code), opted_out=code == OPTED_OUT)
        return SendResult(Outcome.ACCEPTED, str(body.get("sid", "")), str(body.get("status", "")))

    def is_authentic_report(self, request: HttpRequest) -> bool:
        return is_signed(request)

    def parse_report(self, request: HttpRequest) -> DeliveryReport:
        form = request.POST
        return _report(form.get("MessageStatus", ""), form.get("ErrorCode", ""), form.get("MessageSid", ""))

    def is_authentic_reply(self, request: HttpRequest) -> bool:
        return is_signed(request)

    def parse_reply(self, request: HttpRequest) -> Reply:
        """`OptOutType` is STOP, START or HELP where Twilio keeps a list of its own of those who have stopped.

        START and HELP are no answers here: a Ja is a nurse's deliberate act.
        """
        form = request.POST
        return Reply(
            form.get("From", ""),
            form.get("To", ""),
            form.get("Body", ""),
            form.get("MessageSid", ""),
            opted_out=form.get("OptOutType", "") == "STOP",
        )

    def build_status_request(self, provider_message_id: str) -> Request:
        return Request("GET", f"{self.account_url}/Messages/{provider_message_id}.json", self.headers)

    def parse_status(self, response: Response) -> DeliveryReport | None:
        if response.status != 200:
            return None
        body = response.json_object
        sid, status, error = (str(body.get(name) or "") for name in ("sid", "status", "error_code"))
        return _report(status, error, sid)

    def build_account_request(self) -> Request:
        return Request("GET", f"{self.account_url}.json", self.headers)

    def parse_account(self, response: Response) -> Account:
        body = response.json_object
        if response.status != 200 or "status" not in body:
            return wrong_account(response)
        if body["status"] != "active":
            status = {"status": str(body["status"])[:20]}
            return Account(False, _("Inloggningen fungerar, men kontot är inte öppet: %(status)s.") % status)
        if body.get("type") == "Trial":
            return Account(False, _("Inloggningen fungerar, men kontot är ett provkonto: det når bara egna nummer."))
        return Account(True, _("Inloggningen fungerar och kontot är öppet."))

    def build_list_request(self, since: datetime) -> Request:
        """The newest come first. Only days can be asked for, by Greenwich's calendar."""
        asked = urlencode({"PageSize": PAGE, "DateSent>": f"{since.astimezone(UTC):%Y-%m-%d}"})
        return Request("GET", f"{self.account_url}/Messages.json?{asked}", self.headers)

    def parse_list(self, response: Response, since: datetime) -> ListPage:
        body, rows = listed(response, "messages")
        sent, replies = [], []
        for row in rows:
            at = _read(row.get("date_sent") or row.get("date_created"))
            if at < since:
                continue
            to, sender, text, sid = (str(row.get(name) or "") for name in ("to", "from", "body", "sid"))
            if row.get("direction") == "inbound":
                replies.append(Reply(sender, to, text, sid, opted_out=text.strip().casefold() in OPT_OUT_WORDS))
            else:
                status, error = str(row.get("status") or ""), str(row.get("error_code") or "")
                sent.append(SentSms(to, sender, text, at, _report(status, error, sid)))
        return ListPage(sent, replies, self._following(str(body.get("next_page_uri") or "")))

    def _following(self, path: str) -> Request | None:
        """The request for this path, which Twilio gives. Raises ValueError where it is not to our own list."""
        if not path:
            return None
        url = f"{settings.TWILIO_URL.rstrip('/')}{path}"
        if not url.startswith(f"{self.account_url}/Messages.json?"):
            raise ValueError("the next page is no list of ours")
        return Request("GET", url, self.headers)


def _read(written: Any) -> datetime:
    """A time as Twilio writes it (RFC 2822). Raises ValueError if it is no time."""
    at = parsedate_to_datetime(str(written))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _report(status: str, error: str, sid: str) -> DeliveryReport:
    text = ", ".join(filter(None, [status, error]))
    if error == OPTED_OUT:
        return DeliveryReport(Delivery.FAILED, text, sid, opted_out=True)
    return DeliveryReport(REPORTED.get(status, Delivery.NOT_FINAL), text, sid)
