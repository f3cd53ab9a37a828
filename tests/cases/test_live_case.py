"""The open case asks whether it still shows what stands (`cases.live`): 204 while it does, else the page as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.urls import reverse
from phonenumber_field.phonenumber import PhoneNumber

from access.access_log import Act
from access.models import AccessEntry
from cases import acts, callbacks, presence
from cases.models import Case, Presence
from consent import register
from consent.models import Answer, Consent
from sms import brake
from sms.models import InboundSms, Message, ProviderState
from sms.states import State
from teleq.changes import Change
from teleq.models import OutgoingSms
from tests.cases.desk import OTHER_MOBILE, Desk, Page, desk_of, said
from tests.cases.protecting import end, mark

# The version is made of transactions: what a test does has to be committed.
pytestmark = pytest.mark.django_db(transaction=True)

LIVE_PARTS = ["banner", "case-head", "unread-sms", "number", "others", "facts", "consent", "details", "protection"]
LIVE_PARTS += ["sms-send", "history", "live"]


@pytest.fixture
def open_at(desk, case) -> Page:
    return desk.case(case)


@pytest.fixture
def desk(nurse) -> Desk:
    return desk_of(nurse)


@pytest.fixture
def colleague(administrator):
    return administrator


def look_again(page: Page, **headers: str):
    """What the open page asks for by itself."""
    version = re.search(r'hx-vals=\'{"version": "(\w+)"}\'', page.html)
    assert version
    address = re.search(r'hx-get="(/cases/\d+/live/)"', page.html)
    assert address
    return page.client.get(address[1], {"version": version[1]}, headers=headers)


def a_message(case: Case, by) -> None:
    callbacks.send_sms(case, "Vi ringer igen.", token="ett", shown=case.phone_number.as_e164, by=by)


def a_reply(case: Case, by) -> None:
    InboundSms.objects.create(
        queue=case.queue, from_number=case.phone_number, text="Jag kan inte", provider="simulator"
    )


def an_answer(case: Case, by) -> None:
    seen = register.current(*case.consent_key).event_id
    provider = case.queue.care_provider
    register.answer_in_case(provider, case.phone_number, Answer.NO, by=by, case_id=case.pk, seen_event=seen)


def another_case(case: Case, by) -> None:
    at = case.callback_at + timedelta(hours=1)
    new = Case(queue=case.queue, phone_number=case.phone_number, name="Bo Testsson", callback_at=at)
    callbacks.create(new, by=by)


def change(**columns: str) -> Callable[..., object]:
    def do(case: Case, by) -> None:
        callbacks.save_details(case, {name: Change(getattr(case, name), to) for name, to in columns.items()}, by=by)

    return do


HAPPENS: dict[str, tuple[Callable[..., object], str]] = {
    "a colleague takes it": (lambda case, by: acts.take(case, by=by), "Pågår – Maria Ek"),
    "no answer": (lambda case, by: acts.record_attempt(case, reached=False, by=by), "Försök 1 av 3"),
    "a note": (lambda case, by: callbacks.add_note(case, "Hör illa.", by=by), "Hör illa."),
    "the need of an interpreter": (change(interpreter_language="arabiska"), "Tolk: arabiska"),
    "whom they wish to talk to": (change(speak_with="läkare"), "Önskar tala med: läkare"),
    "another name": (change(name="Bertil Nilsson"), "Bertil Nilsson"),
    "another number": (
        lambda case, by: callbacks.change_number(
            case, PhoneNumber.from_string(OTHER_MOBILE), shown=case.phone_number.as_e164, by=by
        ),
        "Telefonnumret ändrades.",
    ),
    "an answer": (an_answer, "SMS-utskick avböjt"),
    "STOPP": (lambda case, by: register.withdraw(*case.consent_key), "SMS-utskick avböjt"),
    "STOPP that waits for a lock": (
        lambda case, by: register.store_withdrawals([case.consent_key]),
        "SMS-utskick avböjt",
    ),
    "the answer lapses": (lambda case, by: Consent.objects.update(valid_until=Now()), "Samtycke till SMS saknas"),
    "an SMS": (a_message, "SMS: Väntar."),
    "a reply": (a_reply, "Nytt SMS från patienten"),
    "a mark": (mark, "Skyddade personuppgifter: telefonnumret"),
    "another case of the number": (another_case, "Bo Testsson"),
    "the queue asks for no consent": (
        lambda case, by: OutgoingSms.objects.update(consent_required=False, free_text=False),
        "Bara standardtexter",
    ),
    "the provider is down": (
        lambda case, by: ProviderState.objects.update_or_create(
            name="simulator", defaults={"open_until": Now() + timedelta(seconds=30)}
        ),
        "SMS:et väntar.",
    ),
    "all sending is stopped": (
        lambda case, by: brake.stop("Fel länk.", by=by),
        "Alla SMS-utskick är stoppade sedan",
    ),
    "it is late": (lambda case, by: Case.objects.update(callback_at=Now() - timedelta(hours=1)), "Försenad"),
}


@pytest.mark.parametrize("what", HAPPENS)
def test_what_happens_is_on_the_page_that_comes_then(what, desk, case, say, colleague):
    happens, shown = HAPPENS[what]
    say(Answer.YES)
    page = desk.case(case)
    assert look_again(page).status_code == 204
    happens(case, colleague)
    answer = look_again(page)
    assert answer.status_code == 200
    after = Page(page.client, answer)
    if what != "the queue asks for no consent":
        assert shown in after.text
        assert shown not in page.text
    assert look_again(after).status_code == 204


def test_the_states_of_an_sms_and_that_it_is_read(desk, case, say, nurse, colleague):
    say(Answer.YES)
    a_message(case, nurse)
    page = desk.case(case)
    for state, shown in (
        (State.SENDING, "SMS: Skickas."),
        (State.SENT, "SMS: Skickat."),
        (State.DELIVERED, "SMS: Levererat."),
    ):
        Message.objects.update(state=state, **({"claimed_at": Now()} if state == State.SENDING else {}))
        page = Page(page.client, look_again(page))
        assert shown in page.text
    assert 'data-live="5"' in page.html
    a_reply(case, None)
    page = Page(page.client, look_again(page))
    InboundSms.objects.update(read_at=Now(), read_by=colleague)
    page = Page(page.client, look_again(page))
    assert "Markera som läst" not in page.text
    mark(case, colleague)
    page = Page(page.client, look_again(page))
    end(case, colleague)
    assert "är inte längre markerat" in Page(page.client, look_again(page)).text


def test_who_else_has_it_open_and_that_they_left(open_at, case, nurse, colleague):
    presence.note(nurse, case)
    assert look_again(open_at).status_code == 204, "one's own presence is no news"
    presence.note(colleague, case)
    page = Page(open_at.client, look_again(open_at))
    assert look_again(page).status_code == 204
    Presence.objects.filter(user=colleague).update(seen_at=Now() - timedelta(minutes=1))
    assert look_again(page).status_code == 200


def test_what_happens_in_another_case_is_no_news(open_at, case, queue, colleague):
    other = callbacks.create(Case(queue=queue, phone_number=OTHER_MOBILE, callback_at=case.callback_at), by=None)
    acts.take(other, by=colleague)
    callbacks.add_note(other, "Hör illa.", by=colleague)
    assert look_again(open_at).status_code == 204


def test_the_look_is_noted_when_something_is_shown_and_not_else(open_at, case, colleague):
    noted = AccessEntry.objects.count()
    assert look_again(open_at).status_code == 204
    assert AccessEntry.objects.count() == noted
    version = {"version": "of long ago"}
    assert desk_of(colleague).client.get(reverse("cases:live", args=[case.pk]), version).status_code == 200
    assert [entry.act for entry in AccessEntry.objects.filter(case_id=case.pk, user=colleague)] == [Act.VIEW]


@pytest.mark.parametrize(("there", "told"), [("yes", 1), ("no", 0), (None, 0)])
def test_somebody_is_there_if_the_page_says_so(there, told, open_at, case, nurse):
    Presence.objects.all().delete()  # that they opened it is long ago
    look_again(open_at, **({"X-Somebody-Is-There": there} if there else {}))
    assert Presence.objects.filter(case=case, user=nurse).count() == told


@pytest.mark.parametrize(("there", "queries"), [("no", 3), ("yes", 4)])
def test_a_look_takes_few_queries(there, queries, open_at, django_assert_num_queries):
    look_again(open_at)
    with django_assert_num_queries(queries):  # session, user, version; and that they are there
        assert look_again(open_at, **{"X-Somebody-Is-There": there}).status_code == 204


def test_a_look_takes_no_message_from_the_page_that_it_is_for(desk, case, colleague):
    page = desk.case(case)
    desk.client.post(
        reverse("cases:act", args=[case.pk]), {"act": "take", "seen_event": page.typed("seen_event", "Ta ärendet")}
    )
    answer = look_again(page)
    assert answer.status_code == 200
    assert "Du har tagit ärendet." not in answer.content.decode()
    assert "Du har tagit ärendet." in said(desk.case(case))


def test_the_page_has_every_part_that_is_swapped(open_at):
    for part in LIVE_PARTS:
        assert open_at.html.count(f'id="{part}"') == 1, part


class TestOneHistory:
    def test_has_notes_and_sms_with_their_texts_latest_first(self, desk, case, say, nurse, colleague):
        say(Answer.YES)
        callbacks.add_note(case, "Hör illa.\nRing dottern.", by=colleague)
        a_message(case, nurse)
        a_reply(case, None)
        text = desk.case(case).text.rsplit("Historik")[-1]
        places = [text.index(each) for each in ("Jag kan inte", "Vi ringer igen.", "Hör illa.", "Patienten bokade")]
        assert places == sorted(places)
        assert "Anteckning Maria Ek" in text

    def test_asks_why_once_for_each_sms(self, desk, case, nurse):
        a_message(case, nurse)
        html = desk.case(case).html
        assert html.count("Varför stoppades SMS:et?") == 1


def test_an_act_leads_to_where_it_is_said(desk, case):
    page = desk.case(case)
    answer = desk.client.post(
        reverse("cases:add_note", args=[case.pk]),
        {"note_text": "Hör illa.", "note_press": page.typed("note_press", "Spara anteckningen")},
    )
    assert answer["Location"] == f"/cases/{case.pk}/#said-note"
    html = desk.case(case).html
    assert re.search(
        r'<div class="said" role="status" id="said-note"><p class="flash success">Anteckningen är sparad.</p></div>',
        html,
    )
    assert html.count("Anteckningen är sparad.") == 1


def test_what_has_no_place_on_the_page_stands_at_the_top(desk, case):
    a_reply(case, None)
    sms = InboundSms.objects.get()
    desk.client.post(reverse("cases:mark_read", args=[sms.pk]))
    page = desk.open(reverse("cases:inbound"))
    assert '<div id="flash" role="status"><p class="flash success">SMS:et är markerat som läst.</p></div>' in page.html


def test_what_comes_in_by_itself_has_the_links_of_the_page(open_at, case, colleague):
    """The version that it was asked for with is in none of them."""
    a_reply(case, colleague)
    parts = look_again(open_at).content.decode()
    assert f'href="/cases/{case.pk}/?edit=number"' in parts
    assert not re.search(r'href="[^"]*version', parts)
