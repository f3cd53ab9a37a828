"""What is said at the start of secrets and of sign-in: outside the demonstration, an error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from teleq.weak_secrets import weaknesses

SHORTEST_SECRET_KEY = 40
FIVE_YEARS = timedelta(days=5 * 365 + 2)
"""Two of them may be leap years."""


@register(Tags.security)
def access_log_is_kept(**_: object) -> list[CheckMessage]:
    if settings.KEEP_ACCESS_LOG >= FIVE_YEARS:
        return []
    problem = f"KEEP_ACCESS_LOG_DAYS is {settings.KEEP_ACCESS_LOG.days}; it must be {FIVE_YEARS.days} at least."
    return [Error(problem, hint="HSLF-FS 2016:40 4 kap. 9 §: five years.", id="access.E003")]


@register(Tags.security)
def sign_in_is_safe(**_: object) -> list[CheckMessage]:
    if settings.TELEQ_DEMO:
        return []
    return [
        *(Error(problem, id="access.E001") for problem in _weak_keys()),
        *(Error(problem, id="access.E002") for problem in _incomplete_openid()),
        *(CheckWarning(doubt, id="access.W001") for doubt in _doubtful_openid()),
    ]


def _weak_keys() -> Iterator[str]:
    for weakness in weaknesses(settings.SECRET_KEY, SHORTEST_SECRET_KEY):
        how = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        yield f"SECRET_KEY {weakness}. Make one by: {how}"


def _incomplete_openid() -> Iterator[str]:
    if not settings.OIDC_SERVER_URL:
        return
    if not settings.OIDC_SERVER_URL.startswith("https://"):
        yield f"OIDC_SERVER_URL is {settings.OIDC_SERVER_URL!r}; it must begin with https://."
    for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_HSA_ID_CLAIM"):
        if not getattr(settings, name):
            yield f"{name} is not set, and OIDC_SERVER_URL is."
    if settings.OIDC_COMMISSIONS and not settings.OIDC_COMMISSION_CLAIM:
        yield "OIDC_COMMISSIONS is set, and OIDC_COMMISSION_CLAIM, which says where they are told, is not."


def _doubtful_openid() -> Iterator[str]:
    if settings.OIDC_SERVER_URL and not settings.OIDC_ACR:
        yield "OIDC_ACR is not set: whoever comes in by the identity provider is asked for teleQ's second factor too."
