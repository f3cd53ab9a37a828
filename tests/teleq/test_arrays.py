"""Hundreds of values in one place of a statement: PostgreSQL reads them as they were given."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from sms.models import Message
from sms.states import State
from teleq.database import any_of, array

pytestmark = pytest.mark.django_db


def read_back(values: list[object], kind: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT unnest(%s::{kind}[])", [array(values)])
        return [value for (value,) in cursor.fetchall()]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            "text",
            ["", "NULL", "null", None, '"', "\\", '\\"', "{", "}", "{a,b}", ",", "a, b", " a ", "'", "%s", "\n\t"],
        ),
        ("text", ["Häls. Åsa 🙂", "‎", "\\N", "\\x41", "$1", "'; DROP TABLE sms_message; --"]),
        ("bigint", [1, -1, 9_223_372_036_854_775_807, None]),
        ("boolean", [True, False, None]),
        ("timestamptz", [datetime(2026, 3, 29, 0, 59, 59, 999_999, UTC), None]),
        ("text", [State.SENDING, State.QUEUED]),
        ("text", []),
    ],
)
def test_values_are_read_as_they_were_given(kind, values):
    assert read_back(values, kind) == values


def test_what_postgresql_has_no_text_for_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        read_back(["a\x00b"], "text")


def test_rows_are_found_by_their_ids(accept):
    first, _, third = accept(), accept(), accept()
    found = Message.objects.filter(any_of("sms_message.id", [third.pk, first.pk, third.pk + 1_000]))
    assert set(found) == {first, third}
    assert not Message.objects.filter(any_of("sms_message.id", []))
