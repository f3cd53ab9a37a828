"""Names: compared and put in order as Swedes do, in Python and in PostgreSQL alike."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from cases.models import Case
from teleq import names


def test_a_with_a_ring_and_a_and_o_with_dots_come_last_and_accents_count_for_nothing():
    written = ["Örjan", "Zeb", "Åsa", "ärla", "Éva", "Ewa", "anna", "Łukasz", "Lukas", "Ørjan", "Æsa"]
    in_order = ["anna", "Éva", "Ewa", "Lukas", "Łukasz", "Zeb", "Åsa", "ärla", "Æsa", "Örjan", "Ørjan"]
    assert sorted(written, key=names.alphabetical) == in_order


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("and ag", ("and", "ag")),
        ("  ANDRÉ  ", ("andre",)),
        ("Anna-Karin", ("anna", "karin")),
        ("Åsa", ("åsa",)),
        ("A\u030asa", ("åsa",)),
        ("O’Brien, Seán", ("o", "brien", "sean")),
        ("Nguyễn", ("nguyen",)),
        ("İbrahim Işık", ("ibrahim", "isik")),
        ("- ' %", ()),
        ("\u200b", ()),
    ],
)
def test_the_words_of_a_name(text, words):
    assert names.words(text) == words


LETTERS = st.characters(codec="utf-8", max_codepoint=0x24F, exclude_characters="\x00")
VIETNAMESE = st.characters(min_codepoint=0x1E00, max_codepoint=0x1EFF)


@pytest.mark.django_db
@given(st.text(LETTERS | VIETNAMESE | st.sampled_from("åäöÅÄÖéÉ\u0301\u0308\u030a"), max_size=20))
def test_postgresql_folds_a_name_as_python_does(name):
    column = Case._meta.get_field("name_folded")
    sql, parameters = column.generated_sql(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql} FROM (SELECT %s::varchar AS name) AS given", [*parameters, name])
        [[folded]] = cursor.fetchall()
    assert folded == f" {names.folded(name)}"
