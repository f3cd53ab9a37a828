"""The race, short: everybody at once on the same few numbers. `benchmarks/run race --minutes N` runs it for longer."""

import secrets

import pytest

from tests.race.run import race


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_in_whatever_order_things_happen_every_promise_is_kept():
    result = race(seed=secrets.token_hex(4), seconds=4)
    print(f"seed {result.seed}: {result.counts}")  # noqa: T201  shown when it fails
    assert result.violations == []
    assert result.counts["deadlocks"] == 0
    for happened in ("answers", "lapses", "switches turned", "sent"):
        assert result.counts[happened], f"{happened}: nothing was tried"
