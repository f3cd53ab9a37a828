""" "Boka om": the queue's free times side by side, beside any time to the minute."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cases import rebooking as rebookings
from cases.models import Case, ClosedDay, Slot
from consent.models import Answer
from teleq.clock import database_now
from teleq.models import OutgoingSms
from teleq.swedish import date_and_clock
from tests.cases.desk import OTHER_MOBILE, Page, desk_of, in_a_month, messages_of, rebooking, said
from tests.cases.protecting import mark
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.intake.telephone_system import at, divide, keep_open

SAVE = "Spara tiden"


def choose(page: Page, at: datetime) -> Page:
    """Press the button of a free time."""
    data = page._button(SAVE)[0].fields | {"free": timezone.localtime(at).isoformat()}
    data.pop("callback_at")
    return Page(page.client, page.client.post(page.address + "rebook/", data, follow=True))


def buttons(page: Page) -> list[tuple[str, bool]]:
    """The times that are shown, and whether they can be chosen."""
    return [
        (re.sub(r"<[^>]+>", "", label).strip(), "disabled" not in attributes)
        for attributes, label in re.findall(r'<button id="free-\d+"([^>]*)>(.*?)</button>', page.html)
    ]


def days(page: Page) -> list[date]:
    return [date.fromisoformat(day) for day in re.findall(r'<h3 id="day-([\d-]+)"', page.html)]


def is_at(case: Case) -> tuple[datetime, int]:
    case.refresh_from_db()
    return case.callback_at, case.booking


# What is shown -------------------------------------------------------------------------------------------------------


def test_nothing_of_it_is_asked_for_before_it_is_opened(open_queue, case, desk):
    page = desk.case(case)
    assert not page.has_button(SAVE)
    assert any("/free-times/?rebook=1" in link for link in page.links)
    assert any(link.endswith("?rebook=1#rebook") for link in page.links)


def test_five_open_days_are_shown_from_the_one_asked_for_and_closed_ones_are_passed_over(queue, case, desk, day):
    ClosedDay.objects.create(queue=queue, day=day + timedelta(days=1))
    shown = days(rebooking(desk, case, f"{day}"))
    assert len(shown) == 5
    assert shown[0] == day
    assert day + timedelta(days=1) not in shown


def test_all_of_a_days_times_are_shown_and_full_ones_as_full(queue, case, book, desk):
    keep_open(queue, "08:00", "08:45")
    first = days(rebooking(desk, case))[1]
    book(callback_at=at(first, "08:20"), phone_number=OTHER_MOBILE)
    shown = buttons(rebooking(desk, case, f"{first}"))
    assert shown[:3] == [("08.00", True), ("08.15 full", False), ("08.30", True)]


def test_the_cases_own_time_is_marked_and_its_place_is_its_own(queue, book, desk):
    keep_open(queue, "08:00", "08:45")
    first = timezone.localdate() + timedelta(days=1)
    case = book(callback_at=at(days(rebooking(desk, book(), f"{first}"))[0], "08:15"))
    assert buttons(rebooking(desk, case, f"{first}"))[:3] == [("08.00", True), ("08.15 nu", True), ("08.30", True)]


def test_earlier_and_later_days_hang_together_and_their_addresses_hold_a_date_only(open_queue, case, desk):
    def follow(page: Page, which: str) -> Page:
        [address] = re.findall(rf'<a id="{which}-days" href="([^"]+)"', page.html)
        assert re.fullmatch(rf"/cases/{case.pk}/\?rebook=\d{{4}}-\d\d-\d\d#rebook", address)
        return desk.open(address.partition("#")[0])

    first = rebooking(desk, case)
    assert not re.search(r'<a id="earlier-days" href', first.html)
    later = follow(first, "later")
    assert days(later)[0] > days(first)[-1]
    assert days(follow(later, "earlier")) == days(first)


@pytest.mark.parametrize("asked", ["", "1", "x", "2026-02-30", "0001-01-01", "9999-12-31"])
def test_an_address_that_names_no_day_to_book_shows_days_that_can_be(asked, open_queue, case, desk):
    page = rebooking(desk, case, asked)
    assert page.status == 200
    assert all(timezone.localdate() <= day <= timezone.localdate() + timedelta(days=366) for day in days(page))


def test_a_queue_without_hours_says_so_and_takes_any_time(case, desk):
    page = rebooking(desk, case)
    assert "Kön har inga tider att välja bland. Skriv en tid." in page.text
    assert page.press(SAVE, callback_at=in_a_month()).status == 200


def test_no_time_that_has_begun_is_shown(open_queue, case, desk):
    values = re.findall(r'name="free" value="([^"]+)"', rebooking(desk, case).html)
    assert values
    assert all(datetime.fromisoformat(value) > database_now() for value in values)


def test_what_is_asked_for_costs_as_many_queries_however_much_is_booked(open_queue, case, book, desk, day):
    address = reverse("cases:free_times", args=[case.pk]) + f"?rebook={day}"

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert desk.client.get(address).status_code == 200
        return len(captured)

    queries()
    before = queries()
    for minute in range(20):
        book(callback_at=at(day, f"09:{minute:02}"), phone_number=OTHER_MOBILE)
    assert queries() == before


def test_a_closed_case_is_to_be_opened_first(open_queue, case, desk):
    left_open = rebooking(desk, case)
    before = is_at(case)
    desk.case(case).press("Råd givet")
    assert "Öppna det igen för att boka om det." in rebooking(desk, case).text
    after = left_open.press(SAVE, callback_at=in_a_month())
    assert (after.status, "Ärendet är avslutat." in said(after)) == (409, True)
    assert is_at(case) == before


# Chosen --------------------------------------------------------------------------------------------------------------


def test_a_free_time_that_is_chosen_is_booked(open_queue, case, desk, day):
    to = at(day, "10:00")
    after = choose(rebooking(desk, case, f"{day}"), to)
    assert f"Ärendet är ombokat till {date_and_clock(to)}." in said(after)
    assert "Tiden ändrades. Från " in after.text
    assert is_at(case) == (to, 2)


@pytest.mark.parametrize("places", [1, 2])
def test_a_time_that_has_become_full_since_is_refused_with_the_times_that_are_free(
    places, open_queue, case, book, desk, day
):
    divide(open_queue, places=places)
    left_open, before = rebooking(desk, case, f"{day}"), is_at(case)
    for _ in range(places):
        book(callback_at=at(day, "10:07"), phone_number=OTHER_MOBILE)
    after = choose(left_open, at(day, "10:00"))
    assert after.status == 409
    assert "Tiden går inte att boka: alla platser är tagna." in said(after)
    assert after.has_button(SAVE)
    assert is_at(case) == before


def test_a_time_that_is_no_slot_can_not_be_posted_as_free(open_queue, case, desk, day):
    before = is_at(case)
    after = choose(rebooking(desk, case), at(day, "10:01"))
    assert (after.status, is_at(case)) == (409, before)


@pytest.mark.parametrize(
    ("clock", "told"),
    [("10:07", "Tiden är full."), ("07:59", "Tiden är utanför telefontiderna."), ("11:07", "")],
    ids=["full", "outside", "nothing odd"],
)
def test_any_time_is_taken_and_what_is_odd_about_it_is_told(clock, told, open_queue, case, book, desk, day):
    book(callback_at=at(day, "10:00"), phone_number=OTHER_MOBILE)
    after = rebooking(desk, case).press(SAVE, callback_at=f"{day}T{clock}")
    assert is_at(case) == (at(day, clock), 2)
    assert said(after).strip() == f"Ärendet är ombokat till {date_and_clock(at(day, clock))}. {told}".strip()


def test_moving_within_its_own_slot_is_not_full(open_queue, book, desk, day):
    case = book(callback_at=at(day, "10:00"))
    after = rebooking(desk, case).press(SAVE, callback_at=f"{day}T10:05")
    assert "Tiden är full." not in said(after)


def test_who_moved_it_meanwhile_is_named_and_the_chosen_time_stays_to_be_saved(open_queue, case, desk, colleague, day):
    left_open = rebooking(desk, case, f"{day}")
    choose(rebooking(desk_of(colleague), case, f"{day}"), at(day, "09:00"))
    after = choose(left_open, at(day, "10:00"))
    assert after.status == 409
    theirs, mine = (date_and_clock(at(day, clock)) for clock in ("09:00", "10:00"))
    assert f"Ändrat av Karim Noor till {theirs}. Du angav {mine}. Ingenting är sparat." in after.text
    assert is_at(case) == (at(day, "09:00"), 2)
    assert after.press(SAVE).status == 200
    assert is_at(case) == (at(day, "10:00"), 3)


def test_both_who_choose_the_same_time_agree(open_queue, case, desk, colleague, day):
    left_open = rebooking(desk, case, f"{day}")
    choose(rebooking(desk_of(colleague), case, f"{day}"), at(day, "10:00"))
    assert choose(left_open, at(day, "10:00")).status == 200
    assert is_at(case) == (at(day, "10:00"), 2)


# At the same time ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_nurses_who_choose_the_last_place_at_once_one_gets_it(open_queue, case, book, nurse, colleague, day):
    other, to = book(phone_number=OTHER_MOBILE), at(day, "10:00")
    pages = [rebooking(desk_of(user), each) for user, each in ((nurse, case), (colleague, other))]
    Slot.objects.create(queue=open_queue, starts_at=to)
    with transaction.atomic():
        Slot.objects.select_for_update().get(starts_at=to)
        pressed = [in_another_connection(lambda page=page: choose(page, to)) for page in pages]
        wait_until_a_connection_waits_for_a_lock(2)
    assert sorted(each.result(30).status for each in pressed) == [200, 409]
    assert Case.objects.filter(callback_at=to).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_nurses_who_rebook_the_same_case_at_once_the_second_is_told(open_queue, case, nurse, colleague, day):
    times = [at(day, "10:00"), at(day, "11:00")]
    pages = [rebooking(desk_of(user), case) for user in (nurse, colleague)]
    with transaction.atomic():
        Case.objects.select_for_update().get(pk=case.pk)
        pressed = [
            in_another_connection(lambda page=page, to=to: choose(page, to))
            for page, to in zip(pages, times, strict=True)
        ]
        wait_until_a_connection_waits_for_a_lock(2)
    after = [each.result(30) for each in pressed]
    assert sorted(page.status for page in after) == [200, 409]
    assert is_at(case)[1] == 2
    assert any("Ingenting är sparat." in page.text for page in after)


@pytest.mark.django_db(transaction=True)
def test_a_nurse_and_the_telephone_system_do_not_share_the_last_place(open_queue, case, nurse, day, telephones):
    to = at(day, "10:00")
    page = rebooking(desk_of(nurse), case)
    Slot.objects.create(queue=open_queue, starts_at=to)
    with transaction.atomic():
        Slot.objects.select_for_update().get(starts_at=to)
        pressed = in_another_connection(lambda: choose(page, to))
        called = in_another_connection(lambda: telephones.book(open_queue, to, a_number=OTHER_MOBILE))
        wait_until_a_connection_waits_for_a_lock(2)
    assert sorted([pressed.result(30).status, called.result(30).status]) in ([200, 409], [201, 409])
    assert Case.objects.filter(callback_at=to).count() == 1


# What is sent --------------------------------------------------------------------------------------------------------


class TestWhatIsSent:
    NEW = "En ny bokningsbekräftelse skickas."

    @pytest.fixture(autouse=True)
    def _confirms(self, queue):
        OutgoingSms.objects.filter(queue=queue).update(confirmation_on=True)

    def test_it_is_said_and_done_where_the_queue_confirms(self, case, desk, say):
        say(Answer.YES)
        page = rebooking(desk, case)
        assert self.NEW in page.text
        page.press(SAVE, callback_at=in_a_month())
        assert [message.kind for message in messages_of(case)] == ["confirmation"]

    def test_nothing_is_said_where_it_does_not(self, case, desk, say):
        say(Answer.YES)
        OutgoingSms.objects.update(confirmation_on=False)
        assert "bokningsbekräftelse" not in rebooking(desk, case).text

    @pytest.mark.parametrize(
        ("answer", "why"), [(Answer.NO, "SMS-utskick avböjt"), (Answer.UNSET, "Samtycke till SMS saknas")]
    )
    def test_the_reason_is_said_where_it_will_be_stopped(self, answer, why, case, desk, say):
        say(answer)
        assert f"Ingen bokningsbekräftelse skickas: {why}." in rebooking(desk, case).text

    def test_nothing_is_sent_to_who_has_protected_personal_data(self, case, desk, say, nurse):
        say(Answer.YES)
        mark(case, nurse)
        page = rebooking(desk, case)
        assert "Ingen bokningsbekräftelse skickas: patienten har skyddade personuppgifter." in page.text
        page.press(SAVE, callback_at=in_a_month())
        assert messages_of(case) == []


def test_days_are_found_past_a_month_without_any(queue, case):
    keep_open(queue, "08:00", "08:15", weekdays=[timezone.localdate().weekday()])
    shown = rebookings.days_from(case, timezone.localdate() + timedelta(days=1), database_now())
    assert len(shown.days) == 5
    assert {each.day.weekday() for each in shown.days} == {timezone.localdate().weekday()}
