"""Admin: the telephone menu. Who sets it up, what a form refuses, the tree, and Provring, which leaves nothing."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from django.utils import timezone

from access.models import AccessEntry
from cases.models import Case
from consent.models import Consent
from telephony import wav
from telephony.models import Announcement, Call, Choice, Menu, PatientsNumber, Recording
from telephony.sentences import STANDARD, said_in
from tests.administration.forms import text_of
from tests.telephony.conftest import *  # noqa: F403  the town's telephone
from tests.telephony.conftest import recorded, sound

pytestmark = pytest.mark.django_db

NUMBERS, MENUS = "/admin/telephony/patientsnumber/", "/admin/telephony/menu/"
NO_HOURS = {"hours-TOTAL_FORMS": "0", "hours-INITIAL_FORMS": "0"}
NO_CHOICES = {"choices-TOTAL_FORMS": "0", "choices-INITIAL_FORMS": "0"}


@pytest.fixture
def whole(provider_administrator) -> Client:
    """The browser of who administers the whole care provider."""
    client = Client()
    client.force_login(provider_administrator)
    return client


def filled_in(number: PatientsNumber, **columns: object) -> dict[str, object]:
    return {
        "care_provider": number.care_provider_id,
        "number": "08-465 004 51",
        "greeting": number.greeting_id,
        "languages": ["sv"],
        "queue": number.queue_id,
        **NO_HOURS,
        **columns,
    }


# Who -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [NUMBERS, MENUS, "/admin/telephony/announcement/"])
def test_the_care_providers_administrator_and_the_operator_set_it_up(address, whole, superuser, number):
    assert whole.get(address).status_code == 200
    operator = Client()
    operator.force_login(superuser)
    assert operator.get(address).status_code == 200


@pytest.mark.parametrize("address", [NUMBERS, MENUS, "/admin/telephony/announcement/"])
def test_a_queues_administrator_does_not(address, office):
    assert office.get(address).status_code == 403


def test_another_care_providers_number_is_not_found(whole, number, other_care_provider, other_queue):
    words = Announcement.objects.create(care_provider=other_care_provider, words="Hej.")
    others = PatientsNumber.objects.create(
        care_provider=other_care_provider, number="+46846500459", greeting=words, queue=other_queue
    )
    assert whole.get(f"{NUMBERS}{others.pk}/change/").status_code == 404
    assert whole.post(f"{NUMBERS}{others.pk}/trial/").status_code == 404
    assert "08-465 004 59" not in text_of(whole.get(NUMBERS))


# Numbers -------------------------------------------------------------------------------------------------------------


def test_a_number_is_added_and_leads_to_a_queue(whole, number, queue):
    assert whole.post(f"{NUMBERS}add/", filled_in(number)).status_code == 302
    added = PatientsNumber.objects.get(number="+46846500451")
    assert (added.queue, added.is_on, added.languages) == (queue, False, ["sv"])


def test_a_number_leads_to_one_place_and_no_more(whole, number, announce):
    told = text_of(whole.post(f"{NUMBERS}add/", filled_in(number, announcement=announce("Hej.").pk)))
    assert "Välj ett: en kö, en meny eller ett meddelande." in told
    told = text_of(whole.post(f"{NUMBERS}add/", filled_in(number, queue="")))
    assert "Välj ett: en kö, en meny eller ett meddelande." in told
    assert PatientsNumber.objects.count() == 1


def test_another_care_providers_queue_can_not_be_chosen(whole, number, other_queue):
    assert whole.post(f"{NUMBERS}add/", filled_in(number, queue=other_queue.pk)).status_code == 200
    assert PatientsNumber.objects.count() == 1


def test_a_number_that_lacks_recordings_can_not_be_switched_on_and_is_told_which(whole, number):
    Recording.objects.filter(sentence="booked").update(replaced_at="2026-01-01T00:00:00Z")
    told = text_of(whole.post(f"{NUMBERS}add/", filled_in(number, is_on="on")))
    assert "Numret kan inte tas i bruk: inspelningar saknas." in told
    assert f"svenska: ”{STANDARD['booked'].swedish}”" in told
    assert not PatientsNumber.objects.filter(number="+46846500451").exists()


def test_in_a_language_without_recordings_the_first_are_named_and_the_others_counted(whole, number):
    told = text_of(whole.post(f"{NUMBERS}add/", filled_in(number, is_on="on", languages=["sv", "en"])))
    assert "engelska: ”If this is life-threatening, hang up and call 112.”" in told
    # All but the question about SMS, which is not asked, and with the greeting.
    assert f"och {len(said_in('en')) - 1 + 1 - 5} till" in told


def test_with_all_recordings_it_is_switched_on(whole, number):
    assert whole.post(f"{NUMBERS}add/", filled_in(number, is_on="on")).status_code == 302
    assert PatientsNumber.objects.get(number="+46846500451").is_on


def test_the_page_draws_the_whole_menu(whole, number, announce, queue):
    menu = Menu.objects.create(care_provider=number.care_provider, name="Huvudmeny")
    inner = Menu.objects.create(care_provider=number.care_provider, name="Recept")
    Choice.objects.create(of_menu=menu, key=1, words=announce("För rådgivning, tryck 1."), queue=queue)
    Choice.objects.create(of_menu=menu, key=2, order=2, words=announce("För recept, tryck 2."), menu=inner)
    Choice.objects.create(of_menu=inner, key=9, words=announce("Tillbaka, tryck 9."), menu=menu)
    number.queue, number.menu = None, menu
    number.save()
    page = text_of(whole.get(f"{NUMBERS}{number.pk}/change/"))
    assert "Huvudmeny meny 1 VC Spindeln Rådgivning kö För rådgivning, tryck 1. 2 Recept meny" in page
    assert "9 Huvudmeny (visas ovan) meny" in page


# Menus ---------------------------------------------------------------------------------------------------------------


def choice(**columns: object) -> dict[str, object]:
    return {f"choices-0-{name}": value for name, value in ({"key": 1, "order": 0} | columns).items()} | {
        "choices-TOTAL_FORMS": "1",
        "choices-INITIAL_FORMS": "0",
    }


def test_a_menu_is_added_with_its_choices(whole, number, announce, queue):
    words = announce("För rådgivning, tryck 1.")
    form = {"care_provider": number.care_provider_id, "name": "Huvudmeny", **choice(words=words.pk, queue=queue.pk)}
    assert whole.post(f"{MENUS}add/", form).status_code == 302
    assert Choice.objects.get().queue == queue


def test_a_choice_without_anywhere_to_lead_is_refused(whole, number, announce):
    words = announce("För rådgivning, tryck 1.")
    form = {"care_provider": number.care_provider_id, "name": "Huvudmeny", **choice(words=words.pk)}
    told = text_of(whole.post(f"{MENUS}add/", form))
    assert "Välj ett: en kö, en meny, ett meddelande eller ett nummer till en person." in told
    assert not Menu.objects.exists()


def test_what_is_used_can_not_be_deleted_and_says_so(whole, number):
    response = whole.post(f"/admin/telephony/announcement/{number.greeting_id}/delete/", {"post": "yes"}, follow=True)
    assert Announcement.objects.filter(pk=number.greeting_id).exists()
    assert response.status_code in (200, 403)


# Provring ------------------------------------------------------------------------------------------------------------


def ring(client: Client, number: PatientsNumber, *keys: str, **more: str):
    *before, last = keys or [None]
    form = {"keys": before, **more}
    form |= {} if last is None else {"silence": "1"} if last == "" else {"press": last}
    return text_of(client.post(f"{NUMBERS}{number.pk}/trial/", form))


def test_a_trial_says_what_a_caller_hears_and_leaves_nothing_behind(whole, number):
    page = ring(whole, number, "1")
    assert "Vid livshotande tillstånd, lägg på och ring 112. Välkommen till Vårdcentralen Spindeln." in page
    assert "Tack. Tiden är bokad." in page
    assert "Samtalet är slut." in page
    assert not (Case.objects.exists() or Call.objects.exists() or AccessEntry.objects.filter(act="phone").exists())


def test_a_trial_stores_no_answer(whole, number):
    number.asks_consent = True
    number.save()
    assert "Tack. Då skickar vi SMS till dig." in ring(whole, number, "1", "1")
    assert not Consent.objects.exists()


def test_a_number_can_be_tried_before_it_is_switched_on(whole, number):
    number.is_on = False
    number.save()
    assert "Vi ringer dig" in ring(whole, number)
    number.refresh_from_db()
    assert not number.is_on


def test_a_trial_from_a_withheld_number_asks_for_one(whole, number):
    assert "Numret du ringer från går inte att ringa upp." in ring(whole, number, withheld="on")


def test_a_trial_tells_of_a_missing_recording(whole, number):
    Recording.objects.filter(sentence="emergency").update(replaced_at="2026-01-01T00:00:00Z")
    assert "Inspelning saknas: sv:emergency" in ring(whole, number)


def test_silence_can_be_tried(whole, number):
    assert "Vi hörde ingen knapptryckning." in ring(whole, number, "")


def test_what_is_said_in_a_trial_can_be_heard(whole, number):
    page = whole.post(f"{NUMBERS}{number.pk}/trial/")
    assert "media-src 'self'" in page["Content-Security-Policy"]
    [address] = re.findall(r'<audio[^>]* src="([^"]+)"', page.content.decode())
    heard = wav.read(whole.get(html.unescape(address)).content)
    said = [STANDARD["emergency"].swedish, number.greeting.words, STANDARD["we_will_call"].swedish]
    assert heard.sound.startswith(b"".join(wav.read(sound(f"sv {words}")).sound for words in said))


def test_a_trial_plays_no_other_care_providers_recordings(whole, number, other_care_provider):
    others = recorded(other_care_provider, "emergency", "Hej.")
    assert whole.get(f"{NUMBERS}{number.pk}/trial/sound/?r={others.pk}").status_code == 404
    assert whole.get(f"{NUMBERS}{number.pk}/trial/sound/").status_code == 404


def test_keyed_digits_stand_in_no_address(whole, number):
    form = {"keys": ["2"], "typed": "0701740661"}
    last = whole.post(f"{NUMBERS}{number.pk}/trial/", form).content.decode().rpartition("<li>")[2]
    assert "Du har slagit noll sju noll" in last
    assert "<audio" not in last


def test_each_language_of_a_trial_is_marked_as_what_it_is(whole, number, voices_of, care_provider):
    voices_of("en")
    number.languages = ["sv", "en"]
    number.save()
    page = whole.post(f"{NUMBERS}{number.pk}/trial/").content.decode()
    assert re.search(r'<span lang="en">For English, press two</span>', page)


def test_a_number_that_is_closed_now_can_be_tried_as_if_it_were_open(whole, number):
    elsewhen = (timezone.localtime().weekday() + 3) % 7
    number.hours.create(weekday=elsewhen, opens="08:00", closes="09:00")
    assert "Telefonen är stängd" in ring(whole, number)
    assert "Vi ringer dig" in ring(whole, number, as_if_open="on")
    assert "Tack. Tiden är bokad." in ring(whole, number, "1", as_if_open="on")
    assert number.hours.count() == 1


# What a form says ----------------------------------------------------------------------------------------------------


def test_a_new_number_speaks_swedish_unless_something_else_is_chosen(whole, number):
    page = whole.get(f"{NUMBERS}add/").content.decode()
    chosen = re.findall(r'<input type="checkbox" name="languages" value="(\w+)"[^>]* checked', page)
    assert chosen == ["sv"]


def test_where_a_number_leads_is_complained_of_at_its_field(whole, number):
    page = whole.post(f"{NUMBERS}add/", filled_in(number, queue="")).content.decode()
    [row] = re.findall(r'<div class="form-row errors field-queue">.*?</select>', page, re.DOTALL)
    assert "Välj ett: en kö, en meny eller ett meddelande." in row
    assert page.count("Välj ett: en kö, en meny eller ett meddelande.") == 1


def test_a_key_that_stands_twice_is_told_in_swedish(whole, number, announce, queue):
    words = announce("För rådgivning, tryck 1.")
    one = choice(words=words.pk, queue=queue.pk)
    two = {name.replace("-0-", "-1-"): value for name, value in one.items()}
    form = {"care_provider": number.care_provider_id, "name": "Huvudmeny", **two, **one, "choices-TOTAL_FORMS": "2"}
    assert "Samma knapp står två gånger. Ta bort den ena." in text_of(whole.post(f"{MENUS}add/", form))


def test_an_announcement_tells_the_languages_it_is_recorded_in_by_name(whole, number, announce):
    announce("För rådgivning, tryck 1.", "For advice, press 1.")
    assert "engelska, svenska" in text_of(whole.get("/admin/telephony/announcement/"))


def test_the_numbers_person_is_drawn_in_each_menu_without_a_0_of_its_own(whole, number, announce, queue):
    menu = Menu.objects.create(care_provider=number.care_provider, name="Huvudmeny")
    first = Choice.objects.create(of_menu=menu, key=1, words=announce("För rådgivning, tryck 1."), queue=queue)
    number.queue, number.menu, number.person_number = None, menu, "+46846500460"
    number.save()
    person = "0 08-465 004 60 en person Tryck 0 för att prata med någon."
    assert person in text_of(whole.get(f"{NUMBERS}{number.pk}/change/"))
    first.key = 0
    first.save()
    assert person not in text_of(whole.get(f"{NUMBERS}{number.pk}/change/"))
