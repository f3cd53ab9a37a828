"""Utgående SMS: who the sender is, and what is texted when a callback is booked and before it is due."""

from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, transaction

from administration import queues
from administration.outgoing_sms import SENDER_OF_ANOTHER
from sms.content.placeholders import OFFERED
from sms.content.rules import NO_NUMBER
from teleq.changes import Change
from teleq.models import INVALID_SENDER, Lead, OutgoingSms, Queue
from tests.administration.forms import errors, said, save, shown, text_of
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock

pytestmark = pytest.mark.django_db

TEXTS = ["confirmation_text", "reminder_text"]
OFFER = "Det som kan fyllas i är {tid}, {datum}, {enhet} och {telefon}."


@pytest.fixture
def address(queue: Queue) -> str:
    return f"/admin/teleq/outgoingsms/{queue.pk}/change/"


@pytest.fixture
def reachable(queue: Queue) -> Queue:
    """The queue has a telephone number."""
    queue.phone_number = "+46846500401"
    queue.save(update_fields=["phone_number"])
    return queue


def stored(queue: Queue) -> OutgoingSms:
    return OutgoingSms.objects.get(queue=queue)


# The page ------------------------------------------------------------------------------------------------------------


def test_where_nothing_is_booked_the_box_tells_so_without_sums(office, plain_queue):
    page = text_of(office.get(f"/admin/teleq/outgoingsms/{plain_queue.pk}/change/"))
    assert "Inget SMS som väntar stoppas av det, och inget till kommande återuppringningar." in page
    assert "0 utan svar" not in page


def test_consent_comes_first_then_sender_confirmation_and_reminder(office, address):
    groups = [(each.name, list(each.fields)) for each in office.get(address).context["adminform"]]
    assert groups == [
        ("Samtycke", ["consent_required"]),
        ("Avsändare", ["sender"]),
        ("SMS från ärenden", ["free_text"]),
        ("Bokningsbekräftelse", ["confirmation_on", "confirmation_text"]),
        ("Påminnelse om återuppringning", ["reminder_on", "reminder_minutes", "reminder_text"]),
    ]


def test_beside_each_text_stands_what_can_be_filled_in_and_what_it_becomes(office, address):
    text = text_of(office.get(address))
    for placeholder, meaning in OFFERED.items():
        assert text.count(f"{placeholder} {meaning}") == 2


def test_confirmation_and_reminder_are_saved(office, address, queue):
    form = {
        "confirmation_on": "on", "confirmation_text": "Vi ringer {datum} kl. {tid}.",
        "reminder_on": "on", "reminder_minutes": Lead.HOURS_2, "reminder_text": "Snart ringer {enhet}.",
    }  # fmt: skip
    assert save(office, address, **form).status_code == 302
    outgoing_sms = stored(queue)
    assert (outgoing_sms.confirmation_on, outgoing_sms.confirmation_text) == (True, "Vi ringer {datum} kl. {tid}.")
    assert (outgoing_sms.reminder_on, outgoing_sms.reminder_minutes) == (True, 120)
    assert outgoing_sms.reminder_text == "Snart ringer {enhet}."
    assert outgoing_sms.consent_required


def test_a_lead_that_is_not_offered_is_refused(office, address, queue):
    assert errors(save(office, address, reminder_minutes="7"), "reminder_minutes")
    assert stored(queue).reminder_minutes == Lead.HOURS_1


# Texts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("Hej {namn}!", ["{namn} går inte att fylla i."]),
        ("Hej {Tid}, {} och {}", ["{Tid} går inte att fylla i.", "{} går inte att fylla i."]),
        ("Kl. {tid", ["Tecknet { står ensamt."]),
        ("Kl. {tid}}", ["Tecknet } står ensamt."]),
    ],
)
def test_what_can_not_be_filled_in_is_named_at_its_field_and_nothing_typed_is_lost(
    name, text, problems, office, address, queue
):
    response = save(office, address, sender="Annan", **{name: text})
    assert errors(response, name) == [f"{problem} {OFFER}" for problem in problems]
    assert shown(response)[name] == text
    assert shown(response)["sender"] == "Annan"
    assert stored(queue).sender == "teleQ"


def test_a_number_that_the_queue_does_not_have_is_not_promised(office, address, queue):
    [problem] = errors(save(office, address, reminder_text="Ring {telefon}."), "reminder_text")
    assert "Skriv numret i Köer, eller ta bort {telefon} här." in problem
    assert "{telefon}" not in stored(queue).reminder_text


def test_a_number_that_the_queue_has_is_told(office, address, reachable):
    assert save(office, address, reminder_text="Ring {telefon}.").status_code == 302
    assert stored(reachable).reminder_text == "Ring {telefon}."


@pytest.mark.django_db(transaction=True)
def test_a_number_taken_away_while_the_text_is_being_saved_is_told_and_stores_nothing(office, address, reachable):
    form = shown(office.get(address)) | {"reminder_text": "Ring {telefon}.", "sender": "Annan"}
    with transaction.atomic():
        shown_number, reachable.phone_number = reachable.phone_number, ""
        queues.save_queue(reachable, {"phone_number": Change(shown_number, "")})
        post = in_another_connection(lambda: office.post(address, form))
        wait_until_a_connection_waits_for_a_lock()
    assert said(post.result(10)) == [NO_NUMBER]
    assert stored(reachable).sender == "teleQ"


@pytest.mark.parametrize(
    ("text", "length"),
    [("ł" * 403, "403 av 469 tecken – 7 SMS"), ("{datum}" * 46, "920 av 1071 tecken – 7 SMS")],  # torsdag 24 september
)
def test_a_text_too_long_once_it_is_filled_in_is_refused_with_its_length_and_the_limit(text, length, office, address):
    response = save(office, address, confirmation_text=text)
    assert errors(response, "confirmation_text") == [f"Meddelandet är för långt: {length}. Högst 6 SMS får skickas."]


@pytest.mark.parametrize("name", TEXTS)
def test_an_automatic_text_with_a_personnummer_is_not_saved(name, office, address):
    response = save(office, address, **{name: "Hej 19121212-1212, vi ringer {tid}."})
    assert errors(response, name) == ["Meddelandet innehåller ett personnummer. Ta bort det innan du skickar."]


@pytest.mark.parametrize("text", ["\u200b", "\ufeff\u00ad"])
def test_a_text_that_nobody_can_see_is_none(text, office, address):
    response = save(office, address, confirmation_on="on", confirmation_text=text)
    assert errors(response, "confirmation_text") == ["Skriv en text, eller avmarkera rutan ovanför."]


@pytest.mark.parametrize(
    ("name", "switch"), [("confirmation_text", "confirmation_on"), ("reminder_text", "reminder_on")]
)
def test_a_text_may_be_empty_only_while_it_is_not_sent(name, switch, office, address, queue):
    assert save(office, address, **{name: " \r\n ", switch: None}).status_code == 302
    assert getattr(stored(queue), name) == ""
    assert errors(save(office, address, **{switch: "on"}), name) == ["Skriv en text, eller avmarkera rutan ovanför."]
    assert not getattr(stored(queue), switch)


def test_a_text_is_stored_as_it_will_be_sent(office, address, queue):
    save(office, address, confirmation_text="  Va\u030ardcentralen\r\nringer {datum}.  ")
    assert stored(queue).confirmation_text == "Vårdcentralen\nringer {datum}."


# The preview ---------------------------------------------------------------------------------------------------------


def test_the_page_shows_each_text_filled_in_with_its_length_without_javascript(office, address, reachable):
    OutgoingSms.objects.update(confirmation_text="{datum} kl. {tid} från {telefon}", reminder_text="Häls. {enhet}")
    text = text_of(office.get(address))
    assert "Så här blir SMS:et torsdag 24 september kl. 10.30 från 08-465 004 01 49 av 160 tecken – 1 SMS" in text
    assert f"Så här blir SMS:et Häls. {reachable.unit} 17 av 160 tecken – 1 SMS" in text


def test_the_day_and_the_time_in_the_help_are_those_of_the_preview(office, address, reachable):
    OutgoingSms.objects.update(confirmation_text="Vi ringer {datum} kl. {tid}.")
    text = text_of(office.get(address))
    day, time = (
        re.search(f"{re.escape(placeholder)} {what}, som ([^{{]+) {{", text)[1] for placeholder, what in HELP.items()
    )
    assert f"Så här blir SMS:et Vi ringer {day} kl. {time}." in text


HELP = {"{datum}": "dagen", "{tid}": "klockslaget"}


def test_what_can_not_be_saved_is_previewed_as_it_was_typed(office, address):
    response = save(office, address, reminder_text="Hej {namn}, {enhet}")
    assert "Så här blir SMS:et Hej {namn}, VC Spindeln" in text_of(response)


@pytest.mark.parametrize("name", TEXTS)
def test_the_preview_follows_what_is_typed_and_stores_nothing(name, office, address, queue):
    before = getattr(stored(queue), name)
    preview = f"/admin/teleq/outgoingsms/{queue.pk}/preview/{name}/"
    assert f'hx-post="{preview}"' in office.get(address).content.decode()
    # The whole form comes along, as htmx posts it.
    response = office.post(preview, shown(office.get(address)) | {name: "<b>{tid}</b> " + "å" * 160})
    words = ["<b>10.30</b>", "å" * 160, "173", "av", "306", "tecken", "–", "2", "SMS"]
    assert text_of(response).split()[: len(words)] == words
    assert "<b>" not in response.content.decode()
    assert getattr(stored(queue), name) == before


def test_the_preview_follows_the_sender_that_is_typed(office, queue):
    preview = f"/admin/teleq/outgoingsms/{queue.pk}/preview/reminder_text/"
    asked = "Patienten kan inte svara STOPP på SMS från ett namn."
    for sender, is_asked in (("Spindeln", True), ("070-174 06 98", False), ("", True), ("!", True)):
        text = text_of(office.post(preview, {"reminder_text": "Vi ringer.", "sender": sender}))
        assert (asked in text) == is_asked, sender


def test_the_preview_says_when_a_text_is_too_long_and_when_there_is_none(office, queue):
    preview = f"/admin/teleq/outgoingsms/{queue.pk}/preview/reminder_text/"
    assert "– 7 SMS – för långt" in text_of(office.post(preview, {"reminder_text": "ł" * 403}))
    assert "Ingen text." in text_of(office.post(preview, {}))


def test_only_the_texts_are_previewed_and_only_by_post(office, queue):
    assert office.post(f"/admin/teleq/outgoingsms/{queue.pk}/preview/sender/", {"sender": "x"}).status_code == 404
    assert office.post("/admin/teleq/outgoingsms/999999/preview/reminder_text/").status_code == 404
    assert office.get(f"/admin/teleq/outgoingsms/{queue.pk}/preview/reminder_text/").status_code == 405


# The sender ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("VCSpindeln", "VCSpindeln"),
        ("Vc1", "Vc1"),
        ("A0701740605", "A0701740605"),
        ("070-174 06 05", "+46701740605"),
        ("+46 (0)70-174 06 05", "+46701740605"),
        ("0046701740605", "+46701740605"),
        ("08-465 004 01", "+46846500401"),
        ("\u202c070-174 06 05", "+46701740605"),
    ],
)
def test_the_sender_is_a_name_or_a_number_however_it_is_typed(typed, kept, office, address, queue):
    assert save(office, address, sender=typed).status_code == 302
    assert stored(queue).sender == kept


@pytest.mark.parametrize(
    "typed",
    [
        "1177",
        "VC",
        "1Vard",
        "VC Spindeln",
        "Vårdvalet",
        "ElvaTeckenXX",
        "Ring 070-174 06 05",
        "070-174 06 05x1",
        "+46",
        "!",
    ],
)
def test_a_sender_that_no_provider_takes_is_refused_in_swedish(typed, office, address, queue):
    response = save(office, address, sender=typed)
    assert errors(response, "sender") == [INVALID_SENDER]
    assert shown(response)["sender"] == typed
    assert stored(queue).sender == "teleQ"


def test_a_name_can_not_be_answered_and_the_page_asks_for_another_way_to_say_no(office, address, reachable):
    asked = "Patienten kan inte svara STOPP på SMS från ett namn. Skriv i texterna hur man tackar nej"
    assert asked in text_of(office.get(address))
    assert any(asked in message for message in said(save(office, address, sender="Spindeln")))
    with_a_way = {"confirmation_text": "Din tid är bokad. Inga SMS? Ring {telefon}."}
    assert not any(asked in message for message in said(save(office, address, **with_a_way)))


def test_a_number_can_and_the_page_says_what_comes_of_it(office, address):
    response = save(office, address, sender="070-174 06 99")
    assert not any("Patienten kan inte svara" in message for message in said(response))
    assert "Patienter som svarar STOPP får inga fler SMS." in text_of(office.get(address))


def test_a_number_belongs_to_one_care_provider(office, address, queue, plain_queue, other_queue):
    OutgoingSms.objects.filter(queue=other_queue).update(sender="+46701740699")
    response = save(office, address, sender="070-174 06 99")
    assert errors(response, "sender") == [SENDER_OF_ANOTHER]
    assert stored(queue).sender == "teleQ"
    OutgoingSms.objects.filter(queue=other_queue).update(sender="teleQ")
    OutgoingSms.objects.filter(queue=plain_queue).update(sender="+46701740699")  # of the same care provider
    save(office, address, sender="070-174 06 99")
    assert stored(queue).sender == "+46701740699"


@pytest.mark.parametrize("sender", ["VC Spindeln", "Vårdcentral", "1177", "abcdefghijkl", ""])
def test_the_database_takes_no_sender_that_a_provider_would_change(sender, queue):
    with pytest.raises(IntegrityError), transaction.atomic():
        OutgoingSms.objects.filter(queue=queue).update(sender=sender)
