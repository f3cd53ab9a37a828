"""Kopiera till journal: the case as a plain text, and who has taken it out."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from access.models import AccessEntry
from cases import acts, callbacks, journal, protected, rebooking
from cases.models import Case, CaseEvent, NoAnswer, Note, Status
from consent.models import Answer
from sms import gateway
from sms.models import InboundSms, Lane, Message
from teleq.changes import Change
from teleq.models import Outcome
from tests.cases.desk import OTHER_MOBILE
from tests.conftest import MOBILE
from tests.database_roles import past_the_triggers

pytestmark = pytest.mark.django_db

PERSON = "191212121212"


def at(day: int, clock: str) -> datetime:
    """A day of November 2026, by the clock in Stockholm."""
    hours, minutes = map(int, clock.split("."))
    return timezone.make_aware(datetime(2026, 11, day, hours, minutes))


def text_of(case: Case, by) -> str:
    return journal.text(Case.objects.with_protection().select_related("queue").get(pk=case.pk), at(28, "9.05"), by=by)


def part(text: str, heading: str) -> list[str]:
    """The lines below a heading; none where there is no such part."""
    found = next((each for each in text.split("\n\n") if each.startswith(f"{heading}\n")), "")
    return found.split("\n")[1:] if found else []


def shown(desk, case: Case, query: str = "") -> str:
    """The text in the page of its own."""
    html = desk.open(f"/cases/{case.pk}/journal/{query}").html
    return unescape(re.search(r"<textarea[^>]*readonly[^>]*>\n(.*?)</textarea>", html, re.DOTALL)[1])


@pytest.fixture
def case(book) -> Case:
    return book(
        name="Tolvan Tolvansson",
        personal_identity_number=PERSON,
        reason="Yrsel sedan i går",
        interpreter_language="arabiska",
        speak_with="läkare",
        callback_at=at(26, "10.30"),
    )


@pytest.fixture
def a_day(case, nurse, colleague, say, provider) -> Case:
    """Booked, called in vain, texted, rebooked, noted in, reached and closed; each at its hour."""
    say(Answer.YES)
    acts.record_attempt(case, reached=False, how=NoAnswer.BUSY, by=nurse)
    callbacks.send_sms(case, "Hej! Vi ringer igen.\nHäls. VC Spindeln", token="1", shown=MOBILE, by=nurse)
    gateway.drain(Lane.MANUAL)
    rebooking.to_time(case, {"callback_at": Change(case.callback_at, at(27, "9.00"))}, by=nurse, as_free=False)
    InboundSms.objects.create(queue=case.queue, from_number=MOBILE, text="Ring efter nio", provider="simulator")
    callbacks.add_note(case, "Nådde henne.\n\nTar det lugnt i helgen.", by=colleague)
    case.refresh_from_db()
    acts.close(case, Status.DONE, by=colleague, outcome=Outcome.ADVICE)
    times = {"created": at(25, "8.00"), "no_answer": at(26, "10.31"), "moved": at(26, "10.35"), "done": at(27, "9.10")}
    with past_the_triggers():
        for kind, time in times.items():
            CaseEvent.objects.filter(case=case, kind=kind).update(at=time)
        Case.objects.update(created_at=at(25, "8.00"))
        Note.objects.update(created_at=at(27, "9.08"))
        InboundSms.objects.update(received_at=at(26, "11.00"))
        Message.objects.filter(kind="manual").update(created_at=at(26, "10.33"))
    return case


def test_it_says_who_it_is_about_what_they_need_and_how_it_went_in_order(a_day, nurse):
    text = text_of(a_day, nurse)
    assert text.split("\n\n")[0].split("\n") == [
        f"Återuppringning, VC Spindeln Rådgivning (ärende {a_day.pk} i teleQ)",
        "Namn: Tolvan Tolvansson",
        "Personnummer: 19121212-1212",
        "Telefonnummer: 070-174 06 05",
        "Kontaktorsak: Yrsel sedan i går",
        "Behov av tolk: arabiska",
        "Önskar tala med: läkare",
        "Bokat: 25 november 2026 08.00, Telefonsystemet",
        "Utlovad tid: 26 november 2026 10.30",
        "Status: Klart: Råd givet",
    ]
    assert part(text, "Uppringningar och bokning") == [
        "26 november 2026 10.31, Anna Lind: Uppringning utan svar: Upptaget. Försök 1 av 3.",
        "26 november 2026 10.35, Anna Lind: Tiden ändrades. Från 26 november 2026 10.30 till 27 november 2026 09.00.",
        "27 november 2026 09.10, Karim Noor: Klart: Råd givet. Fick svar. Försök 2 av 3.",
    ]
    assert part(text, "SMS till patienten")[:3] == [
        "26 november 2026 10.33, Anna Lind: SMS till 070-174 06 05: Skickat.",
        "Hej! Vi ringer igen.",
        "Häls. VC Spindeln",
    ]
    assert part(text, "SMS från patienten") == ["26 november 2026 11.00:", "Ring efter nio"]
    assert re.search(r"^Samtycke till SMS för 070-174 06 05: Ja\. Svarade .* registrerat av Anna Lind\.", text, re.M)
    assert text.endswith("\n\nHämtat ur teleQ 28 november 2026 09.05 av Anna Lind.\n")


def test_a_note_is_whole_with_who_wrote_it_and_when(a_day, nurse):
    told = "Anteckningar\n27 november 2026 09.08, Karim Noor:\nNådde henne.\n\nTar det lugnt i helgen.\n\n"
    assert told in text_of(a_day, nurse)


def test_of_an_open_case_it_says_which_time_it_has_now(case, nurse):
    rebooking.to_time(case, {"callback_at": Change(case.callback_at, at(29, "13.00"))}, by=nurse, as_free=False)
    text = text_of(case, nurse)
    assert "Utlovad tid: 26 november 2026 10.30\nNy tid: 29 november 2026 13.00\nStatus: Väntar\n" in text


def test_what_nobody_has_said_or_done_is_said_to_be_missing(book, nurse):
    text = text_of(book(name="", reason=""), nurse)
    for line in ("Namn: saknas", "Personnummer: saknas", "Kontaktorsak: saknas", "Inga uppringningar är registrerade."):
        assert f"{line}\n" in text
    for part_or_need in ("Tolk", "tolk", "tala med", "Anteckningar", "SMS till", "SMS från"):
        assert part_or_need not in text


def test_what_was_pressed_by_mistake_and_undone_is_not_told(case, nurse):
    acts.record_attempt(case, reached=False, by=nurse)
    acts.undo(Case.objects.get(), by=nurse, seen=case.events.latest_act().pk)
    assert part(text_of(case, nurse), "Uppringningar och bokning") == ["Inga uppringningar är registrerade."]


def test_a_call_whose_result_nobody_has_said_is_told_as_that(case, nurse):
    acts.call(case, by=nurse)
    [line] = part(text_of(case, nurse), "Uppringningar och bokning")
    assert line.endswith(": Ringde. Hur det gick är inte registrerat.")


@pytest.mark.parametrize("answer", [Answer.NO, Answer.UNSET])
def test_the_other_answers_are_told_too(answer, case, nurse, say):
    say(answer)
    assert f"Samtycke till SMS för 070-174 06 05: {answer.label}." in text_of(case, nurse)


def test_a_lapsed_answer_is_ej_valt_and_nothing_more_is_told_of_it(case, nurse, lapsed):
    lapsed(Answer.YES)
    assert "Samtycke till SMS för 070-174 06 05: Ej valt.\n" in text_of(case, nurse)


def test_an_answer_of_somebody_else_on_the_number_is_told_as_that(case, nurse, say):
    say(Answer.YES, person="201505054385")
    assert "Svaret är någon annans, som använder samma nummer." in text_of(case, nurse)


def test_where_the_queue_asks_for_no_consent_the_text_says_nothing_of_it(book, plain_queue, nurse):
    assert "Samtycke" not in text_of(book(queue=plain_queue), nurse)


def test_a_refused_sms_is_told_with_its_reason_and_a_removed_text_as_removed(case, nurse, say):
    say(Answer.NO)
    callbacks.send_sms(case, "Hej!", token="1", shown=MOBILE, by=nurse)
    Message.objects.update(text="")
    sent, body = part(text_of(case, nurse), "SMS till patienten")[-2:]
    assert sent.endswith("Anna Lind: SMS till 070-174 06 05: SMS-utskick avböjt.")
    assert body == "Texten är borttagen."


def test_only_letters_and_line_breaks_are_in_it(book, nurse):
    case = book(name="Bo\u202egninA\u202c", reason="Yrsel\tsedan\u00a0i går")
    callbacks.add_note(case, "En\r\ntvå   \r\n\r\n\r\n\r\ntre\x07 <b>fyra</b>", by=nurse)
    text = text_of(case, nurse)
    assert "Namn: BogninA\n" in text
    assert "Kontaktorsak: Yrsel sedan i går\n" in text
    assert "\nEn\ntvå\n\ntre <b>fyra</b>\n" in text
    assert not re.search(r"[\t\r\x07\u202e]| \n|\n\n\n", text)


def test_it_is_in_swedish_whatever_the_screen_speaks(a_day, nurse):
    with translation.override("en"):
        text = text_of(a_day, nurse)
    assert text == text_of(a_day, nurse)
    assert "27 november 2026 09.10, Karim Noor: Klart: Råd givet." in text


def test_it_is_about_this_case_alone(case, book, nurse):
    other = book(name="Elsa Tolvansson", personal_identity_number="201505054385", reason="Öronvärk")
    callbacks.add_note(other, "Mamma ringer.", by=nurse)
    text = text_of(case, nurse)
    for anothers in ("Elsa", "Öronvärk", "Mamma", "2015"):
        assert anothers not in text


def test_a_long_case_takes_no_more_queries(case, nurse, say):
    say(Answer.YES)
    acts.record_attempt(case, reached=False, by=nurse)
    callbacks.add_note(case, "Ett", by=nurse)
    callbacks.send_sms(case, "Hej", token="0", shown=MOBILE, by=nurse)
    with CaptureQueriesContext(
        connection,
    ) as short:
        text_of(case, nurse)
    for number in range(5):
        callbacks.add_note(case, f"Anteckning {number}", by=nurse)
        callbacks.send_sms(case, f"Hej {number}", token=f"{number + 1}", shown=MOBILE, by=nurse)
        acts.record_attempt(case, reached=False, by=nurse)
    with CaptureQueriesContext(connection) as long:
        text_of(case, nurse)
    assert len(long) == len(short)


# On the page ---------------------------------------------------------------------------------------------------------


def test_the_case_leads_to_it_and_does_not_make_it(a_day, desk):
    page = desk.case(a_day)
    assert f"/cases/{a_day.pk}/journal/" in page.links
    assert "Hämtat ur teleQ" not in page.text


def test_its_page_shows_the_text_as_it_is_made_now(a_day, desk, nurse):
    text = shown(desk, a_day)
    assert text.startswith(f"Återuppringning, VC Spindeln Rådgivning (ärende {a_day.pk} i teleQ)\nNamn: Tolvan")
    assert text.endswith(" av Anna Lind.\n")
    callbacks.add_note(a_day, "Efteråt.", by=nurse)
    assert "Efteråt." in shown(desk, a_day)


def test_its_page_says_nothing_of_the_patient_in_title_or_addresses(a_day, desk):
    page = desk.open(f"/cases/{a_day.pk}/journal/")
    assert page.title == f"Ärende {a_day.pk} till journalen – teleQ"
    for secret in ("Tolvan", "1212", "1740", "Yrsel"):
        assert [link for link in page.links if secret in link] == []


def test_that_the_text_was_taken_out_is_on_record_each_time(case, desk, nurse):
    before = AccessEntry.objects.count()
    desk.open(f"/cases/{case.pk}/journal/")
    desk.open(f"/cases/{case.pk}/journal/")
    noted = AccessEntry.objects.order_by("id")[before:]
    told = [(entry.get_act_display(), entry.user, entry.case_id, entry.phone_number, entry.person) for entry in noted]
    assert told == [("Tog fram text till journalen", nurse, case.pk, MOBILE, PERSON)] * 2


def test_of_a_protected_patient_it_is_asked_first_and_the_text_says_so(case, desk, nurse):
    protected.mark(case, "Sekretessmarkering.", by=nurse, shown=protected.to_mark(case))
    asked = desk.open(f"/cases/{case.pk}/journal/")
    assert "Patienten har skyddade personuppgifter. Kopiera texten ändå?" in asked.text
    assert "Tolvan" not in asked.text
    assert "journal" not in AccessEntry.objects.values_list("act", flat=True)
    [anyway] = {link for link in asked.links if "anyway=1" in link}
    assert shown(desk, case, f"?{anyway.split('?')[1]}").startswith("Patienten har skyddade personuppgifter.\nÅter")
    assert AccessEntry.objects.filter(act="journal", protected=True, case_id=case.pk).count() == 1


def test_another_number_since_is_the_one_in_the_text(case, desk, nurse):
    callbacks.change_number(case, Case(phone_number=OTHER_MOBILE).phone_number, shown=MOBILE, by=nurse)
    text = shown(desk, case)
    assert "Telefonnummer: 070-174 06 06\n" in text
    assert "Telefonnumret ändrades. Från 070-174 06 05 till 070-174 06 06." in text
