"""Statistik: how callbacks went, in a week whose every figure is worked out by hand from what happened in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from access.access_log import Act
from access.models import AccessEntry
from administration.database.functions import call
from administration.models import CallbackDay
from administration.statistics import callback_days, callbacks
from administration.statistics.tables import DAY, Period
from cases import acts, rebooking
from cases.models import Case, CaseEvent, NoAnswer, Status
from local.servers import RETENTION
from teleq.models import Outcome
from tests.administration.forms import text_of
from tests.database_roles import acting_as, as_owner, past_the_triggers

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/statistics/"
# Summer time ends in the night to Sunday the 26th, which has 25 hours.
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SUNDAY = (date(2025, 10, day) for day in (20, 21, 22, 23, 24, 26))
WEEK = Period(MONDAY, SUNDAY)


def clock(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """By the clock in Stockholm."""
    return timezone.make_aware(datetime(day.year, day.month, day.day, hour, minute, second))


@pytest.fixture(autouse=True)
def cases_are_kept(settings):
    settings.KEEP_CASES = timezone.now() - clock(date(2025, 1, 1), 0)


@pytest.fixture
def a_case(book, nurse):
    """A case that came in at a time, was booked for another, and what was done to it, each act with its time.

    The acts are real ones; their times are moved afterwards.
    """

    def told(came_in: datetime, booked: datetime, *happened: tuple[datetime, Callable[[Case], object]], **columns):
        case = book(callback_at=booked, **columns)
        times = {event.pk: came_in for event in case.events.all()}
        for at, act in happened:
            case.refresh_from_db()
            act(case)
            times |= {event.pk: at for event in case.events.all() if event.pk not in times}
        with as_owner():
            Case.objects.filter(pk=case.pk).update(created_at=came_in)
            for pk, at in times.items():
                CaseEvent.objects.filter(pk=pk).update(at=at)
        return case

    return told


class Does:
    """What a nurse does to a case, as an act to be told of."""

    def __init__(self, nurse):
        self.nurse = nurse

    def ring(self, case):
        acts.call(case, by=self.nurse)

    def reach(self, case):
        acts.record_attempt(case, reached=True, by=self.nurse)

    def no_answer(self, how=None, next_at=None):
        return lambda case: acts.record_attempt(case, reached=False, how=how, next_at=next_at, by=self.nurse)

    def done(self, outcome):
        return lambda case: acts.close(case, Status.DONE, outcome=outcome, by=self.nurse)

    def reopen(self, case):
        acts.reopen(case, by=self.nurse)

    def undo(self, case):
        acts.undo(case, by=self.nurse)


def cancelled_by_the_patient(case):
    acts.close(case, Status.CANCELLED, by=None)


@pytest.fixture
def does(nurse):
    return Does(nurse)


@pytest.fixture
def a_week(a_case, does):
    """Eleven cases, A to K, and one on either side of the week."""
    # A: Ring 09.02, contact. That it is Klart with Råd givet is the same contact, not another attempt.
    a_case(
        clock(MONDAY, 8, 5),
        clock(MONDAY, 9),
        (clock(MONDAY, 9, 2), does.ring),
        (clock(MONDAY, 9, 10), does.reach),
        (clock(MONDAY, 9, 15), does.done(Outcome.ADVICE)),
    )
    # B: reached at the third attempt. It was booked for ten, whatever times it was given since.
    a_case(
        clock(MONDAY, 8, 30),
        clock(MONDAY, 10),
        (clock(MONDAY, 10, 5), does.no_answer(NoAnswer.BUSY, clock(MONDAY, 10, 45))),
        (clock(MONDAY, 10, 50), does.no_answer(NoAnswer.VOICEMAIL, clock(MONDAY, 13))),
        (clock(MONDAY, 13, 5), does.reach),
        (clock(MONDAY, 13, 20), does.done(Outcome.BOOKED)),
    )
    # C: Klart with an outcome that says that the patient was reached, the day after.
    a_case(clock(MONDAY, 16, 30), clock(TUESDAY, 8), (clock(TUESDAY, 8, 10), does.done(Outcome.REFERRED)))
    # D: cancelled on the same day, without contact: not counted for contact on the same day.
    a_case(clock(TUESDAY, 9), clock(TUESDAY, 11), (clock(TUESDAY, 9, 30), cancelled_by_the_patient))
    # E: a wrong number, and still open.
    a_case(clock(WEDNESDAY, 9), clock(WEDNESDAY, 15), (clock(WEDNESDAY, 15), does.no_answer(NoAnswer.WRONG_NUMBER)))
    # F: cancelled the day after, never called.
    a_case(clock(WEDNESDAY, 13), clock(WEDNESDAY, 14), (clock(THURSDAY, 9), cancelled_by_the_patient))
    # G: reached five minutes after midnight: another day.
    a_case(
        clock(THURSDAY, 23, 55),
        clock(THURSDAY, 23, 58),
        (clock(FRIDAY, 0, 5), does.reach),
        (clock(FRIDAY, 0, 10), does.done(Outcome.ADVICE)),
    )
    # H: Ring a minute before midnight: the same day, though its result was given after.
    a_case(
        clock(THURSDAY, 23, 50),
        clock(THURSDAY, 23, 50),
        (clock(THURSDAY, 23, 59), does.ring),
        (clock(FRIDAY, 0, 20), does.reach),
        (clock(FRIDAY, 0, 21), does.done(Outcome.ADVICE)),
    )
    # I: over the change of clocks: from 00.30 till 04.15 are four hours and three quarters that night.
    a_case(
        clock(SUNDAY, 0, 30),
        clock(SUNDAY, 4),
        (clock(SUNDAY, 4, 15), does.reach),
        (clock(SUNDAY, 4, 20), does.done(Outcome.ADVICE)),
    )
    # J: Fick svar was undone; it was Inget svar.
    a_case(
        clock(FRIDAY, 10),
        clock(FRIDAY, 10, 30),
        (clock(FRIDAY, 10, 40), does.reach),
        (clock(FRIDAY, 10, 41), does.undo),
        (clock(FRIDAY, 10, 42), does.no_answer()),
        (clock(FRIDAY, 16), does.done(Outcome.NOT_REACHED)),
    )
    # K: Klart, opened again and called once more: open.
    a_case(
        clock(FRIDAY, 12),
        clock(FRIDAY, 13),
        (clock(FRIDAY, 13, 10), does.done(Outcome.OTHER)),
        (clock(FRIDAY, 13, 30), does.reopen),
        (clock(FRIDAY, 14), does.reach),
    )
    a_case(clock(MONDAY - timedelta(days=1), 23, 59, 59), clock(MONDAY, 9), (clock(MONDAY, 8), does.reach))
    a_case(clock(SUNDAY + timedelta(days=1), 0), clock(SUNDAY + timedelta(days=1), 9))


def rows(queue, key, period=WEEK):
    counted = callbacks.count([queue.pk], period)
    return next(each for each in callbacks.tables(counted, [queue], period) if each.key == key).rows


class TestAWeek:
    @pytest.fixture(autouse=True)
    def happened(self, a_week):
        pass

    def test_contact_on_the_same_day(self, queue):
        # A, B, H, I and K of the ten that are counted: all but D.
        counted = callbacks.count([queue.pk], WEEK)
        [table] = [each for each in callbacks.tables(counted, [queue], WEEK) if each.key == "kontakt-samma-dag"]
        assert table.note == (
            "Av 10 ärenden som räknas fick 5 kontakt samma dag som de kom in: 50,0 %."
            " 1 ärende räknas inte: det avbokades samma dag som det kom in, utan att patienten nåddes."
        )
        assert [row[1:] for row in table.rows] == [
            (2, 0, 1, 66.7),  # Monday: A and B; C not called
            (0, 1, 1, 0.0),  # Wednesday: E called, F not
            (1, 0, 1, 50.0),  # Thursday: H; G not called that day
            (1, 1, 0, 50.0),  # Friday: K; J called
            (1, 0, 0, 100.0),  # Sunday: I
        ]

    def test_waiting_times(self, queue):
        # In minutes: A 57, B 95, C 940, E 360, G 10, H 9, I 285, J 42, K 70. D and F got no attempt.
        assert rows(queue, "vantetid") == [
            ("under 15 min", 2),
            ("15–30 min", 0),
            ("30–60 min", 2),
            ("1–2 h", 2),
            ("2–4 h", 0),
            ("4–8 h", 2),
            ("8–24 h", 1),
            ("1–3 dygn", 0),
            ("3 dygn eller mer", 0),
        ]
        told = callbacks.waits_in_words(callbacks.count([queue.pk], WEEK).totals)
        assert told == (
            "Median 1 h 10 min, 90:e percentilen 15 h 40 min, längsta 15 h 40 min."
            " 2 ärenden avslutades utan något försök."
        )

    def test_reached_at_which_attempt(self, queue):
        assert rows(queue, "nadd") == [
            ("Nådd vid första försöket", 6, 54.5),  # A, C, G, H, I, K
            ("Nådd vid andra försöket", 0, 0.0),
            ("Nådd vid tredje försöket", 1, 9.1),  # B
            ("Nådd vid fjärde försöket eller senare", 0, 0.0),
            ("Inte nådd, ärendet är Klart", 1, 9.1),  # J
            ("Inte nådd, ärendet är Avbokat", 2, 18.2),  # D, F
            ("Inte nådd än, ärendet är öppet", 1, 9.1),  # E
        ]

    def test_attempts_per_case(self, queue):
        assert rows(queue, "forsok") == [("0", 2), ("1", 7), ("2", 1), ("3", 1), ("4", 0), ("5 eller fler", 0)]

    def test_no_answer_by_reason(self, queue):
        assert rows(queue, "inget-svar") == [
            ("Upptaget", 1),
            ("Telefonsvarare", 1),
            ("Fel nummer", 1),
            ("Utan angiven orsak", 1),
        ]

    def test_outcomes(self, queue):
        assert rows(queue, "resultat") == [
            ("Råd givet", 4),  # A, G, H, I
            ("Tid bokad", 1),
            ("Hänvisad vidare", 1),
            ("Ej nådd", 1),
            ("Annat", 0),  # K's was taken back when it was opened again
            ("Avbokat", 2),
            ("Öppet", 2),  # E, K
        ]

    def test_a_queue_is_told_of_its_own_outcomes_and_those_that_there_are(self, queue):
        queue.outcomes = [Outcome.OTHER]
        assert [row[0] for row in rows(queue, "resultat")] == [
            "Råd givet",
            "Tid bokad",
            "Hänvisad vidare",
            "Ej nådd",
            "Annat",
            "Avbokat",
            "Öppet",
        ]
        Case.objects.filter(outcome__in=(Outcome.BOOKED, Outcome.REFERRED)).update(outcome=Outcome.ADVICE)
        assert [row[0] for row in rows(queue, "resultat")][:3] == ["Råd givet", "Ej nådd", "Annat"]

    def test_by_hour(self, queue):
        found = {label: tuple(numbers) for label, *numbers in rows(queue, "per-timme") if any(numbers)}
        assert found == {  # came in, booked for, called
            "00–01": (1, 0, 1),
            "04–05": (0, 1, 1),
            "08–09": (2, 1, 1),
            "09–10": (2, 1, 1),
            "10–11": (1, 2, 3),
            "11–12": (0, 1, 0),
            "12–13": (1, 0, 0),
            "13–14": (1, 1, 2),
            "14–15": (0, 1, 1),
            "15–16": (0, 1, 1),
            "16–17": (1, 0, 0),
            "23–00": (2, 2, 1),
        }

    def test_by_weekday(self, queue):
        assert rows(queue, "per-veckodag") == [
            ("måndag", 3, 2, 4),
            ("tisdag", 1, 2, 1),
            ("onsdag", 2, 2, 1),
            ("torsdag", 2, 2, 1),
            ("fredag", 2, 2, 4),
            ("söndag", 1, 1, 1),
        ]

    def test_by_hour_and_weekday(self, queue):
        booked = {label: tuple(numbers) for label, *numbers in rows(queue, "tider-timme-veckodag")}
        assert booked["10–11"] == (1, 0, 0, 0, 1, 0, 0)  # B and J
        called = {label: tuple(numbers) for label, *numbers in rows(queue, "forsok-timme-veckodag")}
        assert called["10–11"] == (2, 0, 0, 0, 1, 0, 0)
        assert called["00–01"] == (0, 0, 0, 0, 1, 0, 0)  # G

    def test_how_many_waited_when(self, queue):
        # On whole hours: A Monday 9; B Monday 10; C Tuesday 8; F Wednesday 14 to Thursday 8; G Friday 0; I Sunday 4;
        # K Friday 13. Not D, which was cancelled before its time, nor E, which was called on the stroke of three.
        found = {label: tuple(numbers) for label, *numbers in rows(queue, "vantade")}
        one = (0.2, 0.0, 1)
        assert found == {
            "00.00": (0.4, 0.0, 1),
            **{f"{hour:02}.00": one for hour in (1, 2, 3, 5, 6, 7)},
            "04.00": (0.2, 0.5, 1),
            "08.00": (0.4, 0.0, 1),
            "09.00": one,
            "10.00": one,
            "11.00": (0.0, 0.0, 0),
            "12.00": (0.0, 0.0, 0),
            **{f"{hour}.00": one for hour in range(13, 24)},
        }

    def test_the_key_figures_beside_the_week_before(self, queue):
        # The week before had the one case of its last second: contact the day after, and 8 h 0 min 1 s of waiting.
        assert [row[1:] for row in rows(queue, "nyckeltal")] == [
            (11, 1),
            (10, 1),
            (5, 0),
            (50.0, 0.0),
            (70, 480),
            (940, 480),
            (940, 480),
            (9, 1),
            (6, 1),
            (66.7, 100.0),
            (1.1, 1.0),
        ]

    def test_another_queues_cases_are_not_counted(self, queue, plain_queue):
        assert rows(plain_queue, "nyckeltal")[0][1:] == (0, 0)
        counted = callbacks.count([queue.pk, plain_queue.pk], WEEK)
        [table] = [each for each in callbacks.tables(counted, [queue, plain_queue], WEEK) if each.key == "per-ko"]
        assert table.rows == [(str(queue), 11, 50.0, 70, 940, 66.7), (str(plain_queue), 0, None, None, None, None)]

    def test_the_number_of_queries_is_fixed(self, queue, plain_queue, django_assert_num_queries):
        with django_assert_num_queries(3):
            callbacks.count([queue.pk, plain_queue.pk], WEEK)


class TestBorders:
    def test_a_case_counts_in_the_queue_where_it_is_now_with_what_happened_before(
        self, a_case, does, queue, plain_queue, nurse
    ):
        def moved(case):
            latest = case.events.latest_act()
            rebooking.to_queue(case, plain_queue, by=nurse, seen=latest.pk)

        a_case(
            clock(MONDAY, 8),
            clock(MONDAY, 9),
            (clock(MONDAY, 9), does.no_answer()),
            (clock(MONDAY, 10), moved),
            (clock(MONDAY, 11), does.reach),
        )
        assert rows(queue, "nyckeltal")[0][1] == 0
        assert ("Nådd vid andra försöket", 1, 100.0) in rows(plain_queue, "nadd")

    def test_a_case_that_was_cancelled_after_contact_counts(self, a_case, does, queue):
        a_case(
            clock(MONDAY, 8),
            clock(MONDAY, 9),
            (clock(MONDAY, 9), does.reach),
            (clock(MONDAY, 9, 5), lambda case: acts.close(case, Status.CANCELLED, by=does.nurse)),
        )
        assert [row[1:] for row in rows(queue, "kontakt-samma-dag")] == [(1, 0, 0, 100.0)]

    def test_a_cancelled_case_that_was_opened_again_counts(self, a_case, does, queue):
        a_case(
            clock(MONDAY, 8),
            clock(MONDAY, 9),
            (clock(MONDAY, 8, 30), cancelled_by_the_patient),
            (clock(MONDAY, 8, 40), does.reopen),
        )
        assert [row[1:] for row in rows(queue, "kontakt-samma-dag")] == [(0, 0, 1, 0.0)]

    def test_ring_without_a_result_within_the_hour_is_not_when_the_patient_was_called(self, a_case, does, queue):
        a_case(
            clock(MONDAY, 8),
            clock(MONDAY, 9),
            (clock(MONDAY, 9), does.ring),
            (clock(MONDAY, 10), does.reach),
        )
        assert rows(queue, "vantetid")[3] == ("1–2 h", 0)
        assert rows(queue, "vantetid")[4] == ("2–4 h", 1)  # two hours are in the longer one

    def test_done_without_having_reached_is_no_contact(self, a_case, does, queue):
        a_case(clock(MONDAY, 8), clock(MONDAY, 9), (clock(MONDAY, 9), does.done(Outcome.NOT_REACHED)))
        assert rows(queue, "nadd")[4] == ("Inte nådd, ärendet är Klart", 1, 100.0)
        assert rows(queue, "forsok")[0] == ("0", 1)

    def test_the_fourth_attempt_and_later_are_told_of_together(self, a_case, does, queue):
        tries = [(clock(MONDAY, 9, minute), does.no_answer()) for minute in range(5)]
        a_case(clock(MONDAY, 8), clock(MONDAY, 9), *tries, (clock(MONDAY, 10), does.reach))
        assert ("Nådd vid fjärde försöket eller senare", 1, 100.0) in rows(queue, "nadd")
        assert ("5 eller fler", 1) in rows(queue, "forsok")

    def test_who_waits_since_before_the_period_is_counted_and_after_a_month_no_more(self, a_case, queue):
        long_before = MONDAY - timedelta(days=28)
        a_case(clock(long_before, 8), clock(long_before, 9))  # waits till Thursday at eight
        a_case(clock(long_before, 8), clock(MONDAY, 9))
        found = {label: tuple(numbers) for label, *numbers in rows(queue, "vantade")}
        assert found["07.00"] == (1.4, 0.0, 2)  # Monday one, Tuesday to Thursday two: seven in five days
        assert found["09.00"] == (1.2, 0.0, 2)  # Monday to Wednesday two

    def test_two_who_wait_at_once_are_two(self, a_case, queue):
        for _ in range(2):
            a_case(clock(MONDAY, 8), clock(MONDAY, 9), (clock(MONDAY, 9, 30), cancelled_by_the_patient))
        assert rows(queue, "vantade") == [("09.00", 0.4, 0.0, 2)]

    @pytest.mark.parametrize(
        ("first", "last", "before"),
        [
            ((2025, 10, 20), (2025, 10, 26), ((2025, 10, 13), (2025, 10, 19))),
            ((2025, 10, 20), (2025, 10, 22), ((2025, 10, 13), (2025, 10, 15))),
            ((2025, 10, 1), (2025, 10, 31), ((2025, 9, 1), (2025, 9, 30))),
            ((2025, 3, 1), (2025, 3, 30), ((2025, 2, 1), (2025, 2, 28))),
            ((2025, 10, 1), (2025, 10, 8), ((2025, 9, 1), (2025, 9, 8))),
            ((2025, 10, 6), (2025, 10, 15), ((2025, 9, 22), (2025, 10, 1))),
        ],
    )
    def test_the_period_before_has_the_same_weekdays_or_is_the_month_before(self, first, last, before):
        assert Period(date(*first), date(*last)).before == Period(date(*before[0]), date(*before[1]))

    def test_what_has_been_removed_is_not_compared_with(self, a_week, queue, settings):
        settings.KEEP_CASES = timezone.now() - clock(MONDAY - timedelta(days=2), 12)
        assert callbacks.whole_from() == MONDAY - timedelta(days=1)
        assert callbacks.count([queue.pk], WEEK).before is None
        assert rows(queue, "nyckeltal")[0][1:] == (11, None)


def a_night_counts() -> None:
    with acting_as(RETENTION):
        callback_days.add_up()


MANY_CASES = """
    INSERT INTO cases_case (queue_id, name, reason, phone_number, a_number, personal_identity_number, callback_at,
                            booking, booked_at, attempts, priority, status, outcome, wrong_number, created_at,
                            interpreter_language, speak_with)
    SELECT %(queue)s, '', '', '+46701740605', NULL, '', at, 1, at, 1, 2, 'done', 'advice', false, at, '', ''
    FROM generate_series(1, 3000) AS n, LATERAL (SELECT now() - interval '1 day' - n * interval '2 hours') AS its (at);
    INSERT INTO cases_caseevent (case_id, kind, changes, detail, at)
    SELECT c.id, kind, changes::jsonb, '', c.created_at FROM cases_case AS c,
        (VALUES ('created', '{}'), ('done', '{"attempts": [0, 1]}')) AS event (kind, changes)
    WHERE c.queue_id = %(queue)s;
    ANALYZE cases_case, cases_caseevent;
"""
"""Twelve a day, of 250 days until yesterday."""


def rows_read(act: Callable[[], object]) -> int:
    """How many rows of cases and their events PostgreSQL reads for this, one way or another."""
    with connection.cursor() as cursor:

        def read() -> int:
            cursor.execute(
                "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
                " WHERE relname IN ('cases_case', 'cases_caseevent')"
            )
            return int(cursor.fetchone()[0])

        before = read()
        act()
        return read() - before


class TestStoredDays:
    """A day that the night has stored is not counted again, and yet the figures tell what stands now."""

    def told(self, *queues, period=WEEK):
        counted = callbacks.count([queue.pk for queue in queues], period)
        return [(table.key, table.rows, table.note) for table in callbacks.tables(counted, queues, period)]

    @pytest.mark.parametrize(
        "period",
        [WEEK, Period(TUESDAY, TUESDAY), Period(FRIDAY, SUNDAY), Period(date(2025, 9, 1), date(2025, 11, 30))],
        ids=["the week", "a day", "its end", "three months"],
    )
    def test_the_figures_are_the_same(self, a_week, queue, plain_queue, period):
        before = self.told(queue, plain_queue, period=period)
        a_night_counts()
        assert CallbackDay.objects.filter(queue=queue).count() == 8  # six of the week, and one on either side
        assert self.told(queue, plain_queue, period=period) == before
        a_night_counts()
        assert self.told(queue, plain_queue, period=period) == before

    def test_what_happens_to_a_case_afterwards_counts_at_once(self, a_week, queue, does):
        a_night_counts()
        acts.close(Case.objects.get(created_at=clock(WEDNESDAY, 9)), Status.CANCELLED, by=does.nurse)  # E
        for _ in range(2):
            assert rows(queue, "resultat")[-2:] == [("Avbokat", 3), ("Öppet", 1)]
            a_night_counts()

    def test_a_case_that_is_moved_afterwards_is_in_its_new_queue_alone(self, a_week, queue, plain_queue, nurse):
        a_night_counts()
        case = Case.objects.get(created_at=clock(WEDNESDAY, 9))
        rebooking.to_queue(case, plain_queue, by=nurse, seen=case.events.latest_act().pk)
        for _ in range(2):
            assert (rows(queue, "nyckeltal")[0][1], rows(plain_queue, "nyckeltal")[0][1]) == (10, 1)
            a_night_counts()

    def test_a_case_that_is_removed_for_the_patient_counts_no_more(self, a_week, queue, nurse):
        a_night_counts()
        gone = Case.objects.get(created_at=clock(MONDAY, 8, 5))
        AccessEntry.objects.create(user=nurse, act=Act.REMOVAL)
        assert call("removal_cases", [gone.pk]) == 1
        for _ in range(2):
            assert rows(queue, "nyckeltal")[0][1:] == (10, 1)
            a_night_counts()

    def test_days_go_before_retention_removes_their_first_case(self, a_week, queue, settings):
        a_night_counts()
        settings.KEEP_CASES = timezone.now() - clock(WEDNESDAY, 12)
        a_night_counts()
        assert CallbackDay.objects.earliest("day").day == THURSDAY == callbacks.whole_from()

    def test_today_is_not_stored(self, book, queue):
        book()
        a_night_counts()
        assert not CallbackDay.objects.exists()

    def test_of_a_year_no_more_cases_are_read_than_those_of_days_with_something_new(self, queue, nurse, settings):
        settings.KEEP_CASES = 365 * DAY
        with past_the_triggers(), connection.cursor() as cursor:
            cursor.execute(MANY_CASES, {"queue": queue.pk})
        year = Period(timezone.localdate() - 364 * DAY, timezone.localdate())
        counted = rows_read(lambda: self.told(queue, period=year))
        before = self.told(queue, period=year)
        a_night_counts()
        stored = rows_read(lambda: self.told(queue, period=year))
        assert self.told(queue, period=year) == before
        old = Case.objects.earliest("created_at")
        acts.reopen(old, by=nurse)
        one_day = rows_read(lambda: self.told(queue, period=year))
        assert counted >= 9000  # each case with its two events
        assert stored < 50
        assert 12 <= one_day < 200


class TestThePage:
    def get(self, office, **asked):
        return office.get(ADDRESS, {"first": MONDAY, "last": SUNDAY} | asked)

    def test_it_tells_what_is_divided_by_what(self, a_week, office, queue):
        text = text_of(self.get(office, queue=queue.pk))
        assert "Av 10 ärenden som räknas fick 5 kontakt samma dag som de kom in: 50,0 %." in text
        assert "50,0 % 5 av 10 ärenden Perioden före: 0,0 %" in text
        assert "Det är inte det officiella måttet" in text

    def test_each_table_is_a_file_with_the_same_figures(self, a_week, office, queue):
        response = self.get(office, queue=queue.pk, csv="kontakt-samma-dag")
        assert response["Content-Disposition"] == (
            'attachment; filename="statistik-kontakt-samma-dag-2025-10-20-2025-10-26.csv"'
        )
        assert response.content.startswith(b"\xef\xbb\xbf")
        lines = response.content.decode("utf-8-sig").splitlines()
        assert lines[:2] == [
            "Kom in;Kontakt samma dag;Försök samma dag, inte nådd;Inget försök samma dag;Kontakt samma dag, procent",
            "20 okt;2;0;1;66,7",
        ]

    def test_what_there_is_no_figure_for_is_empty_in_the_file(self, office, queue, plain_queue):
        response = self.get(office, csv="per-ko")
        assert f"{queue};0;;;;" in response.content.decode("utf-8-sig").splitlines()

    def test_a_queue_whose_name_is_a_formula_does_no_harm(self, office, queue):
        with as_owner():
            type(queue).objects.filter(pk=queue.pk).update(unit="=1+1")
        assert "'=1+1 " in self.get(office, csv="per-ko").content.decode("utf-8-sig")

    def test_without_a_chosen_queue_it_is_of_all_ones_own(self, a_week, a_case, office, plain_queue, other_queue):
        a_case(clock(MONDAY, 8), clock(MONDAY, 9), queue=plain_queue)
        a_case(clock(MONDAY, 8), clock(MONDAY, 9), queue=other_queue)
        assert "Ärenden som kom in;12;1" in self.get(office, csv="nyckeltal").content.decode().splitlines()

    def test_promise_9_a_care_providers_administrator_chooses_among_its_queues(
        self, a_week, client, provider_administrator, queue, other_queue
    ):
        client.force_login(provider_administrator)
        assert "Ärenden som kom in;11;1" in self.get(client, csv="nyckeltal").content.decode().splitlines()
        refused = self.get(client, queue=[queue.pk, other_queue.pk])
        assert refused.status_code == 422
        assert "Välj bland dina köer." in text_of(refused)
        offered = refused.content.decode()
        assert f'name="queue" value="{queue.pk}"' in offered
        assert f'name="queue" value="{other_queue.pk}"' not in offered

    def test_a_period_is_chosen_by_name(self, office):
        today = timezone.localdate()
        monday = today - timedelta(days=today.weekday())
        chosen = {
            "this_week": (monday, today),
            "last_week": (monday - timedelta(days=7), monday - timedelta(days=1)),
            "this_month": (today.replace(day=1), today),
            "last_month": (
                (today.replace(day=1) - timedelta(days=1)).replace(day=1),
                today.replace(day=1) - timedelta(1),
            ),
        }
        for name, (first, last) in chosen.items():
            page = office.get(ADDRESS, {"period": name, "first": "2020-01-01", "last": "i"})
            assert page.context["period"] == Period(first, last)
            assert f'name="period" value="{name}" aria-pressed="true"' in page.content.decode()

    def test_from_when_figures_are_whole(self, office, settings):
        settings.KEEP_CASES = timedelta(days=10)
        today = timezone.localdate()
        response = office.get(ADDRESS, {"first": today - timedelta(days=12), "last": today})
        assert "Siffrorna om ärenden är hela bara för dem som kom in från och med" in text_of(response)
        response = office.get(ADDRESS, {"first": today - timedelta(days=8), "last": today})
        assert "Siffrorna om ärenden är hela bara" not in text_of(response)

    def test_few_cases_are_told_of(self, a_case, office):
        a_case(clock(MONDAY, 8), clock(MONDAY, 9))
        assert "Få ärenden: en siffra kan peka ut någon." in text_of(self.get(office))

    def test_today_is_not_over(self, book, office):
        book()
        assert "Idag är inte slut" in text_of(office.get(ADDRESS))

    def test_the_page_takes_as_many_queries_with_many_cases(self, a_week, office, django_assert_max_num_queries):
        with django_assert_max_num_queries(40) as few:
            self.get(office)
        columns = ("queue_id", "phone_number", "callback_at", "created_at")
        for values in Case.objects.values(*columns):
            Case.objects.bulk_create(Case(**values) for _ in range(20))
        with django_assert_max_num_queries(len(few)):
            self.get(office)
