"""The nights when the clock is changed, and how far ahead one may book: on the screen as in the API."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cases.models import Case
from teleq.swedish import date_and_clock
from tests.cases.desk import rebooking
from tests.conftest import MOBILE

SAVE, CREATE = "Spara tiden", "Skapa ärendet"
SUMMER, WINTER = "+02:00", "+01:00"


def last_sunday(month: int) -> date:
    """The next one: the clocks of the European Union are changed then (directive 2000/84/EC)."""
    today = timezone.localdate()
    for year in (today.year, today.year + 1):
        last = date(year, month, 31)
        sunday = last - timedelta(days=(last.weekday() + 1) % 7)
        if sunday > today + timedelta(days=1):
            return sunday
    raise AssertionError


@pytest.fixture
def twice() -> str:
    """A quarter past two, on the night when it comes twice."""
    return f"{last_sunday(10)}T02:15"


@pytest.fixture
def never() -> str:
    return f"{last_sunday(3)}T02:30"


def instant(local: str, offset: str) -> datetime:
    return datetime.fromisoformat(local + offset).astimezone(UTC)


@pytest.fixture(params=[SUMMER, WINTER], ids=["summer time", "winter time"])
def offset(request) -> str:
    return request.param


@pytest.fixture
def case(book, twice, offset) -> Case:
    return book(callback_at=instant(twice, offset))


def test_an_untouched_time_keeps_its_instant(case, desk, twice, offset):
    after = rebooking(desk, case).press(SAVE)
    assert (after.status, "Tiden är oförändrad." in after.text) == (200, True)
    case.refresh_from_db()
    assert (case.callback_at, case.booking) == (instant(twice, offset), 1)


def test_one_may_choose_the_other_of_the_two(case, desk, twice, offset):
    page = rebooking(desk, case)
    assert page.typed("callback_at_which", beside=SAVE) == offset
    other = WINTER if offset == SUMMER else SUMMER
    assert page.press(SAVE, callback_at_which=other).status == 200
    case.refresh_from_db()
    assert (case.callback_at, case.booking) == (instant(twice, other), 2)


def test_lists_and_history_tell_the_two_apart(case, desk, offset):
    told = "02.15 (sommartid)" if offset == SUMMER else "02.15 (vintertid)"
    assert told in desk.work_list().text
    assert told in desk.case(case).text
    assert date_and_clock(case.callback_at).endswith(told)


@pytest.mark.parametrize("form", ["new", "rebooking"])
def test_a_time_that_comes_twice_is_asked_about_and_nothing_is_blanked(form, book, desk, queue, twice, offset):
    if form == "new":
        page, button = desk.open(reverse("cases:new_case")), CREATE
        typed = {"queue": queue.pk, "phone_number": "070-174 06 05", "name": "Berit", "callback_at": twice}
    else:
        page, button, typed = rebooking(desk, book()), SAVE, {"callback_at": twice}
    after = page.press(button, **typed)
    assert after.status == 422
    assert "Klockan visar 02.15 två gånger den natten. Välj vilken av dem du menar." in after.text
    for name, value in typed.items():
        assert after.typed(name, beside=button) == str(value)
    assert after.typed("callback_at_which", beside=button) == ""
    assert "Första gången (sommartid)" in after.text
    assert "Andra gången (vintertid)" in after.text

    assert after.press(button, callback_at_which=offset).status == 200
    assert Case.objects.get().callback_at == instant(twice, offset)


@pytest.mark.parametrize("chosen", ["+05:00", "x"])
def test_an_hour_that_is_neither_is_asked_about_again(chosen, book, desk, twice):
    after = rebooking(desk, book()).press(SAVE, callback_at=twice, callback_at_which=chosen)
    assert (after.status, "två gånger den natten" in after.text) == (422, True)


def test_a_time_that_is_moved_out_of_the_hour_needs_no_choice(case, desk, twice):
    assert rebooking(desk, case).press(SAVE, callback_at=twice.replace("02:15", "03:15")).status == 200
    case.refresh_from_db()
    assert case.callback_at == instant(twice.replace("02:15", "03:15"), WINTER)


def test_an_hour_that_is_left_out_is_told_in_plain_swedish(book, desk, never):
    case = book()
    after = rebooking(desk, case).press(SAVE, callback_at=never)
    assert after.status == 422
    assert "Klockan ställs fram den natten: 02.30 finns inte. Välj en annan tid." in after.text
    assert "Europe/Stockholm" not in after.text
    assert after.typed("callback_at", beside=SAVE) == never


@pytest.mark.parametrize("written", ["9999-12-31T23:59", "0001-01-01T00:00", "2027-13-01T10:00"])
def test_a_time_outside_the_calendar_is_refused_in_words(written, book, desk):
    assert "Skriv en giltig tid." in rebooking(desk, book()).press(SAVE, callback_at=written).text


@pytest.mark.parametrize(("days", "status"), [(364, 200), (368, 422)])
def test_no_callback_is_later_than_a_year_from_now(days, status, book, desk, queue):
    at = f"{timezone.localdate() + timedelta(days=days)}T12:00"
    values = {"queue": queue.pk, "phone_number": "070-174 06 06", "callback_at": at}
    for after in (
        rebooking(desk, book(phone_number=MOBILE)).press(SAVE, callback_at=at),
        desk.open(reverse("cases:new_case")).press(CREATE, **values),
    ):
        assert after.status == status
        assert ("Tiden är mer än ett år bort." in after.text) == (status == 422)
