"""One file per provider. What is sent goes through `sms.gateway` only; what they tell comes to `sms.receipts` and
`sms.inbound`."""

from django.conf import settings

from sms.providers.base import Provider
from sms.providers.elks import Elks
from sms.providers.kannel import Kannel
from sms.providers.simulator import Simulator
from sms.providers.twilio import Twilio

PROVIDERS: dict[str, type[Provider]] = {provider.name: provider for provider in (Simulator, Kannel, Elks, Twilio)}


def configured() -> Provider:
    return PROVIDERS[settings.SMS_PROVIDER]()
