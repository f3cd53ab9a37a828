"""Delivery reports: what providers say has become of messages. They come in any order, and more than once."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from datetime import datetime

import aiohttp
from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare

from consent import register
from sms import metrics
from sms.models import Message
from sms.providers import PROVIDERS
from sms.providers.base import TIME_LIMIT, Delivery, DeliveryReport, storable
from sms.states import AWAITING_REPORT, State
from teleq.clock import database_now
from teleq.phone_numbers import number_text

logger = logging.getLogger(__name__)

AFTER_REPORT = {Delivery.DELIVERED: State.DELIVERED, Delivery.FAILED: State.FAILED}
PLAIN_ID = re.compile(r"[A-Za-z0-9-]+")
"""A provider's id of a message, as all of them make theirs. Another might lead to another address of the provider's."""
FETCHED_AT_ONCE = 100
"""Messages that a sweep asks their providers about, at the most."""


@transaction.atomic
def record(provider: str, message_id: int, token: str, report: DeliveryReport) -> None:
    """Record a delivery report. A final state stays; a report that isn't final changes no state.

    If there is no such message, or its token is another, that is logged and nothing is raised: retention may have
    removed the message, and a provider that got an error would only repeat the report.
    """
    message = Message.objects.select_for_update().filter(pk=message_id, provider=provider).first()
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


def settle_unreported() -> None:
    """Each minute: settle messages that have had no final report within SMS_REPORT_WITHIN.

    Their providers are asked, where they can be. A message that is not final then becomes `unknown`; a report that
    comes later still counts.
    """
    messages = _unreported(sent_before=database_now() - settings.SMS_REPORT_WITHIN)
    if not messages:
        return
    reports = asyncio.run(_fetch_reports(messages))
    with transaction.atomic():
        held = Message.objects.select_for_update().filter(pk__in=reports, state=State.SENT).order_by("id")
        for message in held:
            _settle(message, reports[message.pk] or DeliveryReport(Delivery.NOT_FINAL), otherwise=State.UNKNOWN)


def _unreported(sent_before: datetime) -> list[Message]:
    unreported = Message.objects.filter(state=State.SENT, state_at__lt=sent_before).order_by("state_at")
    return list(unreported.only("provider", "provider_message_id")[:FETCHED_AT_ONCE])


async def _fetch_reports(messages: Sequence[Message]) -> dict[int, DeliveryReport | None]:
    async with aiohttp.ClientSession(timeout=TIME_LIMIT) as session:
        reports = await asyncio.gather(*(_fetch_report(session, message) for message in messages))
    return {message.pk: report for message, report in zip(messages, reports, strict=True)}


async def _fetch_report(session: aiohttp.ClientSession, message: Message) -> DeliveryReport | None:
    provider = PROVIDERS.get(message.provider)
    if provider is None or any(provider.configuration_errors()):
        return None
    if not PLAIN_ID.fullmatch(message.provider_message_id):  # it becomes a part of the address
        return None
    try:
        return await provider().fetch_report(session, message.provider_message_id)
    except (TimeoutError, aiohttp.ClientError) as error:
        logger.warning("SMS %s: %s while its provider was asked about it", message.pk, type(error).__name__)
        return None
