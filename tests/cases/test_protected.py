"""Skyddade personuppgifter: what a mark follows, what it stops, and who may make and end it."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction
from django.urls import reverse

from access.models import AccessEntry
from cases import acts, automatic_sms, callbacks, protected
from cases.models import Case, ProtectionMark, Status
from consent.models import Answer
from intake import booking
from sms.models import InboundSms, Kind, Message
from teleq.changes import Change, ChangedMeanwhile
from teleq.models import Membership, Queue, Role
from tests.cases.desk import OTHER_MOBILE, desk_of, messages_of
from tests.cases.protecting import PROTECTED, WHY, end, is_protected, mark
from tests.cases.reminding import WAITING, later, let_pass, outcomes, turn_on
from tests.conftest import MOBILE
from tests.intake.telephone_system import at

pytestmark = pytest.mark.django_db

PERSON, OTHER_PERSON = "191212121212", "201505054385"
SEND, ANYWAY = "Skicka SMS", "Skicka ändå"
ASKED = "Patienten har skyddade personuppgifter. Skicka ändå?"
NUMBER = Case._meta.get_field("phone_number")
HIDDEN_WORDS = ("Berit", "070-174 06 05", "Provsvar", "19121212-1212", "Jag mår sämre")


@pytest.fixture
def patient(book) -> Case:
    return book(personal_identity_number=PERSON, reason="Provsvar")


@pytest.fixture
def marked(patient, nurse) -> Case:
    mark(patient, nurse)
    return patient


# What it follows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "known_by",
    [
        {},
        {"personal_identity_number": OTHER_PERSON},
        {"phone_number": OTHER_MOBILE, "personal_identity_number": PERSON},
        {"phone_number": OTHER_MOBILE, "a_number": MOBILE},
    ],
    ids=["number", "number, another person", "personnummer", "A-number"],
)
def test_a_new_case_of_the_number_or_the_person_is_protected_in_every_queue_of_the_care_provider(
    known_by, marked, book, plain_queue
):
    assert is_protected(book(queue=plain_queue, **known_by))


def test_a_case_that_has_nothing_in_common_with_it_is_not(marked, book):
    assert not is_protected(book(phone_number=OTHER_MOBILE, personal_identity_number=OTHER_PERSON))


def test_nor_is_one_at_another_care_provider(marked, book, other_queue):
    assert not is_protected(book(queue=other_queue, personal_identity_number=PERSON))


def test_the_a_number_is_not_marked_as_it_may_be_a_switchboards(book, nurse):
    mark(book(a_number=OTHER_MOBILE), nurse)
    assert not is_protected(book(phone_number=OTHER_MOBILE))


def test_a_number_that_a_marked_person_calls_from_is_not_marked_by_itself(marked, book):
    book(phone_number=OTHER_MOBILE, personal_identity_number=PERSON)
    assert not is_protected(book(phone_number=OTHER_MOBILE, personal_identity_number=OTHER_PERSON))


def test_tomorrows_booking_by_the_telephone_system_is_protected_and_not_confirmed(
    marked, telephones, open_queue, day, queue, say
):
    turn_on(queue)
    say(Answer.YES)
    answer = telephones.book(open_queue, at(day, "10:00"))
    assert answer.status == 201
    case = Case.objects.latest("pk")
    assert is_protected(case)
    assert messages_of(case) == []
    assert set(answer.body) == {"id", "queue", "callback_at", "state", "a_number"}  # it is not told


def test_a_changed_number_is_marked_too(marked, nurse, book):
    callbacks.change_number(marked, NUMBER.to_python(OTHER_MOBILE), shown=MOBILE, by=nurse)
    assert is_protected(marked)
    assert is_protected(book(phone_number=OTHER_MOBILE))


def test_a_changed_personnummer_is_marked_too(book, nurse):
    case = book()
    mark(case, nurse)
    callbacks.save_details(case, {"personal_identity_number": Change("", PERSON)}, by=nurse)
    assert is_protected(book(phone_number=OTHER_MOBILE, personal_identity_number=PERSON))


def test_a_personnummer_that_is_taken_away_leaves_the_case_protected(marked, book, nurse):
    case = book(phone_number=OTHER_MOBILE, personal_identity_number=PERSON)
    callbacks.save_details(case, {"personal_identity_number": Change(PERSON, "")}, by=nurse)
    assert is_protected(case)


def test_so_does_an_a_number_that_is_replaced_in_another_call(marked, queue, open_queue, day):
    asked = {"queue": Queue.objects.get(pk=queue.pk), "phone_number": OTHER_MOBILE, "personal_identity_number": ""}
    first = {"call_id": "1", "a_number": MOBILE, "callback_at": at(day, "10:00")}
    second = {"call_id": "2", "a_number": "+46701740607", "callback_at": at(day, "11:00")}
    case, _ = booking.book(booking.Wanted(**asked, **first))
    moved, made = booking.book(booking.Wanted(**asked, **second))
    assert (moved, made) == (case, False)
    assert is_protected(case)


def test_a_case_that_becomes_protected_by_a_changed_personnummer_has_nothing_left_waiting(marked, book, queue, nurse):
    turn_on(queue)
    case = book(phone_number=OTHER_MOBILE)
    assert outcomes(case) == [WAITING]
    callbacks.save_details(case, {"personal_identity_number": Change("", PERSON)}, by=nurse)
    assert outcomes(case) == [(Kind.CONFIRMATION, "Inställt")]


# Automatic SMS -------------------------------------------------------------------------------------------------------


def test_marking_cancels_what_waits_in_all_the_care_providers_queues_and_nothing_else(
    patient, book, queue, plain_queue, other_queue, nurse, say
):
    say(Answer.YES)
    for each in (queue, plain_queue, other_queue):
        turn_on(each)
    mine = [book(), book(queue=plain_queue), book(phone_number=OTHER_MOBILE, personal_identity_number=PERSON)]
    others = [book(phone_number=OTHER_MOBILE), book(queue=other_queue)]
    callbacks.send_sms(mine[0], "Hej!", token="1", shown=MOBILE, by=nurse)
    mark(patient, nurse)
    assert outcomes(mine[0]) == [(Kind.CONFIRMATION, "Inställt"), (Kind.MANUAL, "Väntar")]
    assert [outcomes(case) for case in mine[1:]] == [[(Kind.CONFIRMATION, "Inställt")]] * 2
    assert [outcomes(case) for case in others] == [[WAITING]] * 2


def test_a_protected_patient_is_not_reminded_and_the_others_are(marked, book, queue):
    turn_on(queue)
    case, other = book(callback_at=later(hours=3)), book(callback_at=later(hours=3), phone_number=OTHER_MOBILE)
    let_pass(hours=2, minutes=1)
    automatic_sms.remind_all_due()
    assert (outcomes(case), outcomes(other)) == ([], [WAITING, (Kind.REMINDER, "Väntar")])


def test_when_the_mark_is_ended_the_next_booking_is_confirmed(marked, administrator, book, queue):
    turn_on(queue)
    end(marked, administrator)
    assert outcomes(book()) == [WAITING]


# The case ------------------------------------------------------------------------------------------------------------


def test_it_is_marked_in_the_case_and_the_case_says_so_in_words(patient, desk):
    page = desk.case(patient)
    assert "Markerar personnumret 19121212-1212 och telefonnumret 070-174 06 05." in page.text
    after = page.press("Markera skyddade personuppgifter", reason=WHY)
    assert "Patienten är markerad med skyddade personuppgifter." in after.text
    assert f"Berit Testsson {PROTECTED} Väntar" in after.text
    assert "Personnumret 19121212-1212 är markerat. Sekretessmarkering i folkbokföringen." in after.text
    assert after.has_button("Ring 070-174 06 05")
    told = "telefonnumret 070-174 06 05 markerades. Sekretessmarkering i folkbokföringen. Anna Lind"
    assert f"{PROTECTED}: {told}" in after.text  # in the history
    assert is_protected(patient)


def test_without_a_reason_nothing_is_marked(patient, desk):
    after = desk.case(patient).press("Markera skyddade personuppgifter", reason=" ")
    assert after.status == 422
    assert "Skriv en anledning." in after.text
    assert not is_protected(patient)


def test_a_page_that_showed_another_number_marks_nothing_and_says_what_stands(patient, desk, nurse):
    page = desk.case(patient)
    callbacks.change_number(patient, NUMBER.to_python(OTHER_MOBILE), shown=MOBILE, by=nurse)
    after = page.press("Markera skyddade personuppgifter", reason=WHY)
    assert after.status == 409
    assert "Ärendet eller markeringen har ändrats av någon annan. Ingenting sparades" in after.text
    assert "telefonnumret 070-174 06 06" in after.text
    assert not is_protected(patient)


def test_pressed_twice_it_is_marked_once(patient, desk):
    page = desk.case(patient)
    page.press("Markera skyddade personuppgifter", reason=WHY)
    after = page.press("Markera skyddade personuppgifter", reason=WHY)
    assert "Inget ändrades: patienten är redan markerad." in after.text
    assert ProtectionMark.objects.count() == 2


def test_where_only_the_person_is_marked_the_number_can_be_marked_too(marked, book, desk):
    case = book(phone_number=OTHER_MOBILE, personal_identity_number=PERSON)
    page = desk.case(case)
    assert "Markerar telefonnumret 070-174 06 06." in page.text
    page.press("Markera skyddade personuppgifter", reason=WHY)
    assert is_protected(book(phone_number=OTHER_MOBILE))


def test_who_works_in_the_queue_may_not_end_it_and_is_told_who_may(marked, desk):
    page = desk.case(marked)
    assert not page.has_button("Ta bort markeringen")
    assert "Markeringen tas bort av en administratör för kön." in page.text
    shown = " ".join(str(pk) for pk in ProtectionMark.objects.values_list("pk", flat=True))
    address = reverse("cases:save_protection", args=[marked.pk])
    response = desk.client.post(address, {"end": "1", "reason": "Hävd.", "shown": shown})
    assert response.status_code == 403
    assert is_protected(marked)


def test_an_administrator_of_the_queue_ends_it_with_a_reason(marked, administrator):
    page = desk_of(administrator).case(marked)
    assert page.press("Ta bort markeringen").status == 422
    after = page.press("Ta bort markeringen", reason="Hävd av Skatteverket.")
    assert "Markeringen är borttagen." in after.text
    assert f"Testsson {PROTECTED} Väntar" not in after.text
    told = "personnumret 19121212-1212 är inte längre markerat. Hävd av Skatteverket. Maria Ek"
    assert f"{PROTECTED}: {told}" in after.text
    assert not is_protected(marked)
    again = page.press("Ta bort markeringen", reason="Hävd.")
    assert "Inget ändrades: markeringen är redan borttagen." in again.text


def test_a_page_from_before_the_patient_was_marked_again_ends_nothing(marked, administrator, nurse):
    page = desk_of(administrator).case(marked)
    end(marked, administrator)
    mark(marked, nurse)
    after = page.press("Ta bort markeringen", reason="Hävd.")
    assert after.status == 409
    assert is_protected(marked)


def test_the_rule_itself_asks_who_ends_it_and_what_was_shown(marked, nurse, administrator):
    ids = list(ProtectionMark.objects.values_list("pk", flat=True))
    with pytest.raises(protected.NotAllowed):
        protected.end(marked, "Hävd.", by=nurse, shown=ids)
    with pytest.raises(ChangedMeanwhile):
        protected.end(marked, "Hävd.", by=administrator, shown=ids[:1])


def test_who_marked_and_who_ended_it_is_history_that_can_not_be_changed(marked, administrator, nurse):
    end(marked, administrator)
    told = ProtectionMark.history().order_by("pgh_id").values_list("pgh_label", "marked_by", "ended_by")
    assert list(told) == [("insert", nurse.pk, None)] * 2 + [("update", nurse.pk, administrator.pk)] * 2
    for statement in ("DELETE FROM", "TRUNCATE"):
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"{statement} cases_protectionmarkevent")


# A manual SMS --------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(marked, desk, say):
    say(Answer.YES)
    return desk.case(marked).press(SEND, text="Ring oss.")


def test_a_manual_sms_asks_again_and_the_text_stays(asked, marked, desk):
    assert asked.status == 422
    assert ASKED in asked.text
    assert asked.typed("text", beside=SEND) == "Ring oss."
    assert messages_of(marked) == []
    assert desk.case(marked).typed("text", beside=SEND) == "Ring oss."  # the draft


def test_the_same_button_once_more_asks_once_more(asked, marked):
    assert ASKED in asked.press(SEND).text
    assert messages_of(marked) == []


def test_the_second_deliberate_press_sends_it_once(asked, marked):
    for _ in range(2):
        assert "SMS:et är på väg." in asked.press(ANYWAY).text
    assert [message.text for message in messages_of(marked)] == ["Ring oss."]


def test_an_unprotected_patients_sms_asks_nothing(case, desk, say):
    say(Answer.YES)
    assert "SMS:et är på väg." in desk.case(case).press(SEND, text="Hej!").text


def test_who_had_the_case_open_when_it_was_marked_is_asked_too(case, desk, say, nurse):
    say(Answer.YES)
    page = desk.case(case)
    mark(case, nurse)
    assert ASKED in page.press(SEND, text="Hej!").text


def test_a_message_that_was_sent_before_the_mark_is_not_asked_about_again(case, desk, say, nurse):
    say(Answer.YES)
    page = desk.case(case)
    page.press(SEND, text="Hej!")
    mark(case, nurse)
    assert "SMS:et är på väg." in page.press(SEND, text="Hej!").text
    assert Message.objects.count() == 1


def test_to_press_anyway_does_not_go_round_a_nej(asked, marked, say):
    say(Answer.NO)
    asked.press(ANYWAY)
    assert [message.outcome for message in messages_of(marked)] == ["SMS-utskick avböjt"]


# Lists ---------------------------------------------------------------------------------------------------------------


def test_the_work_list_hides_it_and_it_is_opened_from_there(marked, desk):
    InboundSms.objects.create(queue=marked.queue, from_number=MOBILE, text="Jag mår sämre", provider="simulator")
    page = desk.work_list()
    [row] = page.rows
    assert PROTECTED in row
    assert "Nytt SMS" in row
    assert [word for word in HIDDEN_WORDS if word in page.html] == []
    assert reverse("cases:case", args=[marked.pk]) in page.links
    assert "Berit Testsson" in desk.case(marked).text


@pytest.mark.parametrize("query", ["070-174 06 05", "19121212-1212"])
def test_a_search_for_its_exact_number_finds_it_hidden(query, marked, desk):
    page = desk.work_list().press("Sök", query=query)
    [row] = page.rows
    assert PROTECTED in row
    assert [word for word in HIDDEN_WORDS if word in " ".join(page.rows)] == []
    assert reverse("cases:case", args=[marked.pk]) in page.links


def test_fler_arenden_pa_samma_nummer_hides_it(marked, book, desk):
    other = book(personal_identity_number=OTHER_PERSON, name="Cecilia Testsson")
    html = desk.case(other).html
    there = html[html.index('id="others-heading"') :]
    assert PROTECTED in there[: there.index("</ul>")]
    assert "Berit" not in there
    assert "Cecilia" not in desk.case(marked).text


def test_whose_answer_it_is_does_not_name_a_protected_person(book, desk, nurse):
    """The child's case is not protected, and the mother's is."""
    mother = book(phone_number=OTHER_MOBILE, personal_identity_number=PERSON)
    mark(mother, nurse)
    book(personal_identity_number=PERSON)
    child = book(personal_identity_number=OTHER_PERSON, name="Cecilia Testsson")
    assert not is_protected(child)
    page = desk.case(child)
    assert "Numret används av flera personer" in page.text
    assert "Cecilia Testsson, 20150505-4385" in page.text
    assert "Berit" not in page.html
    assert PERSON not in page.html


@pytest.mark.parametrize("how", ["number", "person"])
def test_the_list_of_inbound_sms_hides_number_and_text_until_it_is_opened(how, marked, book, desk, nurse, queue):
    number = MOBILE if how == "number" else OTHER_MOBILE
    for case in (marked, book(phone_number=OTHER_MOBILE, personal_identity_number=PERSON)):
        acts.close(case, Status.CANCELLED, by=nurse)
    reply = InboundSms.objects.create(queue=queue, from_number=number, text="Jag mår sämre", provider="simulator")
    page = desk.open(reverse("cases:inbound"))
    [row] = page.rows
    assert PROTECTED in row
    assert [word for word in (*HIDDEN_WORDS, "070-174 06 06") if word in page.html] == []
    seen = AccessEntry.objects.latest("pk")
    assert (seen.act, seen.protected) == (AccessEntry.Act.INBOUND, True)
    opened = desk.open(f"{reverse('cases:inbound')}?open={reply.pk}")
    assert "Jag mår sämre" in opened.text
    [noted] = AccessEntry.objects.filter(pk__gt=seen.pk)
    assert (noted.act, noted.protected) == (AccessEntry.Act.OPENED_REPLY, True)
    assert f"/inbound/?open={reply.pk}" in page.links


def test_every_look_at_a_protected_patient_is_put_before_the_reviewer(marked, desk):
    desk.work_list()
    page = desk.case(marked)
    page.press("Spara anteckningen", note_text="Ringer igen.")
    desk.work_list().press("Sök", query=MOBILE)
    acts = AccessEntry.Act
    noted = AccessEntry.objects.filter(protected=True).values_list("act", flat=True)
    assert set(noted) >= {acts.LISTED, acts.VIEW, acts.CHANGE, acts.HIT}
    assert not AccessEntry.objects.filter(case_id=marked.pk, protected=False, at__gt=marked_at(marked)).exists()


def marked_at(case):
    return case.protection_marks().earliest("marked_at").marked_at


def test_the_list_of_a_reply_that_is_anothers_opens_nothing(marked, nurse, queue, outsider):
    acts.close(marked, Status.CANCELLED, by=nurse)
    reply = InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Jag mår sämre", provider="simulator")
    assert "Jag mår sämre" not in desk_of(outsider).open(f"{reverse('cases:inbound')}?open={reply.pk}").text


def test_a_case_of_which_nobody_has_asked_is_hidden():
    """Fail closed: a list that forgets to ask shows nothing."""
    assert Case().protected


def test_what_is_marked_in_one_queue_is_hidden_for_who_works_in_another(marked, book, plain_queue, make_user):
    other = make_user("nils", "Nils", "Berg")
    Membership.objects.create(user=other, queue=plain_queue, role=Role.NURSE)
    book(queue=plain_queue)
    assert [PROTECTED in row for row in desk_of(other).work_list().rows] == [True]
