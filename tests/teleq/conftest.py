"""Who sits at Admin: an administrator, or the operator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from teleq.models import User


@pytest.fixture
def operator(make_user: Callable[..., User]) -> User:
    user = make_user("operator", "Disa", "Drake")
    user.is_superuser = True
    user.save(update_fields=["is_superuser"])
    return user


@pytest.fixture
def office(client: Client, administrator: User) -> Client:
    """The administrator's browser."""
    client.force_login(administrator)
    return client
