""" "Skicka SMS" in the case view: the message, the standard texts, and what is said when it can't be sent."""

import re

import pytest

from consent.models import Answer
from sms.models import Message, StandardText
from teleq.models import OutgoingSms
from tests.cases.desk import messages_of

SEND, ADD = "Skicka SMS", "Lägg till svar"


@pytest.fixture
def standard_text(queue) -> StandardText:
    return StandardText.objects.create(queue=queue, name="ring 3 gånger", text="Vi har försökt nå dig tre gånger.")


@pytest.fixture
def shown(case, desk, say, standard_text):
    say(Answer.YES)
    return desk.case(case)


def test_lagg_till_svar_puts_the_chosen_text_into_the_message(shown, standard_text):
    after = shown.press(ADD, standard_text=standard_text.pk)
    assert after.typed("text", beside=SEND) == "Vi har försökt nå dig tre gånger."
    assert after.typed("standard_text", beside=SEND) == str(standard_text.pk)
    assert not Message.objects.exists()


def test_it_appends_and_replaces_nothing_of_what_is_written(shown, standard_text):
    once = shown.press(ADD, text="Hej Berit!  ", standard_text=standard_text.pk)
    assert once.typed("text", beside=SEND) == f"Hej Berit!  {standard_text.text}"
    twice = once.press(ADD)
    assert twice.typed("text", beside=SEND) == f"Hej Berit!  {standard_text.text}\n{standard_text.text}"


def test_what_was_added_is_sent_as_it_stands(shown, standard_text, case):
    shown.press(ADD, text="Hej!", standard_text=standard_text.pk).press(SEND)
    assert [message.text for message in messages_of(case)] == [f"Hej!\n{standard_text.text}"]


def test_it_works_while_the_patient_has_said_nej(case, desk, say, standard_text):
    say(Answer.NO)
    after = desk.case(case).press(ADD, text="Hej!", standard_text=standard_text.pk)
    assert (after.status, after.can_press(SEND)) == (200, False)
    assert after.typed("text", beside=SEND) == f"Hej!\n{standard_text.text}"


def test_without_a_chosen_text_it_asks_for_one(shown):
    after = shown.press(ADD, text="Hej!")
    assert after.status == 422
    assert "Välj en standardtext." in after.text
    assert after.typed("text", beside=SEND) == "Hej!"


@pytest.mark.parametrize("chosen", ["999999", "x", "9" * 30, "-1"])
def test_a_standard_text_that_is_not_there_is_refused_in_words(chosen, shown):
    after = shown.press(ADD, text="Hej!", standard_text=chosen)
    assert after.status == 422
    assert "Standardtexten finns inte längre. Välj en annan." in after.text
    assert after.typed("text", beside=SEND) == "Hej!"


def test_another_queues_standard_text_is_neither_offered_nor_added(case, desk, plain_queue, standard_text):
    theirs = StandardText.objects.create(queue=plain_queue, name="tidbokning", text="Hör av dig till tidbokningen.")
    page = desk.case(case)
    assert "ring 3 gånger" in page.html
    assert "tidbokning</option>" not in page.html
    after = page.press(ADD, standard_text=theirs.pk)
    assert after.status == 422
    assert theirs.text not in after.html


@pytest.mark.parametrize("text", ["", "   ", "\r\n\t "])
def test_an_empty_message_is_not_sent(text, shown, case):
    after = shown.press(SEND, text=text)
    assert after.status == 422
    assert "Skriv ett meddelande." in after.text
    assert messages_of(case) == []


@pytest.mark.parametrize(
    ("longest", "length"),
    [("a" * 918, "919 av 1071 tecken – 7 SMS"), ("Ж" * 402, "403 av 469 tecken – 7 SMS")],
)
def test_six_parts_are_sent_and_a_letter_more_is_not(longest, length, shown, case):
    after = shown.press(SEND, text=longest + longest[0])
    assert after.status == 422
    assert f"Meddelandet är för långt: {length}. Högst 6 SMS får skickas." in after.text
    assert after.typed("text", beside=SEND) == longest + longest[0]
    assert messages_of(case) == []

    after.press(SEND, text=longest)
    assert [message.text for message in messages_of(case)] == [longest]


def test_letters_written_in_two_parts_are_sent_as_one(shown, case):
    shown.press(SEND, text="Va\u0308lkommen a\u030ater")
    assert [message.text for message in messages_of(case)] == ["Välkommen åter"]


def test_lines_keep_their_ends(shown, case):
    shown.press(SEND, text="  Hej!\r\n\r\nHälsningar\r\n")
    assert [message.text for message in messages_of(case)] == ["Hej!\n\nHälsningar"]


@pytest.mark.parametrize("button", [SEND, ADD])
def test_a_nul_is_refused_in_words(button, shown, case, standard_text):
    after = shown.press(button, text="Hej\x00", standard_text=standard_text.pk)
    assert after.status == 422
    assert "Null-tecken är inte tillåtna." in after.text
    assert messages_of(case) == []


def test_a_text_with_markup_is_shown_as_text(shown, case, desk):
    shown.press(SEND, text="<b>Hej</b> & välkommen")
    assert "<b>Hej" not in desk.case(case).html
    assert "<b>Hej</b> & välkommen" in desk.case(case).text


def test_a_message_is_not_sent_to_a_number_that_was_changed_meanwhile(shown, case, desk, say):
    say(Answer.YES, "+46701740606")
    desk.case(case).press("Spara numret", phone_number="070-174 06 06")
    after = shown.press(SEND, text="Hej!")
    assert after.status == 409
    assert "Numret har ändrats. SMS:et skickades inte. Kontrollera svaret." in after.text
    assert after.typed("text", beside=SEND) == "Hej!"
    assert messages_of(case) == []


@pytest.mark.parametrize("missing", [{"token": ""}, {"token": "x"}, {"shown_number": ""}])
def test_a_press_without_token_or_number_sends_nothing(missing, shown, case):
    assert shown.press(SEND, text="Hej!", **missing).status == 422
    assert messages_of(case) == []


def test_the_counter_counts_as_the_gateway_does(shown):
    assert shown.press(ADD, text="Hej!", standard_text="").status == 422
    assert "0 av 160 tecken – 0 SMS" in shown.text
    assert "4 av 160 tecken – 1 SMS" in shown.press(ADD, text="Hej!").text


# What may be written -------------------------------------------------------------------------------------------------


def test_a_message_with_a_personnummer_is_not_sent_and_is_still_there(case, desk, say):
    say(Answer.YES)
    after = desk.case(case).press(SEND, text="Hej 19121212-1212, ring oss.")
    assert after.status == 422
    assert "Meddelandet innehåller ett personnummer. Ta bort det innan du skickar." in after.text
    assert after.typed("text", beside=SEND) == "Hej 19121212-1212, ring oss."
    assert messages_of(case) == []


class TestWithoutFreeText:
    ONLY = "Kön tillåter bara standardtexter. Välj en och tryck Lägg till svar."

    @pytest.fixture(autouse=True)
    def _without(self, queue, say):
        OutgoingSms.objects.update(free_text=False)
        say(Answer.YES)

    @pytest.fixture
    def offered(self, queue):
        return [StandardText.objects.create(queue=queue, name=name, text=f"Hej. {name}.") for name in ("ett", "två")]

    def test_the_message_can_not_be_written_in_and_the_page_says_why(self, case, desk):
        page = desk.case(case)
        assert self.ONLY in page.text
        assert re.search(r'<textarea name="text"[^>]* readonly', page.html)

    def test_a_standard_text_is_sent(self, case, desk, offered):
        desk.case(case).press(ADD, standard_text=offered[0].pk).press(SEND)
        assert [message.text for message in messages_of(case)] == ["Hej. ett."]

    def test_another_standard_text_takes_its_place(self, case, desk, offered):
        page = desk.case(case).press(ADD, standard_text=offered[0].pk)
        after = page.press(ADD, standard_text=offered[1].pk)
        assert after.typed("text", beside=SEND) == "Hej. två."

    @pytest.mark.parametrize("text", ["Hej!", "Hej. ett. Och mer."])
    def test_what_was_written_all_the_same_is_refused_with_the_reason(self, text, case, desk, offered):
        after = desk.case(case).press(SEND, text=text)
        assert after.status == 422
        assert self.ONLY in after.text
        assert messages_of(case) == []
