"""Drafts: what somebody writes is there again, for them and nobody else, until it is saved or a week has gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from administration.patient_data import removal
from administration.patient_data.extract import extract
from administration.patient_data.stored import Patient
from cases import drafts
from cases.models import Case, Draft, Note
from consent.models import Answer
from sms.models import InboundSms, Message, StandardText
from teleq.clock import database_now
from teleq.models import Membership, Queue
from tests.cases.desk import Desk, desk_of, in_a_month
from tests.conftest import MOBILE
from tests.database_roles import a_night_goes_by

pytestmark = pytest.mark.django_db

NEW = reverse("cases:new_case")
NOTE, MESSAGE, CREATE = "Spara anteckningen", "Skicka SMS", "Skapa ärendet"


def write(desk: Desk, address: str, **posted: str):
    """As the page's script does while somebody writes."""
    user_id = desk.client.session["_auth_user_id"]
    return desk.client.post(address, posted, headers={"HX-Request": "true", "X-Shown-To": user_id})


def in_case(case: Case) -> str:
    return reverse("cases:draft", args=[case.pk])


def written(page, label: str) -> str:
    return page.typed({NOTE: "note_text", MESSAGE: "text"}[label], beside=label)


@pytest.fixture
def reply(queue) -> InboundSms:
    return InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Ring mig", provider="simulator")


# Written, and there again --------------------------------------------------------------------------------------------


def test_a_note_and_a_message_are_there_again_on_another_computer(case, desk, nurse):
    response = write(desk, in_case(case), field="note", text="Hör illa,\nring efter")
    assert "Utkast sparat" in response.content.decode()
    write(desk, in_case(case), field="sms", text="Hej, vi har")
    page = desk_of(nurse).case(case)
    assert (written(page, NOTE), written(page, MESSAGE)) == ("Hör illa,\nring efter", "Hej, vi har")
    assert page.text.count("Utkast sparat") == 2
    assert "11 av 160 tecken" in page.text


def test_the_latest_words_stand_and_an_empty_field_has_no_draft(case, desk):
    for text in ("Hör", "Hör illa", "Hör bra"):
        write(desk, in_case(case), field="note", text=text)
    assert [draft.text for draft in Draft.objects.all()] == ["Hör bra"]
    assert "Utkast sparat" not in write(desk, in_case(case), field="note", text=" \n").content.decode()
    assert not Draft.objects.exists()


def test_what_is_too_long_to_save_is_kept_too(case, desk):
    write(desk, in_case(case), field="note", text="å" * 3000)
    assert written(desk.case(case), NOTE) == "å" * 3000


def test_a_new_cases_words_are_there_again_and_nothing_else(desk, queue, plain_queue):
    words = {"name": "Agda", "reason": "Yrsel", "interpreter_language": "arabiska", "speak_with": "läkare"}
    for field, text in words.items():
        write(desk, reverse("cases:new_case_draft"), field=field, text=text)
    page = desk.open(NEW)
    assert {name: page.typed(name, beside=CREATE) for name in words} == words
    assert [page.typed(name, beside=CREATE) for name in ("queue", "phone_number", "callback_at")] == ["", "", ""]
    assert "Utkast sparat" in page.text


def test_a_new_case_for_a_reply_has_a_draft_of_its_own(desk, reply):
    of_reply = f"?inbound={reply.pk}"
    write(desk, reverse("cases:new_case_draft") + of_reply, field="name", text="Agda")
    assert desk.open(NEW).typed("name", beside=CREATE) == ""
    assert desk.open(NEW + of_reply).typed("name", beside=CREATE) == "Agda"


@pytest.mark.parametrize(
    "posted",
    [
        {"field": "answer", "text": "yes"},
        {"field": "queue", "text": "1"},
        {"field": "phone_number", "text": MOBILE},
        {"field": "standard_text", "text": "1"},
        {"field": "name", "text": "Agda"},  # is saved with the details of a case that is there
        {"text": "Hej"},
        {"discard": "answer"},
    ],
)
def test_only_what_is_written_is_kept_never_a_choice(posted, case, desk):
    assert write(desk, in_case(case), **posted).status_code == 400
    assert not Draft.objects.exists()


def test_what_is_chosen_beside_the_text_is_not_kept(case, desk):
    write(desk, in_case(case), field="note", text="Hej", answer="yes", standard_text="1", queue="1")
    [draft] = Draft.objects.values()
    assert {value for value in draft.values() if isinstance(value, str)} == {"", "note", "Hej"}


# Gone when it is saved -----------------------------------------------------------------------------------------------


def test_saving_the_note_removes_its_draft_only(case, desk):
    for field in ("note", "sms"):
        write(desk, in_case(case), field=field, text="Hej")
    after = desk.case(case).press(NOTE)
    assert Note.objects.get().text == "Hej"
    assert (written(after, NOTE), written(after, MESSAGE)) == ("", "Hej")


def test_sending_removes_the_messages_draft(case, desk, say):
    say(Answer.YES)
    write(desk, in_case(case), field="sms", text="Hej")
    after = desk.case(case).press(MESSAGE)
    assert Message.objects.get().text == "Hej"
    assert written(after, MESSAGE) == ""
    assert not Draft.objects.exists()


def test_making_the_case_removes_its_draft(desk, queue):
    write(desk, reverse("cases:new_case_draft"), field="name", text="Agda")
    page = desk.open(NEW)
    page.press(CREATE, queue=queue.pk, phone_number=MOBILE, callback_at=in_a_month())
    assert Case.objects.get().name == "Agda"
    assert desk.open(NEW).typed("name", beside=CREATE) == ""


@pytest.mark.parametrize(("field", "label"), [("note", "anteckning"), ("sms", "SMS")])
def test_ta_bort_utkastet(field, label, case, desk):
    for each in ("note", "sms"):
        write(desk, in_case(case), field=each, text="Hej")
    after = desk.case(case).press(f"Ta bort utkastet till {label}")
    assert "Utkastet är borttaget." in after.text
    assert [draft.field for draft in Draft.objects.all()] == [{"note": "sms", "sms": "note"}[field]]
    assert "Hej" in (written(after, NOTE), written(after, MESSAGE))


def test_ta_bort_utkastet_to_a_new_case(desk, queue, reply):
    for address in (NEW, f"{NEW}?inbound={reply.pk}"):
        write(desk, address.replace("new/", "new/draft/"), field="reason", text="Yrsel")
    after = desk.open(f"{NEW}?inbound={reply.pk}").press("Ta bort utkastet")
    assert after.typed("reason", beside=CREATE) == ""
    assert desk.open(NEW).typed("reason", beside=CREATE) == "Yrsel"


# What was turned away is kept too ------------------------------------------------------------------------------------


def test_a_message_that_was_refused_is_there_again_elsewhere(case, desk, nurse):
    desk.case(case).press(MESSAGE, by_hand=True, text="Hej, ring oss.")
    assert written(desk_of(nurse).case(case), MESSAGE) == "Hej, ring oss."


def test_a_note_that_is_too_long_is_there_again_elsewhere(case, desk, nurse):
    desk.case(case).press(NOTE, note_text="å" * 2001)
    assert written(desk_of(nurse).case(case), NOTE) == "å" * 2001


def test_a_new_case_that_was_turned_away_is_there_again_elsewhere(desk, nurse):
    desk.open(NEW).press(CREATE, name="Agda", reason="Yrsel")
    assert desk_of(nurse).open(NEW).typed("reason", beside=CREATE) == "Yrsel"


def test_a_standard_text_that_was_added_is_there_again(case, desk, nurse, queue):
    text = StandardText.objects.create(queue=queue, name="ring", text="Ring oss.")
    desk.case(case).press("Lägg till svar", text="Hej.", standard_text=text.pk)
    assert written(desk_of(nurse).case(case), MESSAGE) == "Hej.\nRing oss."


# Nobody else's -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["colleague", "administrator"])
def test_no_page_shows_somebody_elses_draft(who, case, desk, request, reply):
    for field in ("note", "sms"):
        write(desk, in_case(case), field=field, text="Hemligt")
    for place in ("", f"?inbound={reply.pk}"):
        write(desk, reverse("cases:new_case_draft") + place, field="reason", text="Hemligt")
    other = desk_of(request.getfixturevalue(who))
    pages = [other.case(case), other.work_list(), other.open(NEW), other.open(f"{NEW}?inbound={reply.pk}")]
    pages += [other.case(case).press("Ta ärendet"), other.open("/inbound/"), other.open("/konto/")]
    assert not [page.address for page in pages if "Hemligt" in page.html or "Utkast sparat" in page.html]


def test_somebody_elses_save_and_removal_leave_it_alone(case, desk, colleague):
    write(desk, in_case(case), field="note", text="Mitt")
    other = desk_of(colleague)
    write(other, in_case(case), field="note", text="Hennes")
    other.case(case).press(NOTE)
    write(other, in_case(case), field="note", text="Hennes igen")
    other.case(case).press("Ta bort utkastet till anteckning")
    assert [(draft.user.username, draft.text) for draft in Draft.objects.all()] == [("anna", "Mitt")]


@pytest.mark.parametrize("who", ["outsider", "superuser"])
def test_in_a_case_that_is_anothers_nothing_is_kept(who, case, request, reply):
    desk = desk_of(request.getfixturevalue(who))
    assert write(desk, in_case(case), field="note", text="Hej").status_code == 404
    assert not Draft.objects.exists()
    write(desk, reverse("cases:new_case_draft") + f"?inbound={reply.pk}", field="name", text="Agda")
    assert not Draft.objects.filter(phone_number=MOBILE).exists()


def test_who_is_no_member_any_more_has_no_draft_there(case, desk, nurse, queue, reply):
    write(desk, in_case(case), field="note", text="Hej")
    write(desk, reverse("cases:new_case_draft") + f"?inbound={reply.pk}", field="name", text="Agda")
    write(desk, reverse("cases:new_case_draft"), field="name", text="Berit")
    Membership.objects.filter(user=nurse, queue=queue).delete()
    assert write(desk, in_case(case), field="note", text="Hej igen").status_code == 404
    begun_from_reply = reverse("cases:new_case") + f"?inbound={reply.pk}"
    for address in (begun_from_reply, reverse("cases:new_case")):
        page = desk.client.get(address).content.decode()
        assert "Agda" not in page
        assert "Berit" in page
    Membership.objects.filter(user=nurse).delete()
    assert "Berit" not in desk.client.get(reverse("cases:new_case")).content.decode()


def test_no_word_of_it_is_in_the_log(case, desk, logged):
    write(desk, in_case(case), field="note", text="Hemligt")
    desk.client.get(in_case(case))
    desk.client.post(in_case(case), {"field": "answer", "text": "Hemligt"})
    assert "Hemligt" not in logged.getvalue()


# Cost ----------------------------------------------------------------------------------------------------------------


def test_keeping_takes_a_fixed_number_of_queries(case, desk, django_assert_max_num_queries):
    write(desk, in_case(case), field="note", text="Hej")
    with django_assert_max_num_queries(7):  # session, user, may enter Admin, case, clock, and the draft
        write(desk, in_case(case), field="note", text="Hej igen")


# Klart ---------------------------------------------------------------------------------------------------------------

ASKED = "Meddelandet är inte skickat."
WITHOUT = "Klart utan att skicka"


def test_klart_saves_the_note_that_was_written(case, desk):
    write(desk, in_case(case), field="note", text="Hör")
    after = desk.case(case).press("Råd givet", note_text="Hör illa.")
    assert "Ärendet är klart: Råd givet." in after.text
    assert [note.text for note in Note.objects.all()] == ["Hör illa."]
    assert not Draft.objects.exists()


def test_klart_asks_about_a_message_that_was_not_sent_before_it_closes(case, desk):
    page = desk.case(case).press("Råd givet", text="Hej, vi", note_text="Hör illa.")
    case.refresh_from_db()
    assert page.status == 422
    assert (ASKED in page.text, case.is_open, Note.objects.exists()) == (True, True, False)
    assert (written(page, MESSAGE), written(page, NOTE)) == ("Hej, vi", "Hör illa.")
    after = page.press(WITHOUT)
    case.refresh_from_db()
    assert (ASKED in after.text, case.is_open) == (False, False)
    assert Note.objects.get().text == "Hör illa."
    assert not Message.objects.exists()
    assert not Draft.objects.exists()


def test_asked_about_it_one_may_send_it_and_then_close(case, desk, say):
    say(Answer.YES)
    page = desk.case(case).press("Råd givet", text="Hej, vi ringer igen.")
    after = page.press(MESSAGE).press("Råd givet")
    case.refresh_from_db()
    assert (ASKED in after.text, case.is_open) == (False, False)
    assert Message.objects.get().text == "Hej, vi ringer igen."


def test_a_message_that_was_sent_from_a_page_left_open_is_not_asked_about(case, desk, say):
    say(Answer.YES)
    left_open = desk.case(case)
    left_open.press(MESSAGE, text="Hej")
    assert ASKED not in left_open.press("Råd givet", text="Hej").text
    case.refresh_from_db()
    assert not case.is_open


def test_a_note_that_can_not_be_saved_keeps_the_case_open(case, desk):
    page = desk.case(case).press("Råd givet", note_text="å" * 2001)
    case.refresh_from_db()
    assert (page.status, case.is_open, written(page, NOTE)) == (422, True, "å" * 2001)
    assert "tecken. Nu är det 2001." in page.text


def test_where_a_colleague_was_first_nothing_is_saved_and_nothing_written_is_lost(case, desk, colleague):
    left_open = desk.case(case)
    desk_of(colleague).case(case).press("Ta ärendet")
    page = left_open.press("Råd givet", note_text="Hör illa.")
    case.refresh_from_db()
    assert (page.status, case.is_open) == (409, True)
    assert "Karim Noor har redan tagit ärendet." in page.text
    assert written(page, NOTE) == "Hör illa."
    assert not Note.objects.exists()


def test_klart_pressed_twice_is_one_note(case, desk):
    page = desk.case(case)
    for _ in range(2):
        page.press("Råd givet", note_text="Hör illa.")
    assert (Note.objects.count(), Draft.objects.count()) == (1, 0)


# Kept no longer than it is needed ------------------------------------------------------------------------------------


def test_after_a_week_it_is_removed(case, nurse):
    place = drafts.Place(nurse, case)
    for field, days in ((drafts.Field.NOTE, 6.9), (drafts.Field.SMS, 7.1)):
        drafts.keep(place, field, "Hej")
        Draft.objects.filter(field=field).update(saved_at=database_now() - timedelta(days=days))
    assert a_night_goes_by()
    assert [draft.field for draft in Draft.objects.all()] == ["note"]


def test_it_is_in_the_extract_and_goes_with_a_removal(case, nurse, reply, queue, book):
    other = book(phone_number="+46701740606")
    for place, field, text in (
        (drafts.Place(nurse, case), drafts.Field.NOTE, "Hör illa"),
        (drafts.Place(nurse, inbound=reply), drafts.Field.REASON, "Yrsel"),
        (drafts.Place(nurse, other), drafts.Field.NOTE, "En annans"),
    ):
        drafts.keep(place, field, text)
    patient, queues = Patient(number=MOBILE), Queue.objects.filter(pk=queue.pk)
    [section] = [each for each in extract(patient, queues, by=nurse) if each.title == "Utkast"]
    told = [row[:4] for row in section.rows]
    assert told == [
        ("VC Spindeln Rådgivning", "Anteckning", "Hör illa", "Anna Lind"),
        ("VC Spindeln Rådgivning", "Kontaktorsak", "Yrsel", "Anna Lind"),
    ]
    assert removal.Item("Utkast", 2) in removal.remove(patient, queues, by=nurse)
    assert [draft.text for draft in Draft.objects.all()] == ["En annans"]
