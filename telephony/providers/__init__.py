"""The providers of telephone calls, by name: one file each."""

from telephony.providers.base import VoiceProvider
from telephony.providers.elks import Elks
from telephony.providers.twilio import Twilio

PROVIDERS: dict[str, type[VoiceProvider]] = {each.name: each for each in (Elks, Twilio)}
