"""What providers report about messages they took: in any order, and as often as they like."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

import aiohttp
from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare

from consent import register
from sms.models import Message
from sms.providers import PROVIDERS
from sms.providers.base import TIME_LIMIT, Delivery, DeliveryReport, storable
from sms.states import AWAITING_REPORT, State
from teleq.clock import database_now
from teleq.phone_numbers import number_text

logger = logging.getLogger(__name__)

AFTER_REPORT = {Delivery.DELIVERED: State.DELIVERED, Delivery.FAILED: State.FAILED}
ASKED_AT_ONCE = 100
"""Messages that a sweep asks the provider about, at the most."""


@transaction.atomic
def record(provider: str, message_id: int, token: str, report: DeliveryReport) -> None:
    """Write down a delivery report. A final state stays; a report that isn't final changes no state.

    A report on a message that isn't there, or whose token is another, is logged and raises nothing: retention may have
    removed the message, and a provider that is told so would only say it again.
    """
    message = Message.objects.select_for_update().filter(pk=message_id, provider=provider).first()
    if message is None or not constant_time_compare(message.receipt_token, token):
        logger.warning("A delivery report from %s is about no message of ours", provider)
        return
    _settle(message, report)


def _settle(message: Message, report: DeliveryReport, otherwise: State | None = None) -> None:
    """Write down what became of a message that is held."""
    if message.state not in AWAITING_REPORT:
        return
    if report.opted_out:  # once: with it the state is final, so that the same report told again withdraws no later Ja
        register.store_withdrawals([(message.queue.care_provider_id, number_text(message.to_number))])
    state = AFTER_REPORT.get(report.delivery, otherwise)
    if state and state != message.state:
        message.state, message.state_at = state, database_now()
    message.provider_status = storable(report.status) or message.provider_status
    message.provider_message_id = message.provider_message_id or storable(report.provider_message_id)
    message.save(update_fields=["state", "state_at", "provider_status", "provider_message_id"])


def give_up_waiting() -> None:
    """What nothing final was reported of in time: asked for where the provider can be asked, else unknown.

    A report that comes later still settles it.
    """
    overdue = database_now() - settings.SMS_REPORT_WITHIN
    messages = _silent(overdue)
    if not messages:
        return
    reports = asyncio.run(_ask(messages))
    with transaction.atomic():
        held = Message.objects.select_for_update().filter(pk__in=reports, state=State.SENT).order_by("id")
        for message in held:
            _settle(message, reports[message.pk] or DeliveryReport(Delivery.UNDER_WAY), otherwise=State.UNKNOWN)


def _silent(since: datetime) -> list[Message]:
    silent = Message.objects.filter(state=State.SENT, state_at__lt=since).order_by("state_at")
    return list(silent.only("provider", "provider_message_id")[:ASKED_AT_ONCE])


async def _ask(messages: Sequence[Message]) -> dict[int, DeliveryReport | None]:
    async with aiohttp.ClientSession(timeout=TIME_LIMIT) as session:
        reports = await asyncio.gather(*(_ask_about(session, message) for message in messages))
    return {message.pk: report for message, report in zip(messages, reports, strict=True)}


async def _ask_about(session: aiohttp.ClientSession, message: Message) -> DeliveryReport | None:
    provider = PROVIDERS.get(message.provider)
    if provider is None or not message.provider_message_id or any(provider.problems()):
        return None
    try:
        return await provider().ask(session, message.provider_message_id)
    except (TimeoutError, aiohttp.ClientError) as error:
        logger.warning("SMS %s: %s while its provider was asked about it", message.pk, type(error).__name__)
        return None
