"""The house, where imports don't show it. Which way they go is held by import-linter (pyproject.toml)."""

from __future__ import annotations

import pytest

from sms.providers import PROVIDERS
from tests.fixtures.one_door import went_round


@pytest.mark.parametrize("provider", PROVIDERS.values())
def test_promise_1_whoever_else_calls_send_is_found_out_however_it_is_spelt(provider, settings):
    settings.KANNEL_URL = settings.ELKS_URL = settings.TWILIO_URL = "http://127.0.0.1:9/"
    settings.TWILIO_ACCOUNT_SID = "AC0"
    getattr(provider(), "se" + "nd")(None, None).close()  # never awaited: nothing leaves
    assert went_round.pop().endswith("test_house")
