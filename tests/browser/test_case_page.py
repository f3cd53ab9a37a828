"""The case view in the browser: two at once, by keyboard, without JavaScript, and when the connection fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from playwright.sync_api import expect

from cases.models import Case
from consent import register
from consent.models import Answer, Consent
from sms import gateway
from sms.models import Kind, Lane, Message, State
from teleq.models import database_now
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def case(queue) -> Case:
    return Case.objects.create(
        queue=queue, name="Agda Andersson", phone_number=MOBILE, callback_at=database_now() + timedelta(hours=1)
    )


def stored(case: Case) -> str | None:
    consent = register.current(*case.consent_key).consent
    return consent and consent.answer


class TestTwoAtOnce:
    def test_a_page_left_open_cannot_bring_back_an_answer_that_was_withdrawn(self, sign_in, nurse, case, say):
        say(Answer.YES)
        left_open, other = sign_in(nurse), sign_in(nurse)
        for page in (left_open, other):
            page.get_by_role("link", name="Agda Andersson").click()
            expect(page.get_by_label("Samtycke till SMS")).to_have_value("yes")
        other.get_by_label("Samtycke till SMS").select_option("Nej")
        expect(other.get_by_text("SMS-utskick avböjt")).to_be_visible()

        left_open.get_by_role("button", name="Bekräfta svaret").click()

        expect(left_open.get_by_text("Svaret har ändrats av någon annan.")).to_be_visible()
        expect(left_open.get_by_label("Samtycke till SMS")).to_have_value("no")
        expect(left_open.get_by_text("SMS-utskick avböjt")).to_be_visible()
        assert stored(case) == Answer.NO

    def test_a_no_and_a_press_at_once_end_refused_or_sent_before_but_never_sent_after(self, case, say, nurse, provider):
        """Twenty rounds of the two requests that the pages make, on connections of their own."""

        def post(address: str, data: dict[str, object]) -> int:
            mine = Client()
            mine.force_login(nurse)
            try:
                return mine.post(f"/cases/{case.pk}/{address}/", data).status_code
            finally:
                connection.close()

        for number in range(20):
            say(Answer.YES)
            seen = register.current(*case.consent_key).event_id
            no = {"answer": "no", "shown_number": MOBILE, "seen_event": seen}
            press = {
                "send": "1",
                "text": f"nummer {number}",
                "shown_number": MOBILE,
                "token": f"00000000-0000-4000-8000-{number:012}",
            }

            def press_and_deliver(press: dict[str, object] = press) -> None:
                post("sms", press)
                try:
                    gateway.drain(Lane.MANUAL)
                finally:
                    connection.close()

            with ThreadPoolExecutor(2) as pool:
                acts = [pool.submit(press_and_deliver), pool.submit(post, "consent", no)]
                for act in acts:
                    act.result(30)
            assert stored(case) == Answer.NO
            message = Message.objects.get(text=f"nummer {number}")
            withdrawn = Consent.objects.get().answered_at
            sent = message.state == State.SENT
            assert sent == any(sms["message"] == message.text for sms in provider.received)
            if sent:
                assert message.claimed_at < withdrawn
                assert message.consent_answer == Answer.YES
            else:
                assert message.refusal == "declined"


class TestByKeyboard:
    def test_arrow_keys_through_the_closed_list_save_nothing_and_leaving_it_saves_once(self, sign_in, nurse, case):
        page = sign_in(nurse)
        page.get_by_role("link", name="Agda Andersson").click()
        answer = page.get_by_label("Samtycke till SMS")
        answer.focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        expect(answer).to_have_value("yes")
        expect(page.get_by_role("button", name="Spara svaret")).to_be_visible()
        assert stored(case) is None
        page.get_by_label("Skriv meddelande").focus()
        expect(page.get_by_text("Gäller till")).to_be_visible()
        assert [event.answer for event in Consent.history()] == ["yes"]

    def test_enter_saves_the_choice(self, sign_in, nurse, case):
        page = sign_in(nurse)
        page.get_by_role("link", name="Agda Andersson").click()
        page.get_by_label("Samtycke till SMS").focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(page.get_by_text("SMS-utskick avböjt")).to_be_visible()
        assert stored(case) == Answer.NO


class TestNothingTypedIsLost:
    def test_a_message_that_is_being_written_stays_while_the_answer_and_a_note_are_saved(self, sign_in, nurse, case):
        page = sign_in(nurse)
        page.get_by_role("link", name="Agda Andersson").click()
        page.get_by_label("Skriv meddelande").fill("Hej € 😀")
        expect(page.get_by_text("8 av 70 tecken – 1 SMS")).to_be_visible()
        page.get_by_label("Samtycke till SMS").select_option("Ja")
        expect(page.get_by_text("Gäller till")).to_be_visible()
        page.get_by_label("Ny anteckning").fill("Ringer efter lunch")
        page.get_by_role("button", name="Spara anteckningen").click()
        expect(page.get_by_label("Ny anteckning")).to_have_value("")
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej € 😀")

    def test_an_unsaved_number_shuts_answer_and_sms_until_it_is_saved(self, sign_in, nurse, case, say):
        say(Answer.YES)
        page = sign_in(nurse)
        page.get_by_role("link", name="Agda Andersson").click()
        page.get_by_label("Telefonnummer").fill("070-174 06 06")
        expect(page.get_by_text("Spara numret först")).to_be_visible()
        expect(page.get_by_role("button", name="Skicka SMS")).to_be_disabled()
        expect(page.get_by_label("Samtycke till SMS")).to_be_disabled()
        page.get_by_role("button", name="Spara numret").click()
        expect(page.get_by_text("Samtycke till SMS saknas", exact=True)).to_be_visible()
        expect(page.get_by_label("Samtycke till SMS")).to_have_value("unset")

    def test_without_a_connection_it_says_so_and_keeps_the_text(self, sign_in, nurse, case, say):
        say(Answer.YES)
        page = sign_in(nurse)
        page.get_by_role("link", name="Agda Andersson").click()
        page.get_by_label("Skriv meddelande").fill("Hej")
        page.context.set_offline(True)
        page.get_by_role("button", name="Skicka SMS").click()
        expect(page.get_by_text("Det gick inte att nå teleQ. Ingenting sparades.")).to_be_visible()
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej")

    def test_after_the_session_has_ended_it_says_so_and_keeps_the_text(self, sign_in, nurse, case, say):
        say(Answer.YES)
        page = sign_in(nurse)
        page.get_by_role("link", name="Agda Andersson").click()
        page.get_by_label("Skriv meddelande").fill("Hej")
        page.context.clear_cookies(name="sessionid")
        page.get_by_role("button", name="Skicka SMS").click()
        expect(page.get_by_text("Du är utloggad.")).to_be_visible()
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej")


def test_everything_works_without_javascript(sign_in, nurse, queue, standard_text):
    page = sign_in(nurse, java_script_enabled=False)
    page.get_by_role("link", name="Nytt ärende").click()
    page.get_by_label("Kö").select_option(str(queue))
    page.get_by_label("Telefonnummer").fill("070-174 06 05")
    page.get_by_label("Namn").fill("Agda Andersson")
    later = (database_now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    page.get_by_label("Tid").fill(later)
    page.get_by_role("button", name="Skapa ärendet").click()
    page.get_by_role("button", name="Ta ärendet").click()
    expect(page.get_by_text("Pågår – Anna Lind")).to_be_visible()
    page.get_by_label("Samtycke till SMS").select_option("Ja")
    page.get_by_role("button", name="Spara svaret").click()
    expect(page.get_by_text("Gäller till")).to_be_visible()
    page.get_by_label("Skriv meddelande").fill("Hej.")
    page.get_by_label("Standardtexter").select_option("ring 3 gånger")
    page.get_by_role("button", name="Lägg till svar").click()
    expect(page.get_by_label("Skriv meddelande")).to_have_value(f"Hej.\n{standard_text.text}")
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    assert Message.objects.get().kind == Kind.MANUAL
    page.get_by_role("link", name="‹ Arbetslista").click()
    page.get_by_label("Sök telefonnummer eller personnummer").fill("+46 70 174 06 05")
    page.get_by_role("button", name="Sök").click()
    expect(page.get_by_role("link", name="Agda Andersson")).to_be_visible()
    assert "0605" not in page.url.replace(" ", "")
