"""Asks each provider whether teleQ's account with it is right, by a request that sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from sms.http_client import NoResponse, exchange
from sms.providers import configured
from sms.providers.base import Account, Provider, Request, Response


@dataclass(frozen=True)
class CheckedProvider:
    name: str
    account: Account


def check_providers() -> list[CheckedProvider]:
    """Of each of SMS_PROVIDERS, in order. All are asked at once."""
    questions = dict(_questions())
    responses = exchange({name: request for name, (_, request) in questions.items() if request})
    return [CheckedProvider(name, _account(name, questions, responses)) for name in settings.SMS_PROVIDERS]


def _questions() -> Iterator[tuple[str, tuple[Provider, Request | None]]]:
    """Of those that are configured."""
    for name in settings.SMS_PROVIDERS:
        if provider := configured(name):
            yield name, (provider, provider.build_account_request())


def _account(
    name: str,
    questions: dict[str, tuple[Provider, Request | None]],
    responses: dict[str, Response | NoResponse],
) -> Account:
    if name not in questions:
        return Account(False, _("Den är inte rätt inställd: manage.py check säger vad som saknas."))
    if name not in responses:
        return Account(True, _("Den kan inte frågas utan att något skickas."))
    response = responses[name]
    if isinstance(response, NoResponse):
        return Account(False, _("Den svarar inte: %(reason)s.") % {"reason": response.reason})
    return questions[name][0].parse_account(response)
