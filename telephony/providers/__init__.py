"""The providers of telephone calls, by name: one file each."""

from telephony.providers.base import VoiceProvider
from telephony.providers.elks import Elks

PROVIDERS: dict[str, type[VoiceProvider]] = {Elks.name: Elks}
