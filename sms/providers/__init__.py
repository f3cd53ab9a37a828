"""One file per provider. Imported by `sms.gateway` only."""

from django.conf import settings

from sms.providers.base import Provider
from sms.providers.simulator import Simulator

PROVIDERS: dict[str, type[Provider]] = {"simulator": Simulator}


def configured() -> Provider:
    return PROVIDERS[settings.SMS_PROVIDER]()
