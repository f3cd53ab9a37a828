"""System checks of the environment: an error if no SMS could be sent, a warning if a part of it would not work."""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from sms.providers import PROVIDERS
from sms.rate_limiter import is_rate
from teleq.weak_secrets import weaknesses

SHORTEST_PASSWORD = 20


@register
def provider_is_configured(**_: object) -> list[CheckMessage]:
    errors: list[CheckMessage] = [Error(error, id="sms.E001") for error in configuration_errors()]
    return errors + [Warning(warning, id="sms.W001") for warning in configuration_warnings()]


def configuration_errors() -> Iterator[str]:
    if settings.SMS_PROVIDER in PROVIDERS:
        yield from PROVIDERS[settings.SMS_PROVIDER].configuration_errors()
    else:
        yield f"SMS_PROVIDER is {settings.SMS_PROVIDER!r}; it must be one of: {', '.join(PROVIDERS)}."
    if settings.SMS_INBOUND_PASSWORD and not settings.TELEQ_DEMO:
        for weakness in weaknesses(settings.SMS_INBOUND_PASSWORD, SHORTEST_PASSWORD):
            yield f"SMS_INBOUND_PASSWORD {weakness}."
    if settings.SMS_RATE and not is_rate(settings.SMS_RATE):
        yield f"SMS_RATE is {settings.SMS_RATE!r}; it must be a number of messages a second, above 0, or left out."


def configuration_warnings() -> Iterator[str]:
    if settings.SMS_PROVIDER in PROVIDERS:
        yield from PROVIDERS[settings.SMS_PROVIDER].configuration_warnings()
