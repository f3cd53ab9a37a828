"""What the telephone system does becomes a case, is moved and is cancelled; and who comes at the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from cases import acts, callbacks
from cases.models import Case, Slot, Status
from consent.models import Answer as ConsentAnswer
from consent.models import Consent
from intake import booking
from intake.models import IntakeCall
from sms.models import Kind
from sms.states import State
from teleq.changes import Change
from teleq.models import OutgoingSms
from tests.cases.desk import OTHER_MOBILE, messages_of
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.database_roles import as_owner
from tests.intake.telephone_system import at, at_once, divide, keep_open

CHILD, OTHER_CHILD = "201505054385", "201707079289"
CLOSED = "Ärendet är avslutat."
BY_STAFF = "Ärendet är inte bokat genom telefonsystemet. Det ändras av vårdenheten."
IN_WORK = "En medarbetare har ärendet just nu. Det ändras av vårdenheten."
SAME_CALL = "Samtalet har redan bokat en återuppringning, med andra uppgifter."
FULL = "Tiden går inte att boka: alla platser är tagna."
at_the_same_moment = pytest.mark.django_db(transaction=True)


@pytest.fixture
def eight(day):
    return at(day, "08:00")


@pytest.fixture
def nine(day):
    return at(day, "09:00")


def kinds(case) -> list[str]:
    return [event.kind for event in case.events.order_by("id")]


def booked_times() -> list:
    return list(Case.objects.open().order_by("callback_at").values_list("callback_at", flat=True))


# Booked --------------------------------------------------------------------------------------------------------------


def test_a_booking_becomes_a_case_with_what_was_said(open_queue, eight, telephones):
    answer = telephones.book(
        open_queue,
        eight,
        phone_number="0701740606",
        a_number="08-465 004 00",
        personal_identity_number="19121212-1212",
        name=" Berit Testsson ",
        reason=" Recept ",
        interpreter_language=" arabiska ",
        speak_with=" läkare ",
    )
    case = Case.objects.get()
    assert answer.status == 201
    assert answer.body == {
        "id": case.pk,
        "queue": open_queue.pk,
        "callback_at": eight.isoformat(),  # by the clock in Stockholm
        "state": "waiting",
        "a_number": "taken",
    }
    assert (case.queue, case.callback_at, case.status) == (open_queue, eight, Status.WAITING)
    assert (case.phone_number.as_e164, case.a_number.as_e164) == (OTHER_MOBILE, "+46846500400")
    assert (case.personal_identity_number, case.name, case.reason) == ("191212121212", "Berit Testsson", "Recept")
    assert (case.interpreter_language, case.speak_with) == ("arabiska", "läkare")


def test_it_stands_in_the_nurses_work_list_and_says_who_booked(open_queue, eight, telephones, desk):
    needs = {"interpreter_language": "teckenspråk", "speak_with": "läkare"}
    callback = telephones.book(open_queue, eight, name="Berit Testsson", **needs).body["id"]
    [row] = desk.work_list().rows
    assert "Berit Testsson" in row
    assert "08.00" in row
    assert "Tolk: teckenspråk · Önskar tala med: läkare" in row
    assert "Patienten bokade återuppringning. Telefonsystemet" in desk.case(Case.objects.get(pk=callback)).text


def test_what_the_patient_moved_and_cancelled_is_told_as_such(open_queue, eight, nine, telephones, desk):
    callback = telephones.book(open_queue, eight).body["id"]
    telephones.move(callback, nine)
    telephones.cancel(callback)
    text = desk.case(Case.objects.get(pk=callback)).text
    assert "Patienten ändrade tiden." in text
    assert "Patienten avbokade. Telefonsystemet" in text


def test_its_state_is_what_the_nurse_sees(open_queue, eight, telephones, desk):
    callback = telephones.book(open_queue, eight).body["id"]
    page, states = desk.case(Case.objects.get(pk=callback)), []
    for button in ("Ta ärendet", "Inget svar", "Ej nådd"):
        states.append(telephones.read(callback).body["state"])
        page = page.press(button)
    states.append(telephones.read(callback).body["state"])
    assert states == ["waiting", "ongoing", "no_answer", "done"]


# The same call -------------------------------------------------------------------------------------------------------


SAID = {
    "phone_number": MOBILE,
    "a_number": "08-465 004 00",
    "personal_identity_number": CHILD,
    "name": "Alma",
    "reason": "Feber",
    "interpreter_language": "somaliska",
}


def test_the_same_call_twice_is_the_same_callback(open_queue, eight, telephones):
    first = telephones.book(open_queue, eight, call_id="a", **SAID)
    before = Case.objects.values().get()
    again = telephones.book(open_queue, eight, call_id="a", **SAID | {"phone_number": "+46 (0)70-174 06 05"})
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert Case.objects.values().get() == before
    assert kinds(Case.objects.get()) == ["created"]


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"phone_number": OTHER_MOBILE}, ["phone_number"]),
        ({"a_number": None}, ["a_number"]),
        ({"personal_identity_number": OTHER_CHILD}, ["personal_identity_number"]),
        ({"personal_identity_number": None}, ["personal_identity_number"]),
        ({"name": "Bo", "reason": "Hosta"}, ["name", "reason"]),
        ({"interpreter_language": "arabiska", "speak_with": "läkare"}, ["interpreter_language", "speak_with"]),
    ],
)
def test_the_same_call_about_something_else_is_told_what_differs(other, differs, open_queue, eight, telephones):
    telephones.book(open_queue, eight, call_id="a", **SAID)
    before = Case.objects.values().get()
    again = telephones.book(open_queue, eight, call_id="a", **SAID | other)
    assert (again.status, again.body) == (409, {"detail": SAME_CALL, "free_times": [], "differs": differs})
    assert Case.objects.values().get() == before


def test_the_same_call_in_another_queue_or_at_another_time_too(open_queue, plain_queue, eight, nine, telephones):
    keep_open(plain_queue)
    telephones.book(open_queue, eight, call_id="a")
    assert telephones.book(plain_queue, eight, call_id="a").body["differs"] == ["queue"]
    assert telephones.book(open_queue, nine, call_id="a").body["differs"] == ["callback_at"]
    assert booked_times() == [eight]


def test_the_same_call_is_answered_whatever_staff_have_done_to_the_case_since(
    open_queue, eight, nine, telephones, nurse
):
    callback = telephones.book(open_queue, eight, call_id="a", **SAID).body["id"]
    case = Case.objects.get()
    after = {"name": "Alma Testsson", "callback_at": nine, "personal_identity_number": OTHER_CHILD}
    callbacks.save_details(case, {name: Change(getattr(case, name), to) for name, to in after.items()}, by=nurse)
    callbacks.change_number(case, OTHER_MOBILE, shown=MOBILE, by=nurse)
    acts.take(case, by=nurse)
    again = telephones.book(open_queue, eight, call_id="a", **SAID)
    assert (again.status, again.body["id"], again.body["callback_at"]) == (200, callback, nine.isoformat())


def test_of_a_call_no_second_copy_of_what_the_patient_said_is_kept(open_queue, eight, telephones):
    telephones.book(open_queue, eight, call_id="a", **SAID)
    kept = str(IntakeCall.objects.values().get())
    assert [said for said in (MOBILE, "+46846500400", CHILD, "Alma", "Feber") if said in kept] == []


def test_the_same_call_is_answered_when_its_own_booking_took_the_last_place(open_queue, eight, telephones):
    assert [telephones.book(open_queue, eight, call_id="a").status for _ in range(2)] == [201, 200]


def test_a_call_whose_callback_is_closed_books_no_other(open_queue, eight, telephones):
    callback = telephones.book(open_queue, eight, call_id="a").body["id"]
    telephones.cancel(callback)
    again = telephones.book(open_queue, eight, call_id="a")
    assert (again.status, again.body["id"], again.body["state"]) == (200, callback, "cancelled")


def test_a_call_that_found_the_time_taken_can_book_another(open_queue, eight, nine, telephones, book):
    book(callback_at=eight, phone_number=OTHER_MOBILE)
    assert telephones.book(open_queue, eight, call_id="a").status == 409
    assert not IntakeCall.objects.exists()
    assert telephones.book(open_queue, nine, call_id="a").status == 201


def test_two_care_providers_calls_may_have_the_same_id(open_queue, other_queue, eight, telephones, other_telephones):
    keep_open(other_queue)
    assert telephones.book(open_queue, eight, call_id="a").status == 201
    assert other_telephones.book(other_queue, eight, call_id="a").status == 201
    assert Case.objects.count() == 2


@at_the_same_moment
@pytest.mark.parametrize(("second", "statuses"), [(MOBILE, [200, 201]), (OTHER_MOBILE, [201, 409])])
def test_the_same_call_twice_at_the_same_moment_is_one_callback(second, statuses, open_queue, eight, telephones):
    answers = at_once(
        open_queue,
        [eight],
        *[
            lambda number=number: telephones.book(open_queue, eight, call_id="a", phone_number=number)
            for number in (MOBILE, second)
        ],
    )
    assert sorted(answer.status for answer in answers) == statuses
    assert kinds(Case.objects.get()) == ["created"]


@at_the_same_moment
def test_a_call_takes_over_when_the_same_one_found_no_place(open_queue, eight, nine, telephones):
    with transaction.atomic():
        IntakeCall.objects.create(care_provider=open_queue.care_provider, call_id="a")
        again = in_another_connection(lambda: telephones.book(open_queue, nine, call_id="a"))
        wait_until_a_connection_waits_for_a_lock()
        transaction.set_rollback(True)
    assert again.result(20).status == 201


# The same number -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", [None, CHILD])
def test_a_second_booking_of_the_number_moves_the_open_one(identity, open_queue, eight, nine, telephones):
    first = telephones.book(open_queue, eight, personal_identity_number=identity)
    second = telephones.book(open_queue, nine, personal_identity_number=identity, a_number="+46 (0)70-174 06 05")
    assert (first.status, second.status) == (201, 200)
    assert second.body == first.body | {"callback_at": second.body["callback_at"]}
    case = Case.objects.get()
    assert (case.callback_at, case.booking, kinds(case)) == (nine, 2, ["created", "moved"])


@pytest.mark.parametrize(("first", "second"), [(CHILD, OTHER_CHILD), (None, CHILD), (CHILD, None)])
def test_of_another_person_it_is_a_second_case(first, second, open_queue, eight, nine, telephones, desk):
    answers = [
        telephones.book(open_queue, time, personal_identity_number=identity)
        for time, identity in ((eight, first), (nine, second))
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert booked_times() == [eight, nine]
    for case in Case.objects.all():
        assert "Fler ärenden på samma nummer" in desk.case(case).text


@pytest.mark.parametrize(
    ("first", "second"), [("Alma", "Bo"), ("Alma Testsson", "Alma"), ("Åsa", "Asa"), ("Alma", "Alma & Bo")]
)
def test_of_two_names_without_a_personnummer_it_is_a_second_case(first, second, open_queue, eight, nine, telephones):
    answers = [telephones.book(open_queue, time, name=name) for time, name in ((eight, first), (nine, second))]
    assert [answer.status for answer in answers] == [201, 201]
    assert booked_times() == [eight, nine]


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ("Alma Testsson", " alma   TESTSSON", "Alma Testsson"),
        ("Åsa", "A\u030asa", "Åsa"),
        ("", "Alma", "Alma"),
        ("Alma", "", "Alma"),
        ("", "", ""),
    ],
)
def test_of_one_name_however_written_or_left_out_it_is_moved(first, second, name, open_queue, eight, nine, telephones):
    answers = [telephones.book(open_queue, time, name=said) for time, said in ((eight, first), (nine, second))]
    assert [answer.status for answer in answers] == [201, 200]
    assert (booked_times(), Case.objects.get().name) == ([nine], name)


def test_of_several_on_the_number_it_is_the_one_with_the_name(open_queue, eight, nine, day, telephones):
    for name in ("Alma", "Bo"):
        telephones.book(open_queue, eight if name == "Alma" else nine, name=name)
    assert telephones.book(open_queue, at(day, "10:00"), name="bo").status == 200
    assert dict(Case.objects.values_list("name", "callback_at")) == {"Alma": eight, "Bo": at(day, "10:00")}


def test_of_several_on_the_number_and_no_name_it_is_none_of_them(open_queue, eight, nine, day, telephones):
    for name in ("Alma", "Bo"):
        telephones.book(open_queue, eight if name == "Alma" else nine, name=name)
    assert telephones.book(open_queue, at(day, "10:00")).status == 201
    assert booked_times() == [eight, nine, at(day, "10:00")]


def test_with_one_personnummer_two_names_are_one_person(open_queue, eight, nine, telephones, desk):
    for time, name in ((eight, "Alma"), (nine, "Alma Testsson")):
        telephones.book(open_queue, time, personal_identity_number=CHILD, name=name)
    case = Case.objects.get()
    assert (case.name, case.callback_at) == ("Alma", nine)
    assert "Patienten lämnade fler uppgifter. Uppgav namnet ”Alma Testsson”." in desk.case(case).text


# What the patient said -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("Yrsel", "Bröstsmärta", "Yrsel; Bröstsmärta"),
        ("", "Bröstsmärta", "Bröstsmärta"),
        ("Yrsel", "", "Yrsel"),
        ("Yrsel", " yrsel ", "Yrsel"),
        ("Y" * 100, "B" * 98, "Y" * 100 + "; " + "B" * 98),
    ],
)
def test_a_move_keeps_the_newer_reason_beside_the_older(first, second, kept, open_queue, eight, nine, telephones):
    telephones.book(open_queue, eight, reason=first)
    telephones.book(open_queue, nine, reason=second)
    assert Case.objects.get().reason == kept


def test_what_a_patient_needs_stays_as_it_was_put_right_beside_what_they_say_later(
    open_queue, eight, nine, telephones, desk
):
    telephones.book(open_queue, eight, interpreter_language="kurdiska", speak_with="läkare")
    Case.objects.update(interpreter_language="kurdiska (sorani)")
    telephones.book(open_queue, nine, interpreter_language="arabiska", speak_with="Läkare")
    case = Case.objects.get()
    assert (case.interpreter_language, case.speak_with) == ("kurdiska (sorani); arabiska", "läkare")
    told = "Behov av tolk från ”kurdiska (sorani)” till ”kurdiska (sorani); arabiska”."
    assert f"Patienten lämnade fler uppgifter. {told}" in desk.case(case).text


def test_a_need_that_is_not_told_again_is_not_taken_away(open_queue, eight, nine, telephones):
    telephones.book(open_queue, eight, interpreter_language="arabiska")
    telephones.book(open_queue, nine)
    assert Case.objects.get().interpreter_language == "arabiska"


def test_said_again_a_reason_is_not_written_again(open_queue, day, telephones):
    for clock, reason in (("08:00", "Yrsel"), ("09:00", "Feber"), ("10:00", "yrsel"), ("11:00", "Feber")):
        telephones.book(open_queue, at(day, clock), reason=reason)
    assert Case.objects.get().reason == "Yrsel; Feber"


def test_where_both_have_no_room_the_older_is_in_the_history(open_queue, eight, nine, telephones, desk):
    telephones.book(open_queue, eight, reason="Y" * 200)
    telephones.book(open_queue, nine, reason="B" * 99)
    case = Case.objects.get()
    assert case.reason == "B" * 99
    assert f"Kontaktorsak från ”{'Y' * 200}” till ”{'B' * 99}”." in desk.case(case).text


def test_what_was_said_is_kept_though_the_time_is_the_same(open_queue, eight, telephones):
    telephones.book(open_queue, eight, reason="Yrsel")
    telephones.book(open_queue, eight, reason="Feber", name="Alma")
    case = Case.objects.get()
    assert (case.reason, case.name, kinds(case)) == ("Yrsel; Feber", "Alma", ["created", "details_changed"])


def test_the_a_number_is_the_latest_calls_and_the_one_before_is_in_the_history(open_queue, day, telephones, desk):
    for clock, a_number in (("08:00", None), ("09:00", "08-465 004 00"), ("10:00", OTHER_MOBILE), ("11:00", None)):
        telephones.book(open_queue, at(day, clock), phone_number=MOBILE, a_number=a_number)
    case = Case.objects.get()
    assert case.a_number == OTHER_MOBILE
    assert "A-nummer från 08-465 004 00 till 070-174 06 06" in desk.case(case).text


def test_a_time_that_is_taken_leaves_what_was_said_unchanged(open_queue, eight, nine, telephones, book):
    book(callback_at=nine, phone_number=OTHER_MOBILE)
    telephones.book(open_queue, eight, reason="Yrsel")
    assert telephones.book(open_queue, nine, reason="Feber").status == 409
    assert Case.objects.get(phone_number=MOBILE).reason == "Yrsel"


# Whose it is ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def made_by_nurse(open_queue, eight, nurse):
    return callbacks.create(Case(queue=open_queue, phone_number=MOBILE, callback_at=eight), by=nurse)


def test_what_a_nurse_made_is_neither_moved_nor_cancelled(made_by_nurse, eight, nine, telephones):
    for refused in (telephones.move(made_by_nurse.pk, nine), telephones.cancel(made_by_nurse.pk)):
        assert (refused.status, refused.body["detail"]) == (409, BY_STAFF)
    made_by_nurse.refresh_from_db()
    assert (made_by_nurse.callback_at, made_by_nurse.status, kinds(made_by_nurse)) == (eight, "waiting", ["created"])


def test_a_booking_beside_it_is_a_second_case(made_by_nurse, open_queue, eight, nine, telephones, desk):
    assert telephones.book(open_queue, nine).status == 201
    assert booked_times() == [eight, nine]
    assert "Fler ärenden på samma nummer" in desk.case(made_by_nurse).text


def test_what_somebody_works_on_is_neither_moved_nor_cancelled(open_queue, eight, nine, telephones, nurse):
    callback = telephones.book(open_queue, eight).body["id"]
    acts.take(Case.objects.get(), by=nurse)
    for refused in (telephones.move(callback, nine), telephones.cancel(callback)):
        assert (refused.status, refused.body["detail"]) == (409, IN_WORK)
    assert telephones.book(open_queue, nine).status == 201
    assert booked_times() == [eight, nine]


def test_what_reached_nobody_and_nobody_has_can_be_moved_and_cancelled(open_queue, eight, nine, telephones, nurse):
    callback = telephones.book(open_queue, eight).body["id"]
    acts.record_attempt(Case.objects.get(), reached=False, by=nurse)
    assert telephones.book(open_queue, nine).body["id"] == callback
    assert [telephones.move(callback, eight).status, telephones.cancel(callback).status] == [200, 200]


@at_the_same_moment
@pytest.mark.parametrize("act", ["move", "cancel", "book"])
def test_what_is_being_taken_is_waited_for_and_then_left(act, open_queue, eight, nine, telephones, nurse):
    callback = telephones.book(open_queue, eight).body["id"]
    asked = {
        "move": lambda: telephones.move(callback, nine),
        "cancel": lambda: telephones.cancel(callback),
        "book": lambda: telephones.book(open_queue, nine),
    }
    with transaction.atomic():
        acts.take(Case.objects.get(), by=nurse)
        answer = in_another_connection(asked[act])
        wait_until_a_connection_waits_for_a_lock()
    assert answer.result(20).status == (201 if act == "book" else 409)
    case = Case.objects.get(pk=callback)
    assert (case.callback_at, case.status) == (eight, "ongoing")


def test_in_another_queue_it_is_a_second_case(open_queue, plain_queue, eight, nine, telephones):
    keep_open(plain_queue)
    telephones.book(open_queue, eight)
    assert telephones.book(plain_queue, nine).status == 201
    assert booked_times() == [eight, nine]


@pytest.mark.parametrize("status", [Status.DONE, Status.CANCELLED])
def test_a_closed_case_is_never_moved(status, open_queue, eight, nine, telephones):
    telephones.book(open_queue, eight)
    closed = Case.objects.get()
    acts.close(closed, status, by=None)
    assert telephones.book(open_queue, nine).status == 201
    closed.refresh_from_db()
    assert (closed.callback_at, closed.status, closed.booking) == (eight, status, 1)


def test_the_call_that_moved_it_is_the_same_callback_from_then_on(open_queue, eight, nine, telephones):
    telephones.book(open_queue, eight, call_id="a")
    telephones.book(open_queue, nine, call_id="b")
    answers = [telephones.book(open_queue, time, call_id=call) for call, time in (("a", eight), ("b", nine))]
    assert {answer.body["id"] for answer in answers} == {Case.objects.get().pk}
    assert booked_times() == [nine]


def test_to_the_time_it_has_already_nothing_changes(open_queue, eight, telephones):
    telephones.book(open_queue, eight)
    assert telephones.book(open_queue, eight).status == 200
    assert kinds(Case.objects.get()) == ["created"]


@at_the_same_moment
def test_two_bookings_of_a_number_at_the_same_moment_are_one_case(open_queue, eight, nine, telephones):
    answers = at_once(
        open_queue,
        [eight, nine],
        *[lambda time=time: telephones.book(open_queue, time, call_id=time.isoformat()) for time in (eight, nine)],
    )
    assert sorted(answer.status for answer in answers) == [200, 201]
    assert answers[0].body["id"] == answers[1].body["id"] == Case.objects.get().pk
    assert kinds(Case.objects.get()) == ["created", "moved"]


@at_the_same_moment
def test_two_children_at_the_same_moment_are_two_cases(open_queue, eight, nine, telephones):
    answers = at_once(
        open_queue,
        [eight, nine],
        *[
            lambda time=time, child=child: telephones.book(
                open_queue, time, call_id=child, personal_identity_number=child
            )
            for time, child in ((eight, CHILD), (nine, OTHER_CHILD))
        ],
    )
    assert [answer.status for answer in answers] == [201, 201]
    assert booked_times() == [eight, nine]


@at_the_same_moment
def test_a_case_that_a_nurse_closes_meanwhile_is_not_moved(open_queue, eight, nine, telephones):
    telephones.book(open_queue, eight)
    closed = Case.objects.get()
    with transaction.atomic():
        acts.close(closed, Status.DONE, by=None)
        second = in_another_connection(lambda: telephones.book(open_queue, nine))
        wait_until_a_connection_waits_for_a_lock()
    assert second.result(20).status == 201
    closed.refresh_from_db()
    assert (closed.callback_at, closed.status) == (eight, Status.DONE)


# The last place ------------------------------------------------------------------------------------------------------


@at_the_same_moment
@pytest.mark.parametrize("places", [1, 2])
def test_of_two_who_book_the_last_place_exactly_one_gets_it(places, open_queue, eight, telephones, book):
    divide(open_queue, places=places)
    for taken in range(places - 1):
        book(callback_at=eight, phone_number=f"+467017406{10 + taken}")
    answers = at_once(
        open_queue,
        [eight],
        *[
            lambda number=number: telephones.book(open_queue, eight, call_id=number, phone_number=number)
            for number in (MOBILE, OTHER_MOBILE)
        ],
    )
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert len(booked_times()) == places
    assert IntakeCall.objects.count() == 1


@at_the_same_moment
def test_a_time_that_nobody_booked_before_is_given_once_too(open_queue, eight, telephones):
    """There is no row of the slot yet: it is made by whoever comes first."""
    for round_ in range(10):
        time = eight + round_ * timedelta(minutes=15)
        bookings = [
            in_another_connection(
                lambda number=number, time=time, round_=round_: telephones.book(
                    open_queue, time, call_id=f"{round_}-{number}", phone_number=number
                )
            )
            for number in (f"+467017406{10 + round_}", f"+467017406{30 + round_}")
        ]
        assert sorted(future.result(20).status for future in bookings) == [201, 409]
    assert len(booked_times()) == 10


@at_the_same_moment
def test_who_moves_there_finds_it_taken_by_who_is_booking(open_queue, eight, nine, telephones):
    callback = telephones.book(open_queue, eight).body["id"]
    with transaction.atomic():
        booking.book(booking.Wanted(open_queue, "b", OTHER_MOBILE, None, "", nine))
        moved = in_another_connection(lambda: telephones.move(callback, nine))
        wait_until_a_connection_waits_for_a_lock()
    assert (moved.result(20).status, moved.result().body["detail"]) == (409, FULL)
    assert booked_times() == [eight, nine]


@at_the_same_moment
def test_who_books_it_finds_it_taken_by_who_is_moving_there(open_queue, eight, nine, telephones):
    telephones.book(open_queue, eight)
    with transaction.atomic():
        booking.move(Case.objects.get(), nine)
        booked = in_another_connection(lambda: telephones.book(open_queue, nine, phone_number=OTHER_MOBILE))
        wait_until_a_connection_waits_for_a_lock()
    assert (booked.result(20).status, booked.result().body["detail"]) == (409, FULL)
    assert booked_times() == [nine]


@at_the_same_moment
@pytest.mark.parametrize("act", ["move", "cancel"])
def test_who_books_waits_for_the_place_that_is_being_left(act, open_queue, eight, nine, telephones):
    telephones.book(open_queue, eight)
    case = Case.objects.get()
    with transaction.atomic():
        booking.cancel(case) if act == "cancel" else booking.move(case, nine)
        booked = in_another_connection(lambda: telephones.book(open_queue, eight, phone_number=OTHER_MOBILE))
        wait_until_a_connection_waits_for_a_lock()
    assert booked.result(20).status == 201


@at_the_same_moment
def test_moves_that_cross_do_not_wait_for_each_other_for_ever(open_queue, eight, nine, telephones):
    divide(open_queue, places=2)
    one, other = [
        telephones.book(open_queue, time, phone_number=number).body["id"]
        for time, number in ((eight, MOBILE), (nine, OTHER_MOBILE))
    ]
    for round_ in range(15):
        to_one, to_other = (nine, eight) if round_ % 2 == 0 else (eight, nine)
        moves = [
            in_another_connection(lambda callback=callback, to=to: telephones.move(callback, to))
            for callback, to in ((one, to_one), (other, to_other))
        ]
        assert [move.result(20).status for move in moves] == [200, 200]
        assert Case.objects.get(pk=one).callback_at == to_one
        assert Case.objects.get(pk=other).callback_at == to_other


# Moved ---------------------------------------------------------------------------------------------------------------


def test_moved_and_back_again_it_is_booked_anew_each_time(open_queue, eight, nine, telephones):
    callback = telephones.book(open_queue, eight).body["id"]
    assert [telephones.move(callback, to).status for to in (nine, eight)] == [200, 200]
    case = Case.objects.get()
    assert (case.callback_at, case.booking, kinds(case)) == (eight, 3, ["created", "moved", "moved"])
    assert at(timezone.localtime(nine).date(), "09:00") in telephones.free_times(
        open_queue, first=timezone.localtime(nine).date(), days=1
    )


def test_to_its_own_time_it_is_not_moved(open_queue, eight, telephones):
    callback = telephones.book(open_queue, eight).body["id"]
    before = telephones.read(callback)
    assert telephones.move(callback, eight) == before
    assert (Case.objects.get().booking, kinds(Case.objects.get())) == (1, ["created"])


def test_to_its_own_time_it_may_be_moved_though_the_queue_is_closed_by_now(open_queue, eight, telephones):
    callback = telephones.book(open_queue, eight).body["id"]
    open_queue.telephone_hours.all().delete()
    assert telephones.move(callback, eight).status == 200


def test_a_nurses_odd_minute_can_be_moved_to_the_beginning_of_its_own_slot(open_queue, day, telephones, book):
    case = book(callback_at=at(day, "08:07"))
    assert telephones.move(case.pk, at(day, "08:00")).status == 200


def test_from_outside_the_hours_it_can_be_moved_into_them(open_queue, day, eight, telephones, book):
    case = book(callback_at=at(day, "21:07"))
    assert telephones.move(case.pk, eight).status == 200


@pytest.mark.parametrize("status", [Status.DONE, Status.CANCELLED])
def test_a_closed_one_is_neither_moved_nor_cancelled(status, open_queue, eight, nine, telephones):
    callback = telephones.book(open_queue, eight).body["id"]
    acts.close(Case.objects.get(), status, by=None)
    events = kinds(Case.objects.get())
    moved, cancelled = telephones.move(callback, nine), telephones.cancel(callback)
    assert (moved.status, moved.body) == (409, {"detail": CLOSED, "free_times": [], "differs": []})
    assert (cancelled.status, cancelled.body["state"]) == (200, status)
    assert kinds(Case.objects.get()) == events
    assert not Slot.objects.filter(starts_at=nine).exists()


def test_cancelled_its_place_is_free(open_queue, eight, telephones):
    callback = telephones.book(open_queue, eight).body["id"]
    assert telephones.book(open_queue, eight, phone_number=OTHER_MOBILE).status == 409
    assert telephones.cancel(callback).body["state"] == "cancelled"
    assert telephones.book(open_queue, eight, phone_number=OTHER_MOBILE).status == 201


def test_cancelled_twice_it_is_cancelled_once(open_queue, eight, telephones):
    callback = telephones.book(open_queue, eight).body["id"]
    assert telephones.cancel(callback) == telephones.cancel(callback)
    assert kinds(Case.objects.get()) == ["created", "cancelled"]


def test_a_refused_move_leaves_it_where_it_was(open_queue, eight, nine, telephones, book):
    book(callback_at=nine, phone_number=OTHER_MOBILE)
    callback = telephones.book(open_queue, eight).body["id"]
    before = telephones.read(callback)
    assert telephones.move(callback, nine).status == 409
    assert telephones.read(callback) == before


# Not free ------------------------------------------------------------------------------------------------------------

OUTSIDE = "Tiden går inte att boka: kön har inte telefontid då."
BETWEEN = "Tiden går inte att boka: den är inte en av köns tider."


@pytest.mark.parametrize(
    ("clock", "reason"),
    [
        ("07:45", OUTSIDE),
        ("16:00", OUTSIDE),
        ("03:00", OUTSIDE),
        ("08:05", BETWEEN),
        ("08:15:01", BETWEEN),
        ("08:15:00.000001", BETWEEN),
    ],
)
def test_a_time_that_is_none_of_the_queues_is_answered_with_the_nearest(clock, reason, open_queue, day, telephones):
    answer = telephones.book(open_queue, at(day, clock))
    assert (answer.status, answer.body["detail"]) == (409, reason)
    assert len(answer.nearest) == 5
    assert not Case.objects.exists()


def test_the_nearest_are_five_at_the_most_in_order_and_without_those_taken(open_queue, day, telephones, book):
    for clock in ("10:00", "10:15", "09:30"):
        book(callback_at=at(day, clock), phone_number=OTHER_MOBILE)
    answer = telephones.book(open_queue, at(day, "10:00"))
    assert answer.nearest == [at(day, clock) for clock in ("09:00", "09:15", "09:45", "10:30", "10:45")]
    assert [free["places"] for free in answer.body["free_times"]] == [1] * 5


def test_each_of_the_nearest_can_be_booked(open_queue, day, telephones):
    nearest = telephones.book(open_queue, at(day, "07:00")).nearest
    numbers = [f"+467017406{10 + place}" for place in range(5)]
    answers = [telephones.book(open_queue, time, phone_number=to) for time, to in zip(nearest, numbers, strict=True)]
    assert [answer.status for answer in answers] == [201] * 5


def test_none_of_the_nearest_has_passed(open_queue, telephones):
    open_queue.telephone_hours.all().delete()
    keep_open(open_queue, "00:00", "23:59")
    soon = timezone.now().replace(second=30, microsecond=0) + timedelta(minutes=2)
    answer = telephones.book(open_queue, soon)
    assert answer.status == 409
    assert min(answer.nearest) > timezone.now()


def test_a_queue_without_hours_has_none_to_offer(plain_queue, eight, telephones):
    answer = telephones.book(plain_queue, eight)
    assert (answer.status, answer.body) == (409, {"detail": OUTSIDE, "free_times": [], "differs": []})


def test_where_few_are_left_few_are_offered(plain_queue, day, telephones):
    keep_open(plain_queue, "08:00", "08:30", [day.weekday()])
    answer = telephones.book(plain_queue, at(day, "12:00"))
    assert set(answer.nearest) >= {at(day, "08:00"), at(day, "08:15")}
    assert answer.nearest == sorted(answer.nearest)


# What is sent --------------------------------------------------------------------------------------------------------


def test_a_booking_is_confirmed_and_a_move_confirmed_anew(open_queue, eight, nine, telephones):
    OutgoingSms.objects.update(confirmation_on=True)
    callback = telephones.book(open_queue, eight).body["id"]
    telephones.move(callback, nine)
    messages = messages_of(Case.objects.get())
    assert [message.kind for message in messages] == [Kind.CONFIRMATION] * 2
    assert [message.state for message in messages] == [State.CANCELLED, State.QUEUED]


def test_booking_moving_and_cancelling_leave_the_answer_as_it_is(open_queue, eight, nine, telephones, say):
    said = say(ConsentAnswer.NO)
    callback = telephones.book(open_queue, eight).body["id"]
    telephones.book(open_queue, eight + timedelta(minutes=15), phone_number=OTHER_MOBILE)
    telephones.move(callback, nine)
    telephones.cancel(callback)
    assert [event.pgh_id for event in Consent.history()] == [said.event_id]


# The cost ------------------------------------------------------------------------------------------------------------


def test_booking_takes_as_many_queries_whatever_the_cases(
    open_queue, day, telephones, book, django_assert_max_num_queries
):
    divide(open_queue, places=100)
    telephones.get("/queues")  # its key's use is noted: once a minute

    def queries(clock: str) -> int:
        with django_assert_max_num_queries(44) as counted:  # among them its entry in the access log, and a savepoint
            assert telephones.book(open_queue, at(day, clock)).status in (200, 201)
        return len(counted)

    first, moved = queries("08:15"), queries("08:30")
    with as_owner():
        Case.objects.all().delete()
    for number in range(40):
        book(callback_at=at(day, "08:15") + timedelta(minutes=number), phone_number=f"+467017406{10 + number}")
    assert (queries("08:15"), queries("08:30")) == (first, moved)


def test_being_told_what_is_free_takes_as_many_queries_whatever_the_cases(
    open_queue, day, telephones, book, django_assert_max_num_queries
):
    telephones.get("/queues")  # its key's use is noted: once a minute

    def queries() -> int:
        with django_assert_max_num_queries(40) as counted:
            assert telephones.book(open_queue, at(day, "08:05")).status == 409
        return len(counted)

    few = queries()
    for number in range(40):
        book(callback_at=at(day, "08:15") + timedelta(minutes=number), phone_number=f"+467017406{10 + number}")
    assert queries() == few
