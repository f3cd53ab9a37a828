"""The SMS providers, a file for each. Their `send` is called by `sms.dispatcher` only; their delivery reports go to
`sms.receipts` and patients' replies to `sms.inbound`."""

from sms.providers.base import Provider
from sms.providers.elks import Elks
from sms.providers.kannel import Kannel
from sms.providers.simulator import Simulator
from sms.providers.twilio import Twilio

PROVIDERS: dict[str, type[Provider]] = {provider.name: provider for provider in (Simulator, Kannel, Elks, Twilio)}
