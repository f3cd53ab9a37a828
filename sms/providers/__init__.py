"""The SMS providers, a file for each. Their `send` is called by `sms.dispatcher` only; their delivery reports go to
`sms.receipts` and patients' replies to `sms.inbound`."""

from sms.providers.base import Provider
from sms.providers.elks import Elks
from sms.providers.kannel import Kannel
from sms.providers.simulator import Simulator
from sms.providers.twilio import Twilio

PROVIDERS: dict[str, type[Provider]] = {provider.name: provider for provider in (Simulator, Kannel, Elks, Twilio)}


def configured(name: str) -> Provider | None:
    """The provider of this name. None where there is none, or its settings are missing: it can't even be made then."""
    kind = PROVIDERS.get(name)
    return None if kind is None or any(kind.configuration_errors()) else kind()
