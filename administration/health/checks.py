"""The system check of the token that /status and /metrics ask for."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from teleq.weak_secrets import weaknesses

SHORTEST_TOKEN = 20


@register
def token_is_no_guess(**_: object) -> list[CheckMessage]:
    if not settings.STATUS_TOKEN or settings.TELEQ_DEMO:
        return []
    return [
        Error(f"STATUS_TOKEN {each}.", id="administration.E002")
        for each in weaknesses(settings.STATUS_TOKEN, SHORTEST_TOKEN)
    ]
