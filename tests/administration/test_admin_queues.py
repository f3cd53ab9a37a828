"""Köer: how to reach one, when it calls back, and how many at a time."""

from __future__ import annotations

from datetime import date, time

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from administration import queues
from administration.outgoing_sms import save_outgoing_sms
from cases.models import ClosedDay, TelephoneHours
from teleq.models import OutgoingSms, Queue, Role, User
from tests.administration.forms import errors, said, save, shown, text_of
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock

pytestmark = pytest.mark.django_db

ADD = "/admin/teleq/queue/add/"
HOURS, CLOSED = "telephone_hours", "closed_days"
MONDAY, TUESDAY = TelephoneHours.Weekday.MONDAY, TelephoneHours.Weekday.TUESDAY


@pytest.fixture
def address(queue: Queue) -> str:
    return f"/admin/teleq/queue/{queue.pk}/change/"


def rows(prefix: str, *new: dict[str, object]) -> dict[str, object]:
    """New rows, typed after the queue's own."""
    data: dict[str, object] = {f"{prefix}-TOTAL_FORMS": len(new)}
    for number, row in enumerate(new):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


def hours(weekday: int, opens: str, closes: str) -> dict[str, object]:
    return {"weekday": weekday, "opens": opens, "closes": closes}


def row_errors(response, prefix: str) -> list[dict[str, list[str]]]:
    [formset] = [
        each.formset for each in response.context["inline_admin_formsets"] if each.formset.prefix == prefix
    ]  # fmt: skip
    return [dict(each) for each in formset.errors]


# The queue -----------------------------------------------------------------------------------------------------------


def test_a_new_queue_comes_with_its_settings_and_its_maker_as_administrator(office, administrator, care_provider):
    post = {"care_provider": care_provider.pk, "unit": "VC Tallen", "name": "Rådgivning"}
    assert save(office, ADD, **post, **rows(HOURS, hours(MONDAY, "08:00", "12:00"))).status_code == 302
    made = Queue.objects.get(unit="VC Tallen")
    assert made.outgoing_sms.consent_required is False
    assert [(each.user, each.role) for each in made.memberships.all()] == [(administrator, Role.ADMINISTRATOR)]
    assert [str(each) for each in made.telephone_hours.all()] == ["Måndag 08.00–12.00"]


def test_whoever_has_one_care_provider_has_it_chosen(office, care_provider):
    assert office.get(ADD).context["adminform"].form["care_provider"].value() == care_provider.pk


def test_whoever_has_two_chooses(office, administrator, other_queue):
    other_queue.memberships.create(user=administrator, role=Role.ADMINISTRATOR)
    assert office.get(ADD).context["adminform"].form["care_provider"].value() is None


def test_a_queue_whose_membership_cannot_be_made_is_not_made_either(care_provider):
    with pytest.raises(ValueError, match="unsaved related object"):
        queues.create_queue(Queue(care_provider=care_provider, unit="VC Tallen", name="Ny"), User())
    assert not Queue.objects.filter(unit="VC Tallen").exists()


def test_two_queues_of_a_unit_do_not_share_a_name(office, address, plain_queue):
    response = save(office, address, name=plain_queue.name)
    assert errors(response, "__all__") == ["Vårdenheten har redan en kö med det namnet."]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("max_attempts", value) for value in ("0", "-1", "40000", "tre", "")),
        *(("slot_minutes", value) for value in ("4", "481", "-15", "15,5", "")),
        *(("slot_capacity", value) for value in ("0", "-1", "40000", "")),
    ],
)
def test_a_number_out_of_range_is_told_in_swedish_and_nothing_typed_is_lost(name, value, office, address, queue):
    response = save(office, address, unit="VC Tallen", **{name: value})
    [problem] = errors(response, name)
    assert problem.startswith(("Skriv ", "Det här måste fyllas i."))
    assert shown(response)[name] == value
    assert shown(response)["unit"] == "VC Tallen"


@pytest.mark.parametrize(("minutes", "places"), [(5, 1), (480, 30)])
def test_slots_are_as_long_as_and_hold_as_many_as_is_said(minutes, places, office, address, queue):
    assert save(office, address, slot_minutes=minutes, slot_capacity=places).status_code == 302
    queue.refresh_from_db()
    assert (queue.slot_minutes, queue.slot_capacity) == (minutes, places)


# The telephone number ------------------------------------------------------------------------------------------------


def test_a_queues_number_is_kept_in_one_form_and_shown_as_it_is_dialled(office, address, queue):
    save(office, address, phone_number="+46 8 465 004 01")
    queue.refresh_from_db()
    assert queue.phone_number.as_e164 == "+46846500401"
    assert shown(office.get(address))["phone_number"] == "08-465 004 01"


@pytest.mark.parametrize("typed", ["hej", "070", "08-465 004 01 02 03 04 05"])
def test_what_is_no_number_is_told_in_swedish(typed, office, address):
    response = save(office, address, phone_number=typed)
    assert errors(response, "phone_number") == ["Skriv ett giltigt telefonnummer, till exempel 070-174 06 05."]
    assert shown(response)["phone_number"] == typed


@pytest.mark.parametrize("name", ["confirmation_text", "reminder_text"])
def test_a_unit_is_not_named_so_that_its_texts_become_too_long_to_send(name, office, address, queue):
    OutgoingSms.objects.filter(queue=queue).update(**{name: "{enhet} " * 40})
    [problem] = errors(save(office, address, unit="V" * 100), "unit")
    assert problem == (
        "Det här står i en text i Utgående SMS, som då inte kan skickas."
        " Meddelandet är för långt: 4039 av 4131 tecken – 27 SMS. Högst 6 SMS får skickas."
    )
    assert save(office, address, unit="VC Tallen").status_code == 302


def test_a_foreign_number_is_shown_with_its_country_and_saved_untouched_is_the_same(
    office, address, queue, plain_queue
):
    Queue.objects.filter(pk=queue.pk).update(phone_number="+358401234567")
    assert "+358 40 1234567" in text_of(office.get("/admin/teleq/queue/"))
    assert save(office, address, max_attempts="4").status_code == 302
    queue.refresh_from_db()
    assert (queue.phone_number.as_e164, queue.max_attempts) == ("+358401234567", 4)


@pytest.mark.parametrize("name", ["confirmation_text", "reminder_text"])
def test_a_number_that_a_text_tells_stays(name, office, address, queue):
    Queue.objects.filter(pk=queue.pk).update(phone_number="+46846500401")
    OutgoingSms.objects.filter(queue=queue).update(**{name: "Ring {telefon}."})
    assert errors(save(office, address, phone_number=""), "phone_number") == [queues.NUMBER_IN_USE]
    assert save(office, address, phone_number="08-465 004 02").status_code == 302
    OutgoingSms.objects.filter(queue=queue).update(**{name: "Vi ringer."})
    assert save(office, address, phone_number="").status_code == 302
    queue.refresh_from_db()
    assert not queue.phone_number


@pytest.mark.django_db(transaction=True)
def test_a_text_that_begins_to_tell_the_number_while_it_is_being_removed_keeps_it(office, address, queue):
    Queue.objects.filter(pk=queue.pk).update(phone_number="+46846500401")
    form = shown(office.get(address)) | {"phone_number": ""}
    with transaction.atomic():
        queue.outgoing_sms.reminder_text = "Ring {telefon}."
        save_outgoing_sms(queue.outgoing_sms)
        post = in_another_connection(lambda: office.post(address, form))
        wait_until_a_connection_waits_for_a_lock()
    assert said(post.result(10)) == [queues.NUMBER_IN_USE]
    queue.refresh_from_db()
    assert queue.phone_number


# Telephone hours -----------------------------------------------------------------------------------------------------


def test_a_weekday_has_several_telephone_hours_that_may_touch(office, address, queue):
    new = [hours(MONDAY, "13:00", "16:00"), hours(MONDAY, "08:00", "12:00"), hours(MONDAY, "12:00", "13:00")]
    assert save(office, address, **rows(HOURS, *new, hours(TUESDAY, "08:00", "12:00"))).status_code == 302
    assert [str(each) for each in queue.telephone_hours.all()] == [
        "Måndag 08.00–12.00",
        "Måndag 12.00–13.00",
        "Måndag 13.00–16.00",
        "Tisdag 08.00–12.00",
    ]


@pytest.mark.parametrize(
    ("opens", "closes"),
    [("11:59", "13:00"), ("07:00", "08:01"), ("08:00", "12:00"), ("09:00", "10:00"), ("07:00", "13:00")],
)
def test_telephone_hours_that_overlap_others_of_the_same_day_are_refused_at_the_later_one(
    opens, closes, office, address, queue
):
    response = save(office, address, **rows(HOURS, hours(MONDAY, "08:00", "12:00"), hours(MONDAY, opens, closes)))
    problem = {"opens": ["Telefontiden överlappar en annan samma dag."]}
    assert row_errors(response, HOURS) == ([{}, problem] if opens >= "08:00" else [problem, {}])
    assert shown(response)["telephone_hours-1-opens"] == opens
    assert not queue.telephone_hours.exists()


def test_telephone_hours_are_moved_into_the_place_of_others_that_are_removed(office, address, queue):
    TelephoneHours.objects.create(queue=queue, weekday=MONDAY, opens=time(8), closes=time(12))
    page = shown(office.get(address))
    row = page | {
        "telephone_hours-1-weekday": MONDAY,
        "telephone_hours-1-opens": "09:00",
        "telephone_hours-1-closes": "13:00",
    }
    assert office.post(address, row).status_code == 200
    assert office.post(address, row | {"telephone_hours-0-DELETE": "on"}).status_code == 302
    assert [str(each) for each in queue.telephone_hours.all()] == ["Måndag 09.00–13.00"]


@pytest.mark.parametrize("closes", ["08:00", "07:59"])
def test_telephone_hours_close_after_they_open(closes, office, address, queue):
    response = save(office, address, **rows(HOURS, hours(MONDAY, "08:00", closes)))
    assert row_errors(response, HOURS) == [{"__all__": ["Telefontiden måste stänga efter att den har öppnat."]}]
    assert not queue.telephone_hours.exists()


def test_an_empty_row_is_no_telephone_hour(office, address, queue):
    assert save(office, address, unit="VC Tallen").status_code == 302
    assert not queue.telephone_hours.exists()
    assert not queue.closed_days.exists()


def test_whoever_saves_a_queue_without_telephone_hours_is_warned(office, address, queue):
    warning = f"{queue} har inga telefontider. Telefonsystemet kan inte boka någon tid."
    assert warning in said(save(office, address))
    assert warning not in said(save(office, address, **rows(HOURS, hours(MONDAY, "08:00", "12:00"))))


# Closed days ---------------------------------------------------------------------------------------------------------


def test_the_page_says_which_days_are_always_closed(office, address):
    text = text_of(office.get(address))
    assert "Helgdagar, midsommarafton, julafton och nyårsafton är alltid stängda." in text


def test_a_day_is_closed_and_opened_again(office, address, queue):
    save(office, address, **rows(CLOSED, {"day": "2026-11-27", "reason": "Planering"}))
    closed = queue.closed_days.get()
    assert (closed.day, closed.reason) == (date(2026, 11, 27), "Planering")
    assert save(office, address, **{"closed_days-0-DELETE": "on"}).status_code == 302
    assert not queue.closed_days.exists()


def test_a_day_is_closed_once(office, address, queue):
    ClosedDay.objects.create(queue=queue, day=date(2026, 11, 27))
    response = save(office, address, **{"closed_days-1-day": "2026-11-27"})
    assert response.status_code == 200
    assert queue.closed_days.count() == 1


def test_what_is_no_day_is_told_in_swedish(office, address):
    response = save(office, address, **rows(CLOSED, {"day": "i morgon", "reason": "Planering"}))
    assert row_errors(response, CLOSED) == [{"day": ["Skriv en dag, till exempel 2026-12-24."]}]
    assert shown(response)["closed_days-0-reason"] == "Planering"


# Cost ----------------------------------------------------------------------------------------------------------------


def test_the_page_costs_as_many_queries_with_many_rows_as_with_few(office, address, queue):
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            office.get(address)
        return len(queries)

    def fill(first: int, how_many: int) -> None:
        numbers = range(first, first + how_many)
        TelephoneHours.objects.bulk_create(
            TelephoneHours(queue=queue, weekday=number % 7, opens=time(8, number), closes=time(9, number))
            for number in numbers
        )
        ClosedDay.objects.bulk_create(
            ClosedDay(queue=queue, day=date.fromordinal(740000 + number)) for number in numbers
        )

    fill(0, 1)
    few = cost()
    fill(1, 40)
    assert cost() == few
