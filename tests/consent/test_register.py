"""The register: what is stored, for how long (promise 4), and what is left on record (promise 8)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from consent import register
from consent.models import Answer, Channel, Consent, ConsentText
from consent.register import STOCKHOLM, ChangedMeanwhile, valid_until
from consent.verdict import Verdict, verdict
from local.servers import OWNER, WEB
from teleq.models import OutgoingSms
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.database_roles import acting_as, as_owner


def stockholm(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=STOCKHOLM)  # type: ignore[arg-type]


class TestPromise4FourteenMonths:
    @pytest.mark.parametrize(
        ("answered", "until"),
        [
            (stockholm(2026, 11, 24, 8, 31), stockholm(2028, 1, 24, 8, 31)),
            (stockholm(2026, 12, 31, 12), stockholm(2028, 2, 29, 12)),  # the last of a leap year's February
            (stockholm(2027, 12, 31, 12), stockholm(2029, 2, 28, 12)),
            (stockholm(2026, 1, 15, 9), stockholm(2027, 3, 15, 9)),
            (stockholm(2026, 7, 1, 0, 30), stockholm(2027, 9, 1, 0, 30)),  # still June in UTC
            (stockholm(2026, 8, 25, 2, 30), stockholm(2027, 10, 25, 2, 30)),
        ],
    )
    def test_an_answer_counts_for_14_calendar_months_by_the_clock_in_stockholm(self, answered, until):
        assert valid_until(answered) == until

    def test_of_an_hour_that_comes_twice_it_is_the_first(self):
        assert valid_until(stockholm(2026, 8, 31, 2, 30)) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)

    def test_of_an_hour_that_is_skipped_it_is_the_one_after(self):
        assert valid_until(stockholm(2026, 1, 28, 2, 30)) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)

    @given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(ZoneInfo("UTC"))))
    def test_it_is_always_14_months_of_days_later_and_on_the_same_day_or_the_months_last(self, answered):
        until = valid_until(answered)
        assert timedelta(days=423, hours=23) <= until - answered < timedelta(days=430)
        day, last = answered.astimezone(STOCKHOLM).day, until.astimezone(STOCKHOLM)
        assert last.day == day or (last + timedelta(days=1)).month != last.month

    @pytest.mark.django_db
    def test_from_that_instant_it_reads_as_ej_valt(self, say):
        consent = say(Answer.YES).consent
        assert consent.in_force(consent.valid_until - timedelta(microseconds=1)) is Answer.YES
        assert consent.in_force(consent.valid_until) is Answer.UNSET


@pytest.mark.django_db
class TestAnswers:
    def test_an_answer_is_stored_with_who_where_and_which_words(self, say, nurse, care_provider):
        consent = say(Answer.NO, case_id=7).consent
        assert (consent.answer, consent.answered_by, consent.case_id) == (Answer.NO, nurse, 7)
        assert consent.channel == Channel.CASE
        assert consent.text == ConsentText.objects.current(care_provider.pk)
        assert consent.valid_until == valid_until(consent.answered_at)

    def test_the_same_answer_again_changes_nothing(self, say):
        first = say(Answer.YES)
        assert say(Answer.YES) == first
        assert Consent.history().count() == 1

    def test_choosing_ej_valt_where_nothing_is_stored_stores_nothing(self, say):
        assert say(Answer.UNSET).consent is None
        assert not Consent.objects.exists()

    def test_confirming_it_counts_for_another_14_months(self, say):
        first = say(Answer.YES)
        again = say(Answer.YES, renew=True)
        assert again.consent.valid_until > first.consent.answered_at + timedelta(days=424)
        assert again.consent.answered_at > first.consent.answered_at
        assert again.event_id > first.event_id

    def test_a_lapsed_yes_that_is_chosen_again_is_a_new_answer(self, say):
        say(Answer.YES)
        Consent.objects.update(answered_at="2024-01-01T00:00Z", valid_until="2025-03-01T00:00Z")
        assert say(Answer.YES).consent.answered_at.year >= 2026

    def test_an_answer_counts_within_its_care_provider_only(self, say, care_provider, other_care_provider):
        say(Answer.YES)
        assert register.current(other_care_provider.pk, MOBILE).consent is None
        say(Answer.NO, provider=other_care_provider)
        assert register.current(care_provider.pk, MOBILE).consent.answer == Answer.YES

    def test_who_was_shown_another_answer_stores_nothing(self, say, care_provider):
        shown = say(Answer.YES)
        say(Answer.NO)
        with pytest.raises(ChangedMeanwhile):
            say(Answer.YES, seen_event=shown.event_id)
        assert register.current(care_provider.pk, MOBILE).consent.answer == Answer.NO


@pytest.mark.django_db
class TestPromise8OnRecord:
    def test_every_change_leaves_an_event(self, say, nurse):
        for answer in (Answer.YES, Answer.NO, Answer.UNSET):
            say(answer)
        events = Consent.history().order_by("pgh_id")
        assert [event.answer for event in events] == ["yes", "no", "unset"]
        assert {event.answered_by for event in events} == {nurse}

    def test_a_change_past_the_register_leaves_one_too(self, say):
        say(Answer.YES)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE consent_consent SET answer = 'no'")
        with as_owner():
            Consent.objects.all().delete()
        labels = Consent.history().order_by("pgh_id").values_list("pgh_label", "answer")
        assert list(labels) == [("insert", "yes"), ("update", "no"), ("delete", "no")]

    @pytest.mark.parametrize(
        ("change", "by"),
        [
            ("UPDATE consent_consentevent SET answer = 'no'", WEB),
            ("DELETE FROM consent_consentevent", WEB),
            ("TRUNCATE consent_consentevent", WEB),
            ("UPDATE consent_consentevent SET answer = 'no'", OWNER),
            ("TRUNCATE consent_consentevent", OWNER),
        ],
    )
    def test_an_event_cannot_be_changed_or_removed(self, say, change, by):
        say(Answer.YES)
        refusal = ProgrammingError if by == WEB else InternalError  # no right to it, and a trigger
        with pytest.raises(refusal), transaction.atomic(), acting_as(by), connection.cursor() as cursor:
            cursor.execute(change)
        assert Consent.history().get().answer == "yes"


@pytest.mark.django_db(transaction=True)
def test_promise_8_an_event_tells_whether_its_answer_went_through_the_register(say):
    say(Answer.YES)
    say(Answer.NO)
    Consent.objects.update(answer=Answer.UNSET)
    contexts = Consent.history().order_by("pgh_id").values_list("pgh_context", flat=True)
    assert list(contexts) == [register.REGISTER, register.REGISTER, None]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_of_two_first_answers_given_at_once_one_is_stored(self, say, care_provider):
        with transaction.atomic():
            say(Answer.NO, seen_event=None)
            other = in_another_connection(lambda: say(Answer.YES, seen_event=None))
            wait_until_a_connection_waits_for_a_lock()
        with pytest.raises(ChangedMeanwhile):
            other.result(20)
        assert register.current(care_provider.pk, MOBILE).consent.answer == Answer.NO
        assert Consent.history().count() == 1

    def test_of_two_changes_made_at_once_the_second_is_told(self, say, care_provider):
        shown = say(Answer.YES)
        with transaction.atomic():
            say(Answer.NO, seen_event=shown.event_id)
            other = in_another_connection(lambda: say(Answer.UNSET, seen_event=shown.event_id))
            wait_until_a_connection_waits_for_a_lock()
        with pytest.raises(ChangedMeanwhile):
            other.result(20)
        assert register.current(care_provider.pk, MOBILE).consent.answer == Answer.NO


NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize("lapsed", [False, True])
@pytest.mark.parametrize("answer", [None, *Answer])
@pytest.mark.parametrize("required", [None, False, True])
def test_promise_7_the_verdict_for_every_setting_and_answer(required, answer, lapsed):
    outgoing_sms = None if required is None else OutgoingSms(consent_required=required)
    until = NOW if lapsed else NOW + timedelta(seconds=1)
    consent = answer and Consent(answer=answer, valid_until=until)
    counts = None if lapsed else answer
    if counts == Answer.NO:
        expected = Verdict.DECLINED
    elif required is False or (required and counts == Answer.YES):
        expected = Verdict.ALLOWED
    else:
        expected = Verdict.MISSING
    assert verdict(outgoing_sms, consent, NOW) is expected


def test_the_refusals_are_the_manuals_words():
    assert Verdict.DECLINED.label == "SMS-utskick avböjt"
    assert Verdict.MISSING.label == "Samtycke till SMS saknas"
    assert Answer.labels == ["Ja", "Nej", "Ej valt"]
