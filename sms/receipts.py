"""Delivery reports: what providers say has become of messages. They come in any order, and more than once."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare

from consent import register
from sms import metrics
from sms.http_client import NoResponse, exchange
from sms.listing import Listing
from sms.models import Message, Unsettled
from sms.providers import configured
from sms.providers.base import Delivery, DeliveryReport, Provider, Request, storable
from sms.states import AWAITING_REPORT, State
from teleq.clock import database_now
from teleq.phone_numbers import number_text

logger = logging.getLogger(__name__)

AFTER_REPORT = {Delivery.DELIVERED: State.DELIVERED, Delivery.FAILED: State.FAILED}
PLAIN_ID = re.compile(r"[A-Za-z0-9-]+")
"""A provider's id of a message, as all of them make theirs. Another might lead to another address of the provider's."""
FETCHED_AT_ONCE, FETCHES_A_SWEEP = 100, 10
"""Messages that a sweep asks their providers about at the same time, and how many times at the most: a thousand a
minute, so that a provider that has reported nothing for days leaves no pile that takes days."""


@transaction.atomic
def record(provider: str, message_id: int, token: str, report: DeliveryReport) -> None:
    """Record a delivery report. A final state stays; a report that isn't final changes no state.

    If there is no such message, or its token is another, that is logged and nothing is raised: retention may have
    removed the message, and a provider that got an error would only repeat the report.
    """
    Unsettled.objects.filter(message=message_id).hold()
    # A message that a restored copy doesn't know the provider of is settled by whoever has its token.
    message = Message.objects.select_for_update().filter(pk=message_id, provider__in=[provider, ""]).first()
    if message is None or not constant_time_compare(message.receipt_token, token):
        logger.warning("A delivery report from %s is about no message of ours", provider)
        return
    _settle(message, report)


def _settle(message: Message, report: DeliveryReport, otherwise: State | None = None) -> None:
    """Record the report on a message that the transaction has locked. A report that isn't final sets `otherwise`."""
    if message.state not in AWAITING_REPORT:
        return
    if report.opted_out:  # only once: the state becomes final, so the same report, repeated, withdraws no later Ja
        register.store_withdrawals([(message.queue.care_provider_id, number_text(message.to_number))])
    state = AFTER_REPORT.get(report.delivery, otherwise)
    if state and state != message.state:
        message.state, message.state_at = state, database_now()
        metrics.settled(message)
    message.provider_status = storable(report.status) or message.provider_status
    message.provider_message_id = message.provider_message_id or storable(report.provider_message_id)
    message.save(update_fields=["state", "state_at", "provider_status", "provider_message_id"])


@transaction.atomic
def record_listed(found: Mapping[int, Listing]) -> int:
    """Record what a provider's own list says of these messages, by id. One that is listed and isn't final was sent.

    Returns how many changed their state.
    """
    Unsettled.objects.filter(message__in=found).hold()
    settled = 0
    for message in Message.objects.select_for_update().filter(pk__in=found).order_by("pk"):
        before, listing = message.state, found[message.pk]
        if not message.provider and message.state == State.UNKNOWN:
            message.provider = listing.provider
            message.save(update_fields=["provider"])
        _settle(message, listing.sms.report, otherwise=State.SENT if before == State.UNKNOWN else None)
        settled += message.state != before
    return settled


def settle_unreported() -> None:
    """Each minute: settle messages that have had no final report within SMS_REPORT_WITHIN.

    Their providers are asked, where they can be. A message that is not final then becomes `unknown`; a report that
    comes later still counts.
    """
    sent_before = database_now() - settings.SMS_REPORT_WITHIN
    for _ in range(FETCHES_A_SWEEP):
        if not (messages := _unreported(sent_before)):
            return
        _settle_by_asking(messages)


def _settle_by_asking(messages: Sequence[Message]) -> None:
    reports = _fetch_reports(messages)
    with transaction.atomic():
        held = Unsettled.objects.filter(message__in=reports).hold()
        for message in Message.objects.select_for_update().filter(pk__in=held, state=State.SENT).order_by("id"):
            _settle(message, reports[message.pk] or DeliveryReport(Delivery.NOT_FINAL), otherwise=State.UNKNOWN)


def _unreported(sent_before: datetime) -> list[Message]:
    unreported = Message.objects.filter(unsettled__lane="", unsettled__at__lt=sent_before).order_by("unsettled__at")
    return list(unreported.only("provider", "provider_message_id")[:FETCHED_AT_ONCE])


def _fetch_reports(messages: Sequence[Message]) -> dict[int, DeliveryReport | None]:
    """What the messages' providers say of each, asked all at once. None if one can't be asked or doesn't say."""
    questions = {message.pk: question for message in messages if (question := _question(message))}
    reports: dict[int, DeliveryReport | None] = dict.fromkeys(message.pk for message in messages)
    for message_id, response in exchange({pk: request for pk, (_, request) in questions.items()}).items():
        if isinstance(response, NoResponse):
            logger.warning("SMS %s: its provider was asked about it in vain: %s", message_id, response.reason)
        else:
            provider, _ = questions[message_id]
            reports[message_id] = provider.parse_status(response)
    return reports


def _question(message: Message) -> tuple[Provider, Request] | None:
    """The provider that can be asked about the message, and how."""
    provider = configured(message.provider)
    if provider is None or not PLAIN_ID.fullmatch(message.provider_message_id):  # it becomes a part of the address
        return None
    request = provider.build_status_request(message.provider_message_id)
    return (provider, request) if request else None
