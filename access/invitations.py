"""A link by which somebody chooses their password: at the first sign-in, and when the password is forgotten.

It is handed over by an administrator, counts once and for some days (INVITATION_DAYS), and only the latest one does.
"""

from __future__ import annotations

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import Max
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from access import record
from access.models import SignIn
from teleq.models import User


class InvitationTokens(PasswordResetTokenGenerator):
    """Django's: dies with the password that it sets, with the next sign-in, and with time. And with the next link."""

    key_salt = "access.invitations"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        made = SignIn.objects.filter(user=user, what=SignIn.What.INVITED).aggregate(latest=Max("id"))["latest"]
        return f"{super()._make_hash_value(user, timestamp)}{made}"


tokens = InvitationTokens()


def make_link(user: User, by: User | None) -> str:
    """The address to hand over, without the host. Whoever may make it is asked by the caller; None
    makes it on the server itself."""
    record.note(SignIn.What.INVITED, user, by=by)
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("invitation", args=[uid, tokens.make_token(user)])
