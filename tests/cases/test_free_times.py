"""Which times a queue can be booked at."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from cases import acts, free_times
from cases.models import Case, ClosedDay, Status
from tests.cases.desk import OTHER_MOBILE
from tests.intake.telephone_system import an_open_day, at, divide, keep_open

FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 3, day) for day in (13, 14, 15, 16))
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
"""The nights of these, the clock is changed."""


def clocks(queue, first, last=None):
    """When the slots begin, by the clock in Stockholm."""
    return [f"{timezone.localtime(slot):%H.%M}" for slot in free_times.slots_of(queue, first, last or first)]


def gaps(queue, day):
    slots = free_times.slots_of(queue, day, day)
    return {later - earlier for earlier, later in pairwise(slots)}


# Hours and slots -----------------------------------------------------------------------------------------------------


def test_the_hours_of_each_weekday_are_cut_into_slots(queue):
    keep_open(queue, "08:00", "09:00", [0])
    keep_open(queue, "13:00", "13:45", [0])
    keep_open(queue, "10:00", "10:30", [4])
    assert clocks(queue, MONDAY) == ["08.00", "08.15", "08.30", "08.45", "13.00", "13.15", "13.30"]
    assert clocks(queue, FRIDAY) == ["10.00", "10.15"]
    assert clocks(queue, SATURDAY, SUNDAY) == []
    assert clocks(queue, FRIDAY, MONDAY) == clocks(queue, FRIDAY) + clocks(queue, MONDAY)


def test_a_queue_may_be_open_on_a_sunday(queue):
    keep_open(queue, "08:00", "08:15", [6])
    assert clocks(queue, SUNDAY) == ["08.00"]


@pytest.mark.parametrize(
    ("minutes", "cut"), [(20, ["08.00", "08.20", "08.40"]), (25, ["08.00", "08.25"]), (60, ["08.00"]), (61, [])]
)
def test_no_slot_goes_past_closing(minutes, cut, queue):
    keep_open(queue, "08:00", "09:00")
    divide(queue, minutes)
    assert clocks(queue, MONDAY) == cut


def test_no_slot_goes_past_midnight(queue):
    keep_open(queue, "23:00", "23:59")
    assert clocks(queue, MONDAY) == ["23.00", "23.15", "23.30"]


@pytest.mark.parametrize("opens", ["08:30", "08:35"])
def test_hours_that_overlap_give_no_slots_that_do(opens, queue):
    keep_open(queue, "08:00", "09:00", [0])
    keep_open(queue, opens, "10:05", [0])
    assert min(gaps(queue, MONDAY)) == timedelta(minutes=15)
    assert clocks(queue, MONDAY)[:4] == ["08.00", "08.15", "08.30", "08.45"]
    assert clocks(queue, MONDAY)[-1] >= "09.45"


def test_a_queue_without_hours_has_no_times(queue, telephones):
    assert telephones.free_times(queue, days=60) == {}


def test_one_queues_hours_are_not_anothers(open_queue, plain_queue, telephones):
    assert telephones.free_times(plain_queue, days=60) == {}


# Closed --------------------------------------------------------------------------------------------------------------


def test_a_closed_day_has_no_times(open_queue, day, telephones):
    assert telephones.free_times(open_queue, first=day, days=1)
    ClosedDay.objects.create(queue=open_queue, day=day)
    assert telephones.free_times(open_queue, first=day, days=1) == {}


@pytest.mark.parametrize(
    "holiday",
    [
        *["2026-01-01", "2026-01-06", "2026-04-03", "2026-04-05", "2026-04-06", "2026-05-01", "2026-05-14"],
        *["2026-05-24", "2026-06-06", "2026-06-20", "2026-10-31", "2026-12-25", "2026-12-26"],
        *["2026-06-19", "2026-12-24", "2026-12-31"],  # the eves
    ],
)
def test_public_holidays_and_the_three_eves_have_no_times(holiday, open_queue):
    assert clocks(open_queue, date.fromisoformat(holiday)) == []


@pytest.mark.parametrize("day", ["2026-04-02", "2026-04-04", "2026-04-30", "2026-06-18", "2026-12-23", "2026-12-30"])
def test_other_days_before_holidays_are_days_like_any(day, open_queue):
    assert len(clocks(open_queue, date.fromisoformat(day))) == 32


def test_in_a_whole_year_only_the_holidays_are_closed(open_queue):
    slots = free_times.slots_of(open_queue, date(2027, 1, 1), date(2027, 12, 31))
    assert len({timezone.localtime(slot).date() for slot in slots}) == 365 - 16


# The clock is changed ------------------------------------------------------------------------------------------------


def test_in_spring_the_hour_that_is_skipped_has_no_times(queue):
    keep_open(queue, "01:00", "04:00")
    divide(queue, 30)
    assert clocks(queue, SPRING) == ["01.00", "01.30", "03.00", "03.30"]
    assert gaps(queue, SPRING) == {timedelta(minutes=30)}


def test_in_autumn_the_hour_that_comes_twice_has_its_times_twice(queue):
    keep_open(queue, "01:00", "04:00")
    divide(queue, 30)
    twice = ["02.00", "02.30"] * 2
    assert clocks(queue, AUTUMN) == ["01.00", "01.30", *twice, "03.00", "03.30"]
    assert gaps(queue, AUTUMN) == {timedelta(minutes=30)}


@pytest.mark.parametrize("changed", [SPRING, AUTUMN])
@pytest.mark.parametrize("minutes", [5, 25, 45, 90, 480])
def test_slots_never_overlap_whatever_their_length(minutes, changed, queue):
    keep_open(queue, "00:00", "23:59")
    divide(queue, minutes)
    assert gaps(queue, changed) == {timedelta(minutes=minutes)}


@pytest.mark.parametrize("changed", [SPRING, AUTUMN])
def test_by_day_the_clock_is_what_it_says(changed, open_queue):
    [before, after] = [free_times.slots_of(open_queue, day, day)[0] for day in (changed - timedelta(days=1), changed)]
    assert f"{timezone.localtime(after):%H.%M}" == "08.00"
    assert after - before == timedelta(hours=23 if changed is SPRING else 25)


# Taken ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def book_at(open_queue, book):
    """As a nurse does: at any minute."""
    return lambda day, clock: book(queue=open_queue, callback_at=at(day, clock), phone_number=OTHER_MOBILE)


def test_a_slot_is_free_until_all_its_places_are_taken(open_queue, day, telephones, book_at):
    divide(open_queue, places=3)
    left = []
    for _ in range(4):
        left.append(telephones.free_times(open_queue, first=day, days=1).get(at(day, "08:15")))
        book_at(day, "08:15")
    assert left == [3, 2, 1, None]
    assert telephones.free_times(open_queue, first=day, days=1)[at(day, "08:30")] == 3


@pytest.mark.parametrize(("clock", "slot"), [("08:16", "08:15"), ("08:29", "08:15"), ("08:30", "08:30")])
def test_a_nurses_case_at_an_odd_minute_takes_a_place_in_its_slot(clock, slot, open_queue, day, telephones, book_at):
    before = set(telephones.free_times(open_queue, first=day, days=1))
    book_at(day, clock)
    assert before - set(telephones.free_times(open_queue, first=day, days=1)) == {at(day, slot)}
    assert telephones.book(open_queue, at(day, slot)).status == 409


@pytest.mark.parametrize("clock", ["07:59", "16:00", "22:30"])
def test_a_nurses_case_outside_the_hours_takes_no_place(clock, open_queue, day, telephones, book_at):
    book_at(day, clock)
    assert len(telephones.free_times(open_queue, first=day, days=1)) == 32


@pytest.mark.parametrize("status", [Status.DONE, Status.CANCELLED])
def test_a_closed_case_takes_no_place(status, open_queue, day, telephones, book_at):
    acts.close(book_at(day, "08:15"), status, by=None)
    assert telephones.free_times(open_queue, first=day, days=1)[at(day, "08:15")] == 1


def test_one_queues_cases_take_no_place_in_another(open_queue, plain_queue, day, telephones, book):
    book(queue=plain_queue, callback_at=at(day, "08:15"))
    assert at(day, "08:15") in telephones.free_times(open_queue, first=day, days=1)


def test_cases_booked_before_the_length_was_changed_take_a_place_where_they_fall(open_queue, day, telephones, book_at):
    for clock in ("08:00", "08:15", "08:45"):
        book_at(day, clock)
    divide(open_queue, minutes=20)
    free = [f"{timezone.localtime(time):%H.%M}" for time in telephones.free_times(open_queue, first=day, days=1)]
    assert free[:2] == ["08.20", "09.00"]
    assert telephones.book(open_queue, at(day, "08:00")).status == 409
    assert telephones.book(open_queue, at(day, "08:20")).status == 201


def test_cases_booked_before_there_were_fewer_places_leave_none_and_not_less(open_queue, day, telephones, book_at):
    divide(open_queue, places=2)
    for _ in range(2):
        book_at(day, "08:00")
    divide(open_queue, places=1)
    assert at(day, "08:00") not in telephones.free_times(open_queue, first=day, days=1)


# Which days are asked for --------------------------------------------------------------------------------------------


def test_nothing_that_has_begun_is_free(open_queue, telephones):
    keep_open(open_queue, "00:00", "08:00")
    keep_open(open_queue, "16:00", "23:59")
    yesterday = timezone.localdate() - timedelta(days=1)
    before = timezone.now()
    free = telephones.free_times(open_queue, first=yesterday, days=60)
    assert free
    assert min(free) > before


def test_two_weeks_from_today_unless_asked_otherwise(open_queue, telephones):
    days = {timezone.localtime(time).date() for time in telephones.free_times(open_queue)}
    assert max(days) <= timezone.localdate() + timedelta(days=13)
    assert len(days) >= 8


def test_the_last_day_asked_for_is_in_it(open_queue, day, telephones):
    next_day = an_open_day(open_queue, day + timedelta(days=1) - timezone.localdate())
    free = telephones.free_times(open_queue, first=day, days=(next_day - day).days + 1)
    assert {timezone.localtime(time).date() for time in free} == {day, next_day}


def test_nothing_is_free_that_is_too_far_away_to_be_booked(open_queue, telephones):
    last = timezone.localdate() + timedelta(days=366)
    free = telephones.free_times(open_queue, first=last - timedelta(days=10), days=60)
    assert max(free) <= timezone.now() + timedelta(days=366)
    assert telephones.book(open_queue, max(free)).status == 201


# The cost ------------------------------------------------------------------------------------------------------------


def test_the_list_takes_as_many_queries_whatever_the_days_and_the_cases(
    open_queue, day, telephones, book_at, django_assert_num_queries
):
    telephones.free_times(open_queue, first=day, days=1)  # when the key was last used is noted once a minute
    with django_assert_num_queries(7):  # wrong keys, key, queue, hours, closed days, cases, clock
        telephones.free_times(open_queue, first=day, days=1)
    for number in range(30):
        book_at(day + timedelta(days=number), "08:15")
        ClosedDay.objects.create(queue=open_queue, day=day + timedelta(days=100 + number))
    assert Case.objects.count() == 30
    with django_assert_num_queries(7):
        telephones.free_times(open_queue, first=day, days=60)
