"""46elks. Source: 46elks.se/docs: send-sms, sms-delivery-reports, receive-sms, show-sms-id, sms-history, get-account,
ip-addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
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
from teleq.client_address import comes_from, is_address

REPORTED = {"delivered": Delivery.DELIVERED, "failed": Delivery.FAILED}
PAGE = 100
"""SMS on a page of the list: what 46elks gives at the most."""


class Elks(Provider):
    name = "46elks"

    def __init__(self) -> None:
        self.headers = {
            "Authorization": basic_authorization(settings.ELKS_USERNAME, settings.ELKS_PASSWORD),
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

    def build_request(self, message: OutboundMessage) -> Request:
        form = {
            "to": message.to,
            "from": message.sender,
            "message": message.text,
            "whendelivered": message.callback_url,
            "dontlog": "message",  # the text is not kept at the provider's
        }
        return Request("POST", settings.ELKS_URL, self.headers, form_encoded(form))

    def parse_response(self, response: Response) -> SendResult:
        if response.status != 200:
            return http_failure(response.status)
        body = response.json_object
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

    def build_status_request(self, provider_message_id: str) -> Request:
        return Request("GET", f"{settings.ELKS_URL}/{provider_message_id}", self.headers)

    def parse_status(self, response: Response) -> DeliveryReport | None:
        return _report(response.json_object) if response.status == 200 else None

    def build_account_request(self) -> Request:
        return Request("GET", f"{settings.ELKS_URL.rpartition('/')[0]}/me", self.headers)

    def parse_account(self, response: Response) -> Account:
        """The balance is in ten-thousandths of the account's currency."""
        body = response.json_object
        if response.status != 200 or "id" not in body:
            return wrong_account(response)
        balance, currency = body.get("balance"), body.get("currency", "")
        if not isinstance(balance, int):
            return Account(True, _("Inloggningen fungerar."))
        amount = {"amount": f"{balance / 10_000:.2f}".replace(".", ","), "currency": currency}
        if balance <= 0:
            return Account(False, _("Inloggningen fungerar, men kontot är tomt: %(amount)s %(currency)s.") % amount)
        return Account(True, _("Inloggningen fungerar. På kontot finns %(amount)s %(currency)s.") % amount)

    def build_list_request(self, since: datetime) -> Request:
        """The newest come first. `end` is the earliest that is asked for, and `start` the latest."""
        return self._list(end=_written(since))

    def _list(self, **asked: str) -> Request:
        return Request("GET", f"{settings.ELKS_URL}?{urlencode({'limit': PAGE, **asked})}", self.headers)

    def parse_list(self, response: Response, since: datetime) -> ListPage:
        """What was sent has no text in it, as it is not kept ("dontlog"). `next` is the next page's `start`."""
        body, rows = listed(response, "data")
        sent, replies = [], []
        for row in rows:
            to, sender, text = (str(row.get(name) or "") for name in ("to", "from", "message"))
            if row.get("direction") == "incoming":
                replies.append(Reply(sender, to, text, str(row.get("id") or "")))
            else:
                sent.append(SentSms(to, sender, text, _read(row.get("created")), _report(row)))
        start = str(body.get("next") or "")
        return ListPage(sent, replies, self._list(start=start, end=_written(since)) if start else None)


def _written(at: datetime) -> str:
    """A time as 46elks writes it: in UTC, without saying so."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def _read(written: object) -> datetime:
    """Raises ValueError if it is no time."""
    at = datetime.fromisoformat(str(written))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _report(fields: Mapping[str, Any]) -> DeliveryReport:
    status = str(fields.get("status", ""))
    return DeliveryReport(REPORTED.get(status, Delivery.NOT_FINAL), status, str(fields.get("id", "")))
