"""What is left of a call: in the case's history, the access log, the extract, a removal, retention, the statistics."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from access.models import AccessEntry
from administration.patient_data import removal
from administration.patient_data.extract import extract
from administration.patient_data.stored import Patient
from administration.retention import remove_batch
from administration.statistics import phone_menu
from administration.statistics.tables import Period
from cases.models import Case
from local.servers import RETENTION
from telephony.models import Call, Choice, Menu, SpokenFile
from teleq.models import Queue
from teleq.swedish import clock
from tests.conftest import MOBILE
from tests.database_roles import acting_as, past_the_triggers

pytestmark = pytest.mark.django_db


@pytest.fixture
def menu(number, announce, queue) -> Menu:
    menu = Menu.objects.create(care_provider=number.care_provider, name="Huvudmeny")
    Choice.objects.create(of_menu=menu, key=1, words=announce("För rådgivning, tryck 1."), queue=queue)
    number.queue, number.menu = None, menu
    number.save()
    return menu


def today() -> Period:
    return Period(timezone.localdate(), timezone.localdate())


def figures(queue: Queue) -> dict[str, dict[str, int]]:
    return {table.key: {row[0]: row[1] for row in table.rows} for table in phone_menu.of_queues([queue.pk], today())}


# The case ------------------------------------------------------------------------------------------------------------


def test_the_case_tells_how_it_came_and_what_was_chosen(menu, caller, desk):
    call = caller().press("1").press("2").press("0701740606#").press("1").press("1")
    page = desk.case(Case.objects.get()).text
    at = clock(call.row.started_at)
    assert (
        f"Patienten ringde {at} och bokade. Val i menyn: För rådgivning, tryck 1."
        " Telefonnumret slogs in i samtalet och lästes upp."
    ) in page
    assert "Telefonmenyn" in page


def test_it_tells_of_a_move_and_of_a_cancellation(caller, desk):
    caller().press("1").hang_up()
    moved = caller().press("1").press("1").hang_up()
    caller().press("2").press("1").hang_up()
    page = desk.case(Case.objects.get()).text
    assert f"Patienten ringde {clock(moved.row.started_at)} och ändrade tiden." in page
    assert "och avbokade." in page


def test_an_answer_by_key_is_told_as_the_patients_own(care_provider, caller, desk):
    care_provider.consent_by_phone = True
    care_provider.save()
    caller().press("1").press("1")
    page = desk.case(Case.objects.get()).text
    assert "Samtycke till SMS ändrat från Ej valt till Ja." in page
    assert "Patienten, i telefonmenyn" in page


# The access log ------------------------------------------------------------------------------------------------------


def looks() -> list[tuple[str, str]]:
    return [(entry.act, entry.phone_number) for entry in AccessEntry.objects.order_by("id")]


def test_a_booking_a_told_time_a_move_and_a_cancellation_are_looks_on_record(caller):
    caller().press("1").hang_up()
    assert looks() == [("phone", MOBILE)]
    caller().press("1").press("1").hang_up()
    assert looks() == [("phone", MOBILE)] * 3
    caller().press("2").press("1").hang_up()
    assert looks() == [("phone", MOBILE)] * 5
    assert AccessEntry.objects.first().who == "Den som ringde, genom telefonmenyn"


# GDPR ----------------------------------------------------------------------------------------------------------------


def section(number: str, by, title: str = "Samtal till telefonmenyn"):
    return next(each for each in extract(Patient(number=number), Queue.objects.all(), by=by) if each.title == title)


def test_the_extract_has_the_patients_calls_and_no_others(caller, administrator):
    caller().press("1").hang_up()
    caller(calls_from="+46701740690").hang_up()
    [row] = section(MOBILE, administrator).rows
    assert row[1:5] == ("070-174 06 05", "08-465 004 50", "VC Spindeln Rådgivning", "Bokade")


def test_the_extract_has_the_call_in_which_an_answer_was_given(care_provider, caller, administrator):
    care_provider.consent_by_phone = True
    care_provider.save()
    caller().press("1").press("2")
    [row] = section(MOBILE, administrator, "Samtycke till SMS").rows
    assert (row[2], row[5], row[6]) == ("Nej", "Telefon, knappval", "Patienten")


def test_a_removal_takes_the_calls_that_are_over(caller, administrator):
    caller().hang_up()
    caller(calls_from="+46701740690").hang_up()
    items = removal.remove(Patient(number=MOBILE), Queue.objects.all(), by=administrator)
    assert [(item.what, item.count) for item in items if "Samtal" in str(item.what)] == [
        ("Samtal till telefonmenyn", 1)
    ]
    assert list(Call.objects.values_list("from_number", flat=True)) == ["+46701740690"]


def test_retention_removes_calls_after_ninety_days_and_none_before(caller):
    old, new = caller().hang_up(), caller().hang_up()
    with past_the_triggers():
        Call.objects.filter(pk=old.row.pk).update(started_at=timezone.now() - timedelta(days=91))
        Call.objects.filter(pk=new.row.pk).update(started_at=timezone.now() - timedelta(days=89))
    with acting_as(RETENTION):
        assert remove_batch("calls") == 1
    assert Call.objects.get() == new.row


def test_no_digits_of_the_patients_stay_when_the_call_is_over(caller):
    call = caller().press("2").press("0701740606#")
    assert SpokenFile.objects.filter(call_id=call.row.pk).exists()
    call.hang_up()
    assert not SpokenFile.objects.filter(call_id=call.row.pk).exists()


def test_the_log_holds_no_number_and_no_personnummer(caller, logged):
    caller().press("2").press("0701740606#").press("1").press("1").hang_up()
    assert "70174" not in logged.getvalue()


# Statistics ----------------------------------------------------------------------------------------------------------


def test_the_statistics_tell_how_calls_ended_and_where_they_were_given_up(caller, queue):
    caller().press("1").hang_up()
    caller(calls_from="+46701740690").hang_up()
    caller(calls_from="+46701740691").press("3").hang_up()
    caller(calls_from="+46701740692").press("7").press("7").press("7").hang_up()
    shown = figures(queue)
    assert shown["samtal"] == {"Bokade": 1, "Lade på": 2, "Fel knapp eller ingen knapp": 1}
    assert shown["avbrutna-samtal"] == {"Erbjuden tid": 2, "Andra tider": 1}


def test_a_full_day_and_a_closed_one_are_counted(caller, number, queue):
    queue.telephone_hours.all().delete()
    caller().hang_up()
    local = timezone.localtime()
    number.hours.create(weekday=(local.weekday() + 1) % 7, opens="00:00", closes="23:59")
    caller().hang_up()
    shown = figures(queue)["samtal"]
    assert shown["Fick ingen tid"] == 1
    assert shown.get("Ringde utanför öppettiderna", 0) + shown.get("Ringde en stängd dag", 0) == 1


def test_another_care_providers_calls_are_not_counted(caller, other_queue):
    caller().hang_up()
    assert figures(other_queue) == {}


def test_the_page_shows_them(caller, queue, office):
    caller().press("1").hang_up()
    assert "Samtal till telefonmenyn" in office.get("/admin/statistics/").content.decode()
