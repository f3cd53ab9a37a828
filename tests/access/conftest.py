"""What signing in is tried with."""

from __future__ import annotations

import pytest


@pytest.fixture
def in_production(settings) -> None:
    """As far as it concerns the second factor."""
    settings.SECOND_FACTOR_REQUIRED = True
