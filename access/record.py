"""The record of sign-ins: the one way to write it, save for failures, which `access.limits` writes and counts."""

from __future__ import annotations

from allauth.core import context
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from access.models import SignIn
from teleq.client_address import client_network
from teleq.models import User

What = SignIn.What
Method = SignIn.Method


def account_digest(username: str) -> str:
    """A user name as it is kept and counted, whether or not there is such an account.

    Keyed with SECRET_KEY, as what is typed in that field may be a password.
    """
    return salted_hmac("access.account", username.strip().casefold(), algorithm="sha256").hexdigest()


def note(
    what: SignIn.What, user: User | None, method: SignIn.Method | str = "", by: User | None = None, why: str = ""
) -> None:
    """Something happened to somebody's way in, in the request that is being answered."""
    request: HttpRequest | None = context.request
    SignIn.objects.create(
        what=what,
        method=method,
        user=user,
        account=account_digest(user.username) if user else "",
        address=client_network(request) if request else None,
        by=by,
        why=why[:300],
    )
