"""System checks of the environment: an error if no SMS could be sent, a warning if a part of it would not work."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import OperationalError, ProgrammingError, connection

from sms.providers import PROVIDERS
from sms.rate_limiter import is_rate
from teleq.models import SENDER, OutgoingSms, is_number
from teleq.weak_secrets import weaknesses

SHORTEST_PASSWORD = 20


@register
def provider_is_configured(**_: object) -> list[CheckMessage]:
    errors: list[CheckMessage] = [Error(error, id="sms.E001") for error in configuration_errors()]
    return errors + [Warning(warning, id="sms.W001") for warning in configuration_warnings()]


@register
def numbers_have_a_provider(**_: object) -> list[CheckMessage]:
    """A warning where several providers are configured and it isn't said at which of them a queue's number is rented.

    Asked at every start; therefore not tagged as a database check, which web and workers would skip.
    """
    if len(settings.SMS_PROVIDERS) < 2:
        return []
    known = [number for _, number in settings.SMS_NUMBERS]
    try:
        queues = OutgoingSms.objects.filter(sender__startswith="+").exclude(sender__in=known).count()
    except (OperationalError, ProgrammingError):  # not reached, not migrated yet, or not for this process to read
        return []
    finally:
        if not connection.in_atomic_block:
            connection.close()  # a worker forks after the checks, and must not share the connection
    if not queues:
        return []
    first = settings.SMS_PROVIDERS[0]
    told = f"{queues} queue(s) send from a number that SMS_NUMBERS doesn't name. Only {first} is given their SMS."
    return [Warning(told, hint="Name the provider where each number is rented: replies come there.", id="sms.W002")]


def configuration_errors() -> Iterator[str]:
    names = settings.SMS_PROVIDERS
    known = ", ".join(PROVIDERS)
    if not names:
        yield f"SMS_PROVIDERS is empty; it must name one or more of: {known}."
    for name in dict.fromkeys(names):
        if name in PROVIDERS:
            yield from (f"{name}: {error}" for error in PROVIDERS[name].configuration_errors())
        else:
            yield f"SMS_PROVIDERS has {name!r} in it, which is none of: {known}."
    for name in _said_twice(names):
        yield f"SMS_PROVIDERS has {name!r} in it more than once."
    if settings.SMS_INBOUND_PASSWORD and not settings.TELEQ_DEMO:
        for weakness in weaknesses(settings.SMS_INBOUND_PASSWORD, SHORTEST_PASSWORD):
            yield f"SMS_INBOUND_PASSWORD {weakness}."
    yield from _errors_by_provider("SMS_RATES", is_rate, "its messages a second, above 0, as kannel=10")
    yield from _errors_by_provider("SMS_NUMBERS", _is_e164, "a telephone number in E.164, as kannel=+46766861004")
    for provider in _said_twice(provider for provider, _ in settings.SMS_RATES):
        yield f"SMS_RATES has {provider!r} in it more than once."
    for number in _said_twice(number for _, number in settings.SMS_NUMBERS):
        yield f"SMS_NUMBERS has {number!r} in it more than once; replies to it come to one provider."


def configuration_warnings() -> Iterator[str]:
    for name in settings.SMS_PROVIDERS:
        if name in PROVIDERS:
            yield from (f"{name}: {warning}" for warning in PROVIDERS[name].configuration_warnings())


def _errors_by_provider(name: str, is_valid: Callable[[str], bool], what: str) -> Iterator[str]:
    """Of a setting that says something of providers by name."""
    for provider, said in getattr(settings, name):
        if provider not in settings.SMS_PROVIDERS or not is_valid(said):
            yield f"{name} has {f'{provider}={said}'!r} in it; it must be a provider of SMS_PROVIDERS and {what}."


def _said_twice(said: Iterable[str]) -> list[str]:
    return [each for each, times in Counter(said).items() if times > 1]


def _is_e164(number: str) -> bool:
    return is_number(number) and bool(re.fullmatch(SENDER, number))
