"""The choice "Samtycke till SMS" in the case view."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from cases.models import Case
from consent import register
from consent.models import Answer, Channel, Consent
from teleq.models import OutgoingSms
from tests.cases.desk import OTHER_MOBILE, desk_of
from tests.conftest import LANDLINE, MOBILE, QUESTION
from tests.database_roles import as_owner

SAVE = "Spara svaret"
NUMBER_CHANGED = "Numret har ändrats. Kontrollera svaret."
ANSWER_CHANGED = "Svaret har ändrats av någon annan. Ingenting sparades; nu visas det som gäller."
MONTHS = ["januari", "februari", "mars", "april", "maj", "juni"]
MONTHS += ["juli", "augusti", "september", "oktober", "november", "december"]


def shown_answer(page) -> str:
    return page.typed("answer", beside=SAVE)


def stored(number: str = MOBILE) -> list[tuple[str, str]]:
    """All that was ever stored for the number, in order."""
    events = Consent.history().filter(phone_number=number).order_by("pgh_id")
    return list(events.values_list("pgh_label", "answer"))


def test_the_choices_are_the_manuals_in_its_order_and_ej_valt_is_the_default(case, desk):
    page = desk.case(case)
    assert "Samtycke till SMS Ja Nej Ej valt" in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.html))
    assert shown_answer(page) == "unset"
    assert "Inget svar är sparat för numret." in page.text


def test_the_words_to_read_out_stand_beside_the_choice(case, desk):
    assert QUESTION in desk.case(case).text


@pytest.mark.parametrize(("answer", "label"), [("yes", "Ja"), ("no", "Nej")])
def test_an_answer_is_stored_with_who_where_and_until_when_and_the_page_says_so(answer, label, case, desk, nurse):
    after = desk.case(case).press(SAVE, answer=answer)
    consent = Consent.objects.get()
    assert (consent.answer, consent.phone_number.as_e164) == (answer, MOBILE)
    assert (consent.answered_by, consent.channel, consent.case_id) == (nurse, Channel.CASE, case.pk)
    assert consent.text.text == QUESTION
    assert consent.care_provider == case.queue.care_provider

    assert (after.status, shown_answer(after)) == (200, answer)
    saved = timezone.localtime(consent.answered_at)
    months = saved.year * 12 + saved.month - 1 + 14
    last = timezone.localtime(consent.valid_until)
    assert (last.year, last.month) == (months // 12, months % 12 + 1)
    assert f"Sparat {saved:%H.%M} · Gäller till {last.day} {MONTHS[last.month - 1]} {last.year}" in after.text
    assert f"Samtycke till SMS ändrat från Ej valt till {label}." in after.text
    assert "Svaret är sparat." in after.text


def test_a_chosen_ej_valt_is_an_answer_like_the_others(case, desk):
    desk.case(case).press(SAVE, answer="yes")
    after = desk.case(case).press(SAVE, answer="unset")
    assert shown_answer(after) == "unset"
    assert "Sparat " in after.text
    assert "Samtycke till SMS ändrat från Ja till Ej valt." in after.text
    assert stored() == [("insert", "yes"), ("update", "unset")]


def test_a_lapsed_answer_reads_as_ej_valt_and_can_be_given_anew(case, desk, lapsed):
    lapsed(Answer.YES)
    page = desk.case(case)
    assert shown_answer(page) == "unset"
    assert "Inget svar är sparat för numret." in page.text
    assert not page.has_button("Bekräfta svaret")
    after = page.press(SAVE, answer="yes")
    assert shown_answer(after) == "yes"
    assert "Samtycke till SMS ändrat från Ej valt till Ja." in after.text


def test_choosing_the_same_answer_again_changes_nothing(case, desk):
    desk.case(case).press(SAVE, answer="yes")
    desk.case(case).press(SAVE, answer="yes")
    assert stored() == [("insert", "yes")]


def test_in_its_last_month_confirming_the_answer_gives_it_another_14_months(case, desk, lapsing):
    lapsing(Answer.YES)
    after = desk.case(case).press("Bekräfta svaret")
    assert Consent.objects.get().valid_until > timezone.now() + timedelta(days=420)
    assert "Samtycke till SMS bekräftat: Ja." in after.text


def test_there_is_nothing_to_confirm_before_an_answer_or_its_last_month(case, desk, say, lapsing):
    assert not desk.case(case).has_button("Bekräfta svaret")
    say(Answer.YES)
    assert not desk.case(case).has_button("Bekräfta svaret")
    lapsing(Answer.UNSET, OTHER_MOBILE)
    desk.case(case).press("Spara numret", phone_number=OTHER_MOBILE)
    assert not desk.case(case).has_button("Bekräfta svaret")


class TestANumberThatSeveralUse:
    @pytest.fixture
    def child(self, book):
        return book(name="Elsa Testsson", personal_identity_number="201505054385")

    @pytest.fixture
    def sibling(self, book):
        return book(name="Maja Testsson", personal_identity_number="201707079289")

    def test_is_marked_and_asked_whose_answer_it_is(self, child, sibling, desk):
        page = desk.case(child)
        assert "Numret används av flera personer" in page.text
        assert "Vems svar är det?" in page.text
        assert "Välj person Elsa Testsson, 20150505-4385 Maja Testsson, 20170707-9289 Någon annan" in page.text

    def test_stores_whose_it_was_and_counts_for_the_number(self, child, sibling, desk):
        desk.case(child).press(SAVE, answer="yes", person="201707079289")
        consent = Consent.objects.get()
        assert (consent.answer, consent.person) == ("yes", "201707079289")
        assert Consent.history().get().person == "201707079289"
        assert desk.case(sibling).can_press("Skicka SMS")
        assert desk.case(sibling).typed("person", beside=SAVE) == "201707079289"

    def test_stores_nothing_without_it_and_keeps_what_was_chosen(self, child, sibling, desk):
        after = desk.case(child).press(SAVE, answer="no")
        assert after.status == 422
        assert "Välj vems svar det är." in after.text
        assert shown_answer(after) == "no"
        assert not Consent.objects.exists()

    def test_knows_somebody_else(self, child, sibling, desk):
        desk.case(child).press(SAVE, answer="no", person="other")
        assert Consent.objects.get().person == ""

    def test_takes_nobody_who_is_not_on_the_number(self, child, sibling, desk):
        assert desk.case(child).press(SAVE, answer="no", person="191212121212").status == 422

    def test_is_not_one_where_a_person_calls_again(self, child, book, desk):
        book(name="Elsa Testsson", personal_identity_number="201505054385")
        book(name="Okänd")
        assert "flera personer" not in desk.case(child).text

    def test_promise_9_tells_that_it_is_but_not_who_of_queues_one_is_not_in(
        self, child, sibling, desk, nurse, plain_queue
    ):
        Case.objects.filter(pk=sibling.pk).update(queue=plain_queue)
        nurse.memberships.filter(queue=plain_queue).delete()
        page = desk.case(child)
        assert "Numret används av flera personer" in page.text
        assert "Maja" not in page.html
        assert "20170707" not in page.html

    def test_is_not_one_when_the_other_is_another_care_providers(self, child, book, other_queue, desk):
        book(queue=other_queue, personal_identity_number="201707079289")
        assert "flera personer" not in desk.case(child).text


def test_a_page_left_open_on_ja_can_not_bring_it_back_after_a_nej(case, desk, colleague, lapsing):
    lapsing(Answer.YES)
    left_open = desk.case(case)
    desk_of(colleague).case(case).press(SAVE, answer="no")
    for button in (SAVE, "Bekräfta svaret"):
        after = left_open.press(button, answer="yes")
        assert after.status == 409
        assert ANSWER_CHANGED in after.text
        assert shown_answer(after) == "no"
        assert not after.can_press("Skicka SMS")
    assert stored() == [("insert", "yes"), ("update", "no")]


def test_of_two_pages_opened_before_any_answer_the_second_to_save_stores_nothing(case, desk, colleague):
    first, second = desk.case(case), desk_of(colleague).case(case)
    first.press(SAVE, answer="no")
    assert second.press(SAVE, answer="yes").status == 409
    assert stored() == [("insert", "no")]


def test_after_a_409_the_nurse_can_answer_from_the_page_she_got(case, desk, say):
    left_open = desk.case(case)
    say(Answer.NO)
    assert left_open.press(SAVE, answer="yes").press(SAVE, answer="yes").status == 200
    assert stored() == [("insert", "no"), ("update", "yes")]


def test_an_answer_for_a_number_that_was_changed_meanwhile_is_not_stored(case, desk, colleague, say):
    say(Answer.NO, OTHER_MOBILE)
    left_open = desk.case(case)
    desk_of(colleague).case(case).press("Spara numret", phone_number="070-174 06 06")
    after = left_open.press(SAVE, answer="yes")
    assert after.status == 409
    assert NUMBER_CHANGED in after.text
    assert shown_answer(after) == "no"
    assert (stored(), stored(OTHER_MOBILE)) == ([], [("insert", "no")])


@pytest.mark.parametrize("answer", ["maybe", "", "Ja", "YES", "yes\x00"])
def test_an_answer_that_is_none_of_the_three_is_not_stored(answer, case, desk):
    after = desk.case(case).press(SAVE, answer=answer)
    assert after.status == 422
    assert "Välj Ja, Nej eller Ej valt." in after.text
    assert stored() == []


@pytest.mark.parametrize("seen_event", ["9" * 30, "-1", "x", "1"])
def test_an_event_that_was_never_shown_stores_nothing(seen_event, case, desk):
    assert desk.case(case).press(SAVE, answer="yes", seen_event=seen_event).status in (409, 422)
    assert stored() == []


@pytest.mark.parametrize("answer", [Answer.YES, Answer.UNSET, None])
def test_where_the_queue_asks_for_no_consent_there_is_no_choice(answer, book, plain_queue, desk, say):
    if answer:
        say(answer)
    page = desk.case(book(queue=plain_queue))
    assert not page.has_button(SAVE)
    assert "Samtycke till SMS" not in page.text.split("Historik")[0]


def test_a_nej_is_shown_there_too_so_that_the_nurse_can_change_it(book, plain_queue, desk, say):
    say(Answer.NO)
    page = desk.case(book(queue=plain_queue))
    assert shown_answer(page) == "no"
    assert "SMS-utskick avböjt" in page.text
    after = page.press(SAVE, answer="unset")
    assert not after.has_button(SAVE)
    assert after.can_press("Skicka SMS")


def test_a_lapsed_nej_is_not_shown_there(book, plain_queue, desk, lapsed):
    lapsed(Answer.NO)
    page = desk.case(book(queue=plain_queue))
    assert not page.has_button(SAVE)
    assert page.can_press("Skicka SMS")


def test_without_settings_the_choice_is_shown(case, desk):
    with as_owner():
        OutgoingSms.objects.filter(queue=case.queue).delete()
    assert desk.case(case).has_button(SAVE)


def test_the_same_number_in_another_queue_of_the_care_provider_has_the_same_answer(case, book, plain_queue, desk):
    OutgoingSms.objects.filter(queue=plain_queue).update(consent_required=True)
    desk.case(case).press(SAVE, answer="yes")
    elsewhere = desk.case(book(queue=plain_queue))
    assert shown_answer(elsewhere) == "yes"
    assert elsewhere.can_press("Skicka SMS")


def test_another_care_providers_answer_for_the_same_number_is_its_own(case, book, other_queue, desk, outsider):
    desk.case(case).press(SAVE, answer="yes")
    theirs = desk_of(outsider).case(book(queue=other_queue))
    assert shown_answer(theirs) == "unset"
    assert not theirs.can_press("Skicka SMS")

    theirs.press(SAVE, answer="no")
    assert shown_answer(desk.case(case)) == "yes"
    assert register.current(other_queue.care_provider_id, MOBILE).consent.answer == Answer.NO


def test_a_landlines_answer_is_stored_all_the_same(book, desk):
    after = desk.case(book(phone_number=LANDLINE)).press(SAVE, answer="yes")
    assert shown_answer(after) == "yes"
    assert "Numret kan inte ta emot SMS (inte ett mobilnummer)." in after.text


def test_saving_the_rest_of_the_case_leaves_the_answer_alone(case, desk, say):
    say(Answer.YES)
    left_open = desk.case(case)
    say(Answer.NO)
    left_open.press("Spara uppgifterna", name="Berit Testsson-Lind", answer="yes")
    left_open.press("Spara anteckningen", note_text="Ringer igen.", answer="yes")
    left_open.press("Ta ärendet", answer="yes")
    assert stored() == [("insert", "yes"), ("update", "no")]
