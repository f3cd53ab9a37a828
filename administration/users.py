"""New users: what Admin > Användare and `manage.py setup` save."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from teleq.models import User

NAME_IN_USE = gettext_lazy("En användare med det användarnamnet finns redan.")


def is_in_use(username: str) -> bool:
    """Whether somebody is called so. Small letters and capitals are the same: people type either."""
    return bool(User.objects.filter(username__iexact=username).exists())
