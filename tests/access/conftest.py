"""Signing in costs a second each time, on purpose. Here it is done some hundred times."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from tests.conftest import PASSWORD

QUICK = "django.contrib.auth.hashers.MD5PasswordHasher"


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = [QUICK]


@pytest.fixture(scope="session")
def password_hash() -> str:
    return MD5PasswordHasher().encode(PASSWORD, "salt")


@pytest.fixture
def in_production(settings) -> None:
    """As far as it concerns the second factor."""
    settings.SECOND_FACTOR_REQUIRED = True
