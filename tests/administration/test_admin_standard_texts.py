"""Standardtexter: counted and shown as they would be sent, with what stops them and what is unwise in them."""

from __future__ import annotations

import pytest

from sms.models import StandardText
from teleq.models import OutgoingSms, Queue
from tests.administration.forms import said, save, shown, text_of

pytestmark = pytest.mark.django_db

ADD, PREVIEW = "/admin/sms/standardtext/add/", "/admin/sms/standardtext/preview/"


@pytest.fixture
def address(queue: Queue) -> str:
    text = StandardText.objects.create(queue=queue, name="ring", text="Vi söker dig från Beroendemottagningen.")
    return f"/admin/sms/standardtext/{text.pk}/change/"


def test_the_page_shows_the_text_with_its_length_and_what_is_unwise_without_javascript(office, address):
    text = text_of(office.get(address))
    assert "Så här blir SMS:et Vi söker dig från Beroendemottagningen. 39 av 160 tecken – 1 SMS" in text
    assert "”Beroendemottagningen” kan avslöja vilken vård det gäller" in text
    assert "Patienten kan inte svara STOPP på SMS från ett namn." in text


def test_a_new_text_is_previewed_empty(office):
    assert "Så här blir SMS:et Ingen text. 0 av 160 tecken – 0 SMS" in text_of(office.get(ADD))


def test_the_preview_follows_what_is_typed_and_the_queue_that_is_chosen(office, address, queue, plain_queue):
    assert f'hx-post="{PREVIEW}"' in office.get(address).content.decode()
    OutgoingSms.objects.filter(queue=plain_queue).update(sender="+46701740698")
    form = shown(office.get(address)) | {"text": "<b>Vi ringer</b> igen"}
    from_a_name = office.post(PREVIEW, form)
    assert "<b>" not in from_a_name.content.decode()
    assert text_of(from_a_name).strip().startswith("<b>Vi ringer</b> igen 21 av 160 tecken – 1 SMS")
    assert "svara STOPP" in text_of(from_a_name)
    assert "svara STOPP" not in text_of(office.post(PREVIEW, form | {"queue": plain_queue.pk}))
    assert StandardText.objects.get().text == "Vi söker dig från Beroendemottagningen."


def test_the_preview_says_what_would_stop_the_text(office, queue):
    for text, problem in (
        ("Hej {namn}", "{namn} fylls inte i här"),
        ("Hej 19121212-1212", "Meddelandet innehåller ett personnummer."),
        ("ł" * 500, "Meddelandet är för långt: 500 av 536 tecken – 8 SMS."),
    ):
        assert problem in text_of(office.post(PREVIEW, {"queue": queue.pk, "text": text}))


@pytest.mark.parametrize("chosen", ["", "999999", "hej"])
def test_before_a_queue_is_chosen_the_text_is_counted_and_no_more(chosen, office):
    text = text_of(office.post(PREVIEW, {"queue": chosen, "text": "Vi ringer"}))
    assert text.split() == ["Vi", "ringer", "9", "av", "160", "tecken", "–", "1", "SMS"]


def test_a_text_that_could_not_be_saved_is_previewed_as_it_was_typed(office, queue):
    response = office.post(ADD, {"queue": queue.pk, "name": "fel", "text": "Hej {namn}"})
    text = text_of(response)
    assert "Så här blir SMS:et Hej {namn}" in text
    assert text.count("{namn} fylls inte i här") == 1


def test_what_is_unwise_is_told_when_it_has_been_saved_and_stops_nothing(office, address):
    response = save(office, address, text="Läs mer på www.vc.se. Inga SMS? Ring 08-465 004 01.")
    assert response.status_code == 302
    assert StandardText.objects.get().text.startswith("Läs mer")
    [told] = [each for each in said(response) if "länk" in each]
    assert "liknar bedrägeriförsök" in told


def test_another_care_providers_sender_is_not_told_of(client, outsider, queue):
    client.force_login(outsider)
    assert "STOPP" not in text_of(client.post(PREVIEW, {"queue": queue.pk, "text": "Vi ringer"}))
