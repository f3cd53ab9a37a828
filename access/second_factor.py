"""The second factor: a code from an app, a passkey, or a recovery code. Kept and checked by django-allauth's mfa.

A code from an app counts once (RFC 6238, 5.2; OWASP ASVS 5, 6.5.1). allauth keeps the used ones in a cache, which has
to be shared by all processes and forgets them before they are out of date; here the last one's time step is kept in
the authenticator's own row, and the next must be later. Which step it is, PostgreSQL's clock says: web hosts' may
differ by more than half a minute.
"""

from __future__ import annotations

import base64

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_noop

from access import record
from access.limits import Guess, judged
from access.models import SignIn
from teleq.client_address import client_network
from teleq.clock import database_now
from teleq.models import User

Type = Authenticator.Type
FACTORS = [Type.TOTP, Type.WEBAUTHN]
"""Recovery codes are none by themselves: they come with the first of these, and go with the last."""
LAST_STEP = "last_step"


def has_second_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def is_strongly_signed_in(request: HttpRequest) -> bool:
    """Whether more than a password has let them in: a second factor of ours, or an identity provider that vouches for
    a level of assurance that is enough (OIDC_ACR)."""
    strong = {"mfa", "socialaccount"} if settings.OIDC_ACR else {"mfa"}
    return any(step["method"] in strong for step in get_authentication_records(request, request.user))


class SecondFactorStage(AuthenticateStage):
    """The step of a sign-in that asks for the second factor: not where an identity provider has vouched for more."""

    def _should_handle(self, request: HttpRequest) -> bool:
        steps = get_authentication_records(request, self.login.user)
        vouched_for = bool(settings.OIDC_ACR) and bool(steps) and steps[-1]["method"] == "socialaccount"
        return not vouched_for and super()._should_handle(request)


def may_remove(authenticator: Authenticator) -> bool:
    """Whether it may go: not the last one, where one is required."""
    others = Authenticator.objects.filter(user=authenticator.user, type__in=FACTORS).exclude(pk=authenticator.pk)
    return not settings.SECOND_FACTOR_REQUIRED or others.exists()


def check_code(request: HttpRequest, user: User, code: str) -> Authenticator | None:
    """The authenticator that the code is of: an app's, or a recovery code. None where it is wrong.

    Raises access.limits.TooMany.
    """
    guess = Guess(
        SignIn.Method.CODE,
        client_network(request),
        record.account_digest(user.username),
        user,
        why=gettext_noop("Fel kod."),
    )
    return judged(guess, lambda: _of_code(user, code))


@transaction.atomic
def _of_code(user: User, code: str) -> Authenticator | None:
    """Marks the code as used."""
    authenticators = Authenticator.objects.select_for_update().filter(user=user).exclude(type=Type.WEBAUTHN)
    for authenticator in authenticators.order_by("type"):
        if authenticator.type == Type.TOTP:
            if use_totp_code(authenticator, code):
                return authenticator
        elif authenticator.wrap().validate_code(code):
            return authenticator
    return None


def use_totp_code(authenticator: Authenticator, code: str) -> bool:
    """Whether the code is right, and later than the last one that was. The caller holds the row's lock."""
    last = authenticator.data.get(LAST_STEP, -1)
    later = (step for step in steps_of(decrypt(authenticator.data["secret"]), code) if step > last)
    if (step := next(later, None)) is None:
        return False
    authenticator.data[LAST_STEP] = step
    authenticator.save(update_fields=["data"])
    return True


def steps_of(secret: str, code: str) -> list[int]:
    """The half minutes, of those that count now, whose code this is."""
    now = int(database_now().timestamp()) // app_settings.TOTP_PERIOD
    near = range(now - app_settings.TOTP_TOLERANCE, now + app_settings.TOTP_TOLERANCE + 1)
    codes = {step: format_hotp_value(hotp_value(secret, step)) for step in near}
    return [step for step, expected in codes.items() if compare_user_code(actual=code, expected=expected)]


def added(request: HttpRequest, user: User, authenticator: Authenticator) -> None:
    """A second factor has just been shown to work: it is on record, and the session is as strong as one it let in."""
    record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)
    record.note(record.What.FACTOR_ADDED, user, authenticator.type)


@transaction.atomic
def reset(user: User, by: User, why: str) -> None:
    """Take all of the user's second factors away, recovery codes too. By `access.second_person` only."""
    Authenticator.objects.filter(user=user).delete()
    record.note(record.What.FACTOR_RESET, user, by=by, why=why)


def encrypt_secret(text: str) -> str:
    """What is kept of a second factor in the database is of no use without SECRET_KEY."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt_secret(encrypted: str) -> str:
    return _fernet().decrypt(encrypted.encode()).decode()


def _fernet() -> MultiFernet:
    """With SECRET_KEY, and for what was kept before it was changed, those that it has been."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    digests = (salted_hmac("access.second_factor", "key", key, algorithm="sha256").digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


ENCRYPTED = {"secret", "seed"}
"""What is encrypted of the data of an app and of recovery codes."""


@transaction.atomic
def encrypt_anew() -> int:
    """Encrypt what is kept of second factors with the SECRET_KEY of today, so that SECRET_KEY_FALLBACKS can go.

    Returns how many authenticators it was. Raises cryptography.fernet.InvalidToken where none of the keys fits.
    """
    fernet = _fernet()
    authenticators = list(Authenticator.objects.select_for_update().exclude(type=Type.WEBAUTHN).order_by("pk"))
    for authenticator in authenticators:
        for name in ENCRYPTED & authenticator.data.keys():
            authenticator.data[name] = fernet.rotate(authenticator.data[name].encode()).decode()
        authenticator.save(update_fields=["data"])
    return len(authenticators)
