"""Promise 2, of the telephone menu: which answers a key can store, and that nothing but a deliberate act makes a Ja."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from consent import register
from consent.models import Answer, Channel, Consent, ConsentText
from consent.register import ChangedMeanwhile
from tests.conftest import MOBILE, QUESTION

pytestmark = pytest.mark.django_db

BY_KEY = {"channel": Channel.PHONE_KEYS, "call_id": 7, "answered_by": None}
THE_TEXT = "the text"


@pytest.fixture
def question(care_provider) -> ConsentText:
    return ConsentText.objects.create(care_provider=care_provider, text="Tryck 1 för ja, 2 för nej.", recorded=True)


@pytest.fixture
def press(care_provider, question):
    return lambda answer: register.answer_in_call(care_provider.pk, MOBILE, answer, call_id=7, text=question)


def test_a_key_in_a_call_that_asked_in_words_which_are_stored_gives_a_yes(press, question):
    press(Answer.YES)
    [event] = Consent.history()
    assert (event.answer, event.channel, event.call_id) == ("yes", "phone_keys", 7)
    assert (event.text_id, event.answered_by_id, event.case_id) == (question.pk, None, None)


@pytest.mark.parametrize("answer", [Answer.YES, Answer.NO])
def test_a_key_changes_no_answer_that_counts(answer, say, press, care_provider):
    say(answer)
    with pytest.raises(ChangedMeanwhile):
        press(Answer.YES)
    assert register.current(care_provider.pk, MOBILE).consent.answer == answer
    assert Consent.history().count() == 1


def test_a_key_answers_where_ej_valt_was_chosen(say, press, care_provider):
    say(Answer.UNSET)
    press(Answer.NO)
    assert register.current(care_provider.pk, MOBILE).consent.answer == Answer.NO


def test_a_key_answers_where_the_answer_has_lapsed(lapsed, press, care_provider):
    lapsed(Answer.NO)
    press(Answer.YES)
    assert register.current(care_provider.pk, MOBILE).consent.answer == Answer.YES


def test_a_key_changes_no_withdrawal_that_waits_to_be_written(press, care_provider):
    register.store_withdrawals([(care_provider.pk, MOBILE)])
    with pytest.raises(ChangedMeanwhile):
        press(Answer.YES)
    assert register.current(care_provider.pk, MOBILE).consent.answer == Answer.NO


@pytest.mark.parametrize(
    "columns",
    [
        {"channel": Channel.SMS},
        {"channel": Channel.RESTORED},
        {"channel": Channel.CASE, "answered_by": None},
        BY_KEY,
        BY_KEY | {"call_id": None, "text": THE_TEXT},
        {"channel": Channel.PHONE_KEYS, "call_id": 7, "text": THE_TEXT},
        {"channel": Channel.CASE, "call_id": 7},
    ],
    ids=["by SMS", "by restoring", "by nobody", "no words", "no call", "a user's key", "a nurse's call"],
)
def test_the_database_refuses_every_other_way_to_a_yes(columns, say, question):
    say(Answer.NO)
    values = {"text": None} | {name: question if value is THE_TEXT else value for name, value in columns.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.update(answer=Answer.YES, **values)


def test_the_database_takes_the_one_that_the_key_gives(say, question):
    say(Answer.NO)
    Consent.objects.update(answer=Answer.YES, text=question, **BY_KEY)
    assert Consent.objects.get().answer == Answer.YES


def test_what_is_recorded_for_calls_is_not_what_a_nurse_reads_out(question, care_provider):
    assert ConsentText.objects.current(care_provider.pk).text == QUESTION
