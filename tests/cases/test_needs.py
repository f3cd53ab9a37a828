"""Behov av tolk, and whom the patient wishes to talk to: written, and seen by whoever is about to call."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest

from cases import acts, protected
from cases.models import Case, Status
from teleq.models import CareProvider, Membership
from tests.cases.desk import OTHER_MOBILE, Page, desk_of, in_a_month
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db

SAVE, CREATE, SAVE_NOTE = "Spara uppgifterna", "Skapa ärendet", "Spara anteckningen"
INTERPRETER, WISH = "Tolk: arabiska", "Önskar tala med: läkare"


@pytest.fixture
def in_need(book) -> Case:
    return book(interpreter_language="arabiska", speak_with="läkare", reason="Yrsel")


def head(page) -> str:
    """What stands above the case's buttons."""
    return unescape(page.html.split('id="case-head"')[1].split('id="acts"')[0])


def test_a_new_case_says_them_above_the_call_and_in_the_list(queue, desk):
    new = desk.open("/cases/new/")
    needs = {"interpreter_language": "arabiska", "speak_with": "läkare"}
    typed = {"phone_number": OTHER_MOBILE, "callback_at": in_a_month(), "reason": "Yrsel"}
    page = new.press(CREATE, queue=queue.pk, **typed, **needs)
    assert "Ärendet är skapat." in page.text
    assert INTERPRETER in head(page)
    assert WISH in head(page)
    [row] = desk.work_list().rows
    assert f"Namn saknas {INTERPRETER} · {WISH} · Yrsel" in row


def test_a_case_without_needs_says_nothing_of_them(case, desk):
    page = desk.case(case)
    assert "Tolk" not in head(page)
    assert "tala med" not in head(page)
    [row] = desk.work_list().rows
    assert "Tolk" not in row
    assert "tala med" not in row


def test_they_are_changed_among_the_details_and_the_history_says_from_what_to_what(in_need, desk):
    page = desk.case(in_need).press(SAVE, interpreter_language="", speak_with="Dr. Lind")
    assert "Uppgifterna är sparade." in page.text
    assert (INTERPRETER in head(page), "Önskar tala med: Dr. Lind" in head(page)) == (False, True)
    for told in ("Behov av tolk från ”arabiska” till tomt.", "Önskar tala med från ”läkare” till ”Dr. Lind”."):
        assert told in page.text.split("Uppgifterna ändrades.")[1]


def test_a_language_is_chosen_in_the_list_or_written_freely(case, desk):
    page = desk.case(case)
    for language in ("arabiska", "somaliska", "teckenspråk"):
        assert f'<option value="{language}">' in page.html
    page.press(SAVE, interpreter_language="arabiska, irakisk dialekt")
    case.refresh_from_db()
    assert case.interpreter_language == "arabiska, irakisk dialekt"


@pytest.mark.parametrize(("name", "longest"), [("interpreter_language", 50), ("speak_with", 100)])
def test_what_is_too_long_is_told_at_its_field_and_nothing_typed_is_lost(name, longest, in_need, desk):
    after = desk.case(in_need).press(SAVE, **{name: "å" * (longest + 1)}, reason="Recept")
    assert after.status == 422
    assert f"högst {longest} tecken" in after.text.lower()
    assert (after.typed(name, beside=SAVE), after.typed("reason", beside=SAVE)) == ("å" * (longest + 1), "Recept")
    in_need.refresh_from_db()
    assert (in_need.interpreter_language, in_need.reason) == ("arabiska", "Yrsel")


def test_markup_in_them_is_shown_as_text(book, desk):
    case = book(interpreter_language="<b>arabiska</b>", speak_with="<script>alert(1)</script>")
    for page in (desk.case(case), desk.work_list(), desk.open(f"/cases/{case.pk}/journal/")):
        assert "<script>alert" not in page.html
        assert "<b>arabiska" not in page.html


def test_of_a_patient_with_protected_data_lists_do_not_tell_them(in_need, desk, nurse):
    protected.mark(in_need, "Sekretessmarkering.", by=nurse, shown=protected.to_mark(in_need))
    found = desk.client.post("/cases/search/", {"query": "070-174 06 05"}, follow=True).content.decode()
    for listed in (desk.work_list().html, found):
        assert "Skyddade personuppgifter" in listed
        assert [need for need in ("arabiska", "läkare") if need in listed.split("<main")[1]] == []
    assert INTERPRETER in head(desk.case(in_need))


def test_a_search_shows_them_with_its_hits(in_need, desk):
    found = desk.client.post("/cases/search/", {"query": "Berit"}, follow=True).content.decode()
    assert f"{INTERPRETER} · {WISH} · Yrsel" in unescape(found)


def test_who_reads_a_case_of_another_queue_reads_them_too(care_provider, plain_queue, make_user, in_need):
    elsewhere = make_user("eva", "Eva", "Dahl")
    Membership.objects.create(user=elsewhere, queue=plain_queue)
    CareProvider.objects.filter(pk=care_provider.pk).update(opens_other_queues=True)
    asked = {"query": MOBILE, "ask": "1", "why": "helping", "told": "De är få i dag."}
    read = Page(desk := desk_of(elsewhere).client, desk.post("/cases/other-queues/", asked))
    assert "Behov av tolkarabiska Önskar tala medläkare" in read.text


def test_a_closed_case_goes_on_to_say_them(in_need, desk, nurse):
    acts.close(in_need, Status.DONE, by=nurse)
    assert INTERPRETER in head(desk.case(in_need))


# Where notes are written ---------------------------------------------------------------------------------------------


def test_beside_the_note_stands_that_the_record_is_kept_elsewhere_and_when_the_case_goes(case, desk, settings):
    told = "Journalförs i journalsystemet. Ett ärende är ingen patientjournal och tas bort efter {}."
    assert told.format("365 dagar") in desk.case(case).text
    settings.KEEP_CASES = timedelta(days=90)
    page = desk.case(case)
    assert told.format("90 dagar") in page.text
    assert told.format("90 dagar") in page.press(SAVE_NOTE, note_text="").text
