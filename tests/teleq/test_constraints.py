"""Which constraint an error is about is read from its name, not from words that a patient could have written."""

from __future__ import annotations

import pytest
from django.db import Error, IntegrityError, connection, transaction

from cases.models import ClosedDay
from teleq.constraints import violates

pytestmark = pytest.mark.django_db


@pytest.fixture
def error(queue) -> IntegrityError:
    """Of a unique constraint, whose message quotes what was written."""
    day = {"queue": queue, "day": "2026-12-24", "reason": "weekday_is_valid"}
    ClosedDay.objects.create(**day)
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        ClosedDay.objects.create(**day)
    return raised.value


def test_the_one_that_was_broken_is_known_by_its_name(error):
    assert violates(error, "one_closed_day_per_date")


@pytest.mark.parametrize("name", ["one_closed_day_per", "weekday_is_valid", "queue_id", ""])
def test_no_other_is(name, error):
    assert not violates(error, name)


def test_an_error_that_is_about_no_constraint_violates_none():
    with pytest.raises(Error) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    assert not violates(raised.value, "")
    assert not violates(IntegrityError("one_closed_day_per_date"), "one_closed_day_per_date")
