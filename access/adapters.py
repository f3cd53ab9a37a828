"""Where django-allauth asks the product: how it signs in, what it says, and whom an identity provider speaks of."""

from __future__ import annotations

import time
from typing import Any

import requests
from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.contrib.auth import authenticate, update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from access import openid, record, second_factor, sessions
from access.limits import Guess, TooMany, judged
from access.models import SignIn
from teleq.client_address import client_network
from teleq.models import User

WRONG_PASSWORD = gettext_lazy("Ange ett korrekt användarnamn och lösenord.")
WRONG_CODE = gettext_lazy("Koden är fel, för gammal eller redan använd. Vänta på nästa kod i appen och försök igen.")
WRONG_PASSKEY = gettext_lazy("Det gick inte att använda passkeyn. Försök igen.")
LIMITED = "limited"
"""The code of an error that is answered with 429."""


def too_many(problem: TooMany) -> ValidationError:
    until = timezone.localtime(problem.until)
    clock = date_format(until, _("H.i") if until.date() == timezone.localdate() else _("j F H.i"))
    return ValidationError(
        _("För många misslyckade försök. Försök igen efter %(clock)s.") % {"clock": clock}, code=LIMITED
    )


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG_PASSWORD,
        "incorrect_password": gettext_lazy("Lösenordet är fel."),
        "enter_current_password": gettext_lazy("Lösenordet är fel."),
    }

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The user with this name and password, if they may sign in. Raises ValidationError where too many failed."""
        username = credentials["username"]
        user = User.objects.filter(username=username).first()
        guess = Guess(
            SignIn.Method.PASSWORD,
            client_network(request),
            record.account_digest(username),
            user,
            why=_why_not(user),
        )
        try:
            return judged(guess, lambda: authenticate(request, username=username, password=credentials["password"]))
        except TooMany as problem:
            raise too_many(problem) from None

    def reauthenticate(self, user: User, password: str) -> bool:
        """Django makes a password's hash anew where it is of an older kind: that must not end the session."""
        is_right: bool = super().reauthenticate(user, password)
        if is_right:
            stored = User.objects.get(pk=user.pk)
            if stored.password != user.password:
                update_session_auth_hash(context.request, stored)
        return is_right

    def get_login_stages(self) -> list[str]:
        return ["access.second_factor.SecondFactorStage"]

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        steps = get_authentication_records(request, user)
        record.note(record.What.SIGNED_IN, user, _method(steps[-1]) if steps else "")

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            record.note(record.What.SIGNED_OUT, request.user)
        super().logout(request)

    def set_password(self, user: User, password: str) -> None:
        super().set_password(user, password)
        record.note(record.What.PASSWORD_CHANGED, user)

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_network(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not of whoever has just signed in: they have shown all that they would be asked for."""
        steps = get_authentication_records(context.request, context.request.user)
        return not any(time.time() - step["at"] < app_settings.REAUTHENTICATION_TIMEOUT for step in steps)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        words = {
            "reauthenticate": _("Bekräfta med lösenord"),
            "mfa_reauthenticate": _("Bekräfta med engångskod eller reservkod"),
            "mfa_reauthenticate:webauthn": _("Bekräfta med passkey"),
        }
        return [{**way, "description": words[way["id"]]} for way in super().get_reauthentication_methods(user)]

    def add_message(self, *args: Any, message: str | None = None, **kwargs: Any) -> None:
        """The product says what has happened itself, where it does."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """The product sends no e-mail: what happens to an account is in the record, for its administrators."""


def _why_not(user: User | None) -> str:
    """What is written down if the password doesn't fit."""
    if user is None:
        return gettext_noop("Användarnamnet finns inte.")
    return gettext_noop("Fel lösenord.") if user.is_active else gettext_noop("Kontot är inaktivt.")


def _method(step: dict[str, Any]) -> str:
    """How the last of the steps was taken that have let somebody in."""
    if step["method"] == "mfa":
        return str(step["type"])
    return SignIn.Method.OPENID if step["method"] == "socialaccount" else str(step["method"])


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = {**DefaultMFAAdapter.error_messages, "incorrect_code": WRONG_CODE}

    def get_totp_label(self, user: User) -> str:
        return user.username

    def encrypt(self, text: str) -> str:
        return second_factor.encrypt_secret(text)

    def decrypt(self, encrypted_text: str) -> str:
        return second_factor.decrypt_secret(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return second_factor.may_remove(authenticator)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        return f"Passkey {Authenticator.objects.filter(user=user, type=type).count() + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "teleQ"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        return {**super().get_public_key_credential_user_entity(user), "name": user.username, "display_name": str(user)}


class IdentityProviderAdapter(DefaultSocialAccountAdapter):
    def list_apps(self, *args: Any, **kwargs: Any) -> list[SocialApp]:
        return [openid.app()]

    def get_requests_session(self) -> requests.Session:
        """Follows no redirection: what the identity provider says comes from where it was set up to be."""
        session = super().get_requests_session()
        session.max_redirects = 0
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Whom it is about is decided anew at every sign-in, by HSA-id: nothing is kept that could go on counting."""
        sociallogin.user = openid.who_is_it(request, sociallogin)
        if sessions.was_anothers(request, sociallogin.user):
            sociallogin.state["next"] = resolve_url(settings.LOGIN_REDIRECT_URL)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **problem: Any) -> None:
        """Something has gone wrong on the way."""
        openid.went_wrong(request, **problem)
