"""The week's grid of telephone hours, by its buttons: what they make of the form, with nothing saved."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from django.utils import timezone

from cases.models import TelephoneHours
from teleq.models import Queue
from tests.administration.forms import shown, text_of

pytestmark = pytest.mark.django_db

ADD = "/admin/teleq/queue/add/"
MONDAY, TUESDAY, FRIDAY, SATURDAY = 0, 1, 4, 5


@pytest.fixture
def address(queue: Queue) -> str:
    return f"/admin/teleq/queue/{queue.pk}/change/"


@pytest.fixture
def opened(queue: Queue):
    def at(weekday: int, *hours: int) -> None:
        """Open on a day from the first hour to the second, from the third to the fourth, and so on."""
        for opens, closes in zip(hours[::2], hours[1::2], strict=True):
            TelephoneHours.objects.create(queue=queue, weekday=weekday, opens=time(opens), closes=time(closes))

    return at


def week(page: Any) -> dict[int, list[str]]:
    """What each day shows, "08:00-12:00", where anything is written."""
    [formset] = [each.formset for each in page.context["inline_admin_formsets"] if hasattr(each.formset, "days")]
    return {
        day.number: written
        for day in formset.days
        if (written := [told for _row, form in day.shown if (told := interval(form)) != "-"])
    }


def interval(form: Any) -> str:
    return "-".join(form[name].field.widget.format_value(form[name].value()) or "" for name in ("opens", "closes"))


def first_row(page: Any, day: int, place: int = 0) -> int:
    [formset] = [each.formset for each in page.context["inline_admin_formsets"] if hasattr(each.formset, "days")]
    return list(formset.days)[day].shown[place][0]


def press(office, address: str, page: Any, what: str, **typed: str):
    response = office.post(address, shown(page) | typed | {"week": what})
    assert response.status_code == 200
    return response


def stored(queue: Queue) -> list[str]:
    return [str(each) for each in queue.telephone_hours.all()]


def test_each_day_has_a_row_to_write_in_and_what_is_written_is_saved(office, address, queue):
    page = office.get(address)
    typed = {}
    for day, (opens, closes) in {MONDAY: ("08:00", "12:00"), SATURDAY: ("10:00", "14:00")}.items():
        row = f"telephone_hours-{first_row(page, day)}"
        typed |= {f"{row}-opens": opens, f"{row}-closes": closes}
    assert office.post(address, shown(page) | typed).status_code == 302
    assert stored(queue) == ["Måndag 08.00–12.00", "Lördag 10.00–14.00"]
    assert week(office.get(address)) == {MONDAY: ["08:00-12:00"], SATURDAY: ["10:00-14:00"]}


def test_an_interval_is_added_and_the_focus_is_in_it_with_nothing_saved_or_judged(office, address, queue, opened):
    opened(MONDAY, 8, 12)
    page = press(office, address, office.get(address), "add 0", unit="")
    assert "Detta fält måste fyllas i." not in text_of(page)
    row = first_row(page, MONDAY, 1)
    html = page.content.decode()
    [field] = [part for part in html.split("<input") if f'id="id_telephone_hours-{row}-opens"' in part.split(">")[0]]
    assert "autofocus" in field.split(">")[0]
    assert 'aria-label="Måndag 2: öppnar"' in html
    assert stored(queue) == ["Måndag 08.00–12.00"]
    hours = {f"telephone_hours-{row}-opens": "13:00", f"telephone_hours-{row}-closes": "16:00"}
    assert office.post(address, shown(page) | hours | {"unit": queue.unit}).status_code == 302
    assert stored(queue) == ["Måndag 08.00–12.00", "Måndag 13.00–16.00"]


def test_an_interval_is_removed_when_the_page_is_saved(office, address, queue, opened):
    opened(MONDAY, 8, 12, 13, 16)
    opened(TUESDAY, 8, 12)
    page = office.get(address)
    page = press(office, address, page, f"remove {first_row(page, MONDAY)}")
    page = press(office, address, page, f"remove {first_row(page, TUESDAY)}")
    assert week(page) == {MONDAY: ["13:00-16:00"]}
    assert "Telefontiden tas bort när du sparar." in text_of(page)
    assert len(stored(queue)) == 3
    assert office.post(address, shown(page)).status_code == 302
    assert stored(queue) == ["Måndag 13.00–16.00"]


def test_a_day_is_copied_to_all_weekdays_and_no_other(office, address, queue, opened):
    opened(MONDAY, 8, 12, 13, 16)
    opened(TUESDAY, 9, 10)
    opened(FRIDAY, 8, 9, 10, 11, 12, 13)
    opened(SATURDAY, 10, 14)
    page = press(office, address, office.get(address), "copy 0")
    as_monday = ["08:00-12:00", "13:00-16:00"]
    assert week(page) == {**dict.fromkeys(range(5), as_monday), SATURDAY: ["10:00-14:00"]}
    assert "Måndag är kopierad till alla vardagar. Det gäller när du har sparat." in text_of(page)
    assert len(stored(queue)) == 7
    assert office.post(address, shown(page)).status_code == 302
    assert week(office.get(address)) == {**dict.fromkeys(range(5), as_monday), SATURDAY: ["10:00-14:00"]}


def test_what_is_typed_and_not_saved_is_copied_too_and_the_rest_of_the_page_is_kept(office, address):
    page = office.get(address)
    row = f"telephone_hours-{first_row(page, TUESDAY)}"
    typed = {f"{row}-opens": "07:30", f"{row}-closes": "11:00", "unit": "VC Tallen", "closed_days-0-reason": "Städning"}
    page = press(office, address, page, "copy 1", **typed)
    assert week(page) == {day: ["07:30-11:00"] for day in range(5)}
    assert (shown(page)["unit"], shown(page)["closed_days-0-reason"]) == ("VC Tallen", "Städning")


def test_a_new_queue_is_made_with_a_copied_week(office, care_provider):
    page = office.get(ADD)
    row = f"telephone_hours-{first_row(page, MONDAY)}"
    page = press(office, ADD, page, "copy 0", **{f"{row}-opens": "08:00", f"{row}-closes": "16:00"})
    made = shown(page) | {"care_provider": care_provider.pk, "unit": "VC Tallen", "name": "Rådgivning"}
    assert office.post(ADD, made).status_code == 302
    assert len(stored(Queue.objects.get(unit="VC Tallen"))) == 5


@pytest.mark.parametrize("what", ["", "add", "add 7", "copy 5", "remove 99999999999", "remove 400", "paint 1"])
def test_a_press_that_there_is_not_saves_as_spara_does(what, office, address, queue):
    """Nobody sees such a button. The form is judged as it stands."""
    response = office.post(address, shown(office.get(address)) | {"week": what})
    assert response.status_code == 302
    assert stored(queue) == []


def test_what_another_has_changed_meanwhile_stands_after_a_press_too(office, address, queue, opened):
    """Promise 11: the page says what it was shown with also when it has come back from a press."""
    opened(MONDAY, 8, 12)
    page = press(office, address, office.get(address), "add 0", unit="VC Tallen")
    queue.telephone_hours.update(closes=time(15))
    Queue.objects.filter(pk=queue.pk).update(slot_minutes=20)
    assert office.post(address, shown(page)).status_code == 302
    queue.refresh_from_db()
    assert (queue.unit, queue.slot_minutes, stored(queue)) == ("VC Tallen", 20, ["Måndag 08.00–15.00"])


def test_hours_that_both_changed_stop_the_save_and_show_both_at_the_day(office, address, queue, opened):
    opened(MONDAY, 8, 12)
    page = press(office, address, office.get(address), "add 1")
    queue.telephone_hours.update(closes=time(15))
    response = office.post(address, shown(page) | {"telephone_hours-0-closes": "13:00"})
    assert response.status_code == 409
    assert "Ändrat av någon annan" in text_of(response)
    assert stored(queue) == ["Måndag 08.00–15.00"]


def test_hours_that_another_has_added_meanwhile_are_not_overlapped(office, address, queue, opened):
    page = office.get(address)
    opened(MONDAY, 8, 12)
    row = f"telephone_hours-{first_row(page, MONDAY)}"
    response = office.post(address, shown(page) | {f"{row}-opens": "07:00", f"{row}-closes": "09:00"})
    assert "Någon annan har lagt till Måndag 08.00–12.00, som överlappar." in text_of(response)
    assert stored(queue) == ["Måndag 08.00–12.00"]


def test_hours_that_another_has_removed_meanwhile_are_told_of_at_the_day(office, address, queue, opened):
    opened(MONDAY, 8, 12)
    page = office.get(address)
    queue.telephone_hours.all().delete()
    response = office.post(address, shown(page) | {"telephone_hours-0-closes": "13:00"})
    assert "Någon annan har tagit bort telefontiden." in text_of(response)
    assert stored(queue) == []


def test_half_an_interval_is_told_of_at_its_day(office, address):
    page = office.get(address)
    row = first_row(page, MONDAY)
    response = office.post(address, shown(page) | {f"telephone_hours-{row}-opens": "08:00"})
    html = response.content.decode()
    monday = html[html.index('id="day-0"') : html.index('id="day-1"')]
    assert "Skriv när telefontiden stänger." in monday
    assert f'aria-describedby="id_telephone_hours-{row}-closes_error"' in monday


def test_the_coming_years_holidays_are_told_by_name(office, address):
    text = text_of(office.get(address))
    for name in ("Midsommarafton", "Julafton", "Nyårsafton", "Långfredagen"):
        assert name in text
    assert str(timezone.localdate().year) in text
