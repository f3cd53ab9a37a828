"""System check of the telephone menu's secret."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import CheckMessage, Error

from teleq.weak_secrets import weaknesses

SHORTEST_SECRET = 20


def voice_secret_is_strong(**_: object) -> list[CheckMessage]:
    """An error where the secret in the address at which calls are told of can be guessed. Without one no call comes."""
    if settings.TELEQ_DEMO or not settings.VOICE_SECRET:
        return []
    found = weaknesses(settings.VOICE_SECRET, SHORTEST_SECRET)
    return [Error(f"VOICE_SECRET {weakness}.", id="telephony.E001") for weakness in found]
