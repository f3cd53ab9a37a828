"""The telephone in the browser: from the call to the case and the SMS, with everything real but the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from cases import free_times
from cases.models import Case
from consent.models import Answer, Channel, Consent
from telephony.models import Announcement, Call, Ended, PatientsNumber
from telephony.sentences import STANDARD
from teleq.clock import database_now
from teleq.models import CareProvider, Queue, User
from tests.browser.accessible import check
from tests.intake.telephone_system import keep_open
from tests.telephony.conftest import NUMBER, recorded

pytestmark = pytest.mark.django_db(transaction=True)

CALLER, SHOWN = "+46701740660", "070-174 06 60"
PERSON = "08-465 004 59"


@pytest.fixture
def number(care_provider: CareProvider, queue: Queue) -> PatientsNumber:
    """Leads straight to the queue, which asks for consent and is open round the clock."""
    for key, sentence in STANDARD.items():
        recorded(care_provider, key, sentence.swedish)
    greeting = Announcement.objects.create(care_provider=care_provider, words="Välkommen till Spindeln.")
    recorded(care_provider, greeting.sentence, greeting.words)
    keep_open(queue, "00:00", "23:55")
    queue.outgoing_sms.confirmation_on = True
    queue.outgoing_sms.save()
    return PatientsNumber.objects.create(
        care_provider=care_provider,
        number=NUMBER,
        greeting=greeting,
        queue=queue,
        person_number=PERSON,
        asks_consent=True,
        is_on=True,
    )


@pytest.fixture
def ring(number: PatientsNumber, sign_in: Callable[..., Page], nurse: User) -> Callable[..., Page]:
    """A page in a call, from a number that nobody has used unless it is said."""

    def called(caller: str = f"Ny patient, {SHOWN}", page: Page | None = None, **options: Any) -> Page:
        page = page or sign_in(nurse, **options)
        page.get_by_role("link", name="Telefon", exact=False).click()
        page.get_by_label("Ring från").select_option(caller)
        page.get_by_role("button", name="Ring", exact=True).click()
        expect(page.get_by_role("button", name="Lägg på")).to_be_visible()
        return page

    return called


def hears(page: Page, words: str) -> None:
    """It comes last in the log."""
    expect(page.get_by_role("log").locator("p:has([lang])").last).to_contain_text(words)


def press(page: Page, keys: str) -> None:
    """On the keyboard, with the focus where it is."""
    for key in keys:
        page.keyboard.press(key)


def test_a_patient_books_says_ja_by_key_and_gets_the_confirmation(ring, sign_in, nurse, worker, product):
    worker(product)
    page = ring()
    hears(page, "Vid livshotande tillstånd, lägg på och ring 112. Välkommen till Spindeln. Vi ringer dig")
    press(page, "1")
    hears(page, "Får vi skicka SMS till det nummer du ringer från? Tryck 1 för ja, 2 för nej.")
    press(page, "1")
    hears(page, "Tack. Då skickar vi SMS till dig.")
    expect(page.get_by_role("log")).to_contain_text("Samtalet är slut")

    consent, case = Consent.objects.get(), Case.objects.get()
    assert (consent.answer, consent.channel, str(consent.phone_number)) == (Answer.YES, Channel.PHONE_KEYS, CALLER)
    page.get_by_role("link", name="SMS-simulator").click()
    expect(page.get_by_text("Inget SMS har skickats än.").or_(page.get_by_text(f"Till {SHOWN}"))).to_be_visible()
    for _ in range(50):  # the page does not renew itself
        if page.get_by_text(f"Till {SHOWN}").count():
            break
        page.reload()
    expect(page.get_by_text(f"Till {SHOWN}")).to_have_count(1)

    page.goto(f"/cases/{case.pk}/")
    expect(page.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Ja")


def test_a_patient_who_says_nej_by_key_gets_nothing(ring, worker, product):
    worker(product)
    page = ring()
    press(page, "1")
    hears(page, "Får vi skicka SMS")
    press(page, "2")
    hears(page, "Då skickar vi inga SMS till dig.")

    page.goto(f"/cases/{Case.objects.get().pk}/")
    expect(
        page.get_by_role("region", name="Historik").get_by_text("Bokningsbekräftelse: SMS-utskick avböjt")
    ).to_be_visible()
    expect(page.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Nej")
    expect(page.get_by_role("button", name="Skicka SMS")).to_be_disabled()
    page.get_by_role("link", name="SMS-simulator").click()
    expect(page.get_by_text("Inget SMS har skickats än.")).to_be_visible()


def test_a_ja_is_taken_back_by_key_in_a_second_call(ring):
    page = ring()
    press(page, "1")
    hears(page, "Får vi skicka SMS")
    press(page, "1")
    hears(page, "Då skickar vi SMS till dig.")

    ring(page=page)
    hears(page, "Du får SMS från oss. Tryck 4 om du inte vill det längre.")
    press(page, "4")
    hears(page, "Du får inga fler SMS från oss.")
    page.get_by_role("button", name="Lägg på").click()
    expect(page.get_by_role("log")).to_contain_text("Du lade på")

    page.goto(f"/cases/{Case.objects.get().pk}/")
    expect(page.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Nej")
    assert [event.answer for event in Consent.history().order_by("pgh_id")] == ["yes", "no"]


def test_a_second_call_cancels_and_is_asked_once_more_first(ring):
    page = ring()
    press(page, "1")
    hears(page, "Får vi skicka SMS")
    page.get_by_role("button", name="Lägg på").click()

    ring(page=page)
    hears(page, "Tryck 1 för en annan tid, 2 för att avboka")
    press(page, "2")
    hears(page, "Tryck 1 för att avboka, eller 2 för att behålla tiden.")
    press(page, "1")
    hears(page, "Tiden är avbokad.")
    expect(page.get_by_role("log")).to_contain_text("Samtalet är slut")
    page.goto(f"/cases/{Case.objects.get().pk}/")
    expect(page.get_by_role("region", name="Historik")).to_contain_text("och avbokade.")


def test_who_hangs_up_before_a_time_is_confirmed_has_booked_nothing(ring):
    page = ring()
    press(page, "2")
    hears(page, "Slå det telefonnummer som vi ska ringa")
    press(page, "0701740661#")
    hears(page, "Tryck 1 om det är rätt")
    page.get_by_role("button", name="Lägg på").click()
    expect(page.get_by_role("log")).to_contain_text("Du lade på")
    assert not Case.objects.exists()


def test_a_full_day_offers_the_next_one(ring, queue, book):
    today, now = timezone.localdate(), database_now()
    left = list(free_times.ahead(free_times.slots_of(queue, today, today), now))
    if not left:
        pytest.skip("today has no times left")
    for starts_at in left:
        book(callback_at=starts_at)
    page = ring()
    hears(page, "Alla tider i dag är bokade.")
    press(page, "1")
    hears(page, "Tack. Tiden är bokad.")
    assert Call.objects.get().full
    assert timezone.localdate(Case.objects.latest("id").callback_at) > today


def test_what_is_booked_by_telephone_comes_into_a_work_list_that_is_open_elsewhere(ring, sign_in, nurse):
    work_list = sign_in(nurse)
    expect(work_list.get_by_text(SHOWN)).to_have_count(0)
    page = ring()
    press(page, "1")
    hears(page, "Tack. Tiden är bokad.")
    change = work_list.get_by_role("button", name="1 ändring – visa")
    expect(change.or_(work_list.get_by_text(SHOWN).first)).to_be_visible()
    if change.is_visible():
        change.click()
    expect(work_list.get_by_text(SHOWN).first).to_be_visible()


def test_a_withheld_number_keys_another_however_fast_and_it_is_read_back(ring):
    page = ring("Dolt nummer")
    hears(page, "Slå det telefonnummer som vi ska ringa, med riktnummer.")
    press(page, "0701740661#")
    hears(page, "Du har slagit noll sju noll ett sju fyra noll sex sex ett")
    press(page, "1")
    hears(page, "på det nummer du har slagit.")
    press(page, "1")
    hears(page, "Tack. Tiden är bokad.")
    case = Case.objects.get()
    assert (str(case.phone_number), case.a_number) == ("+46701740661", None)


def test_the_seconds_for_a_key_are_counted_after_what_is_said_and_need_not_be_waited_for(ring, sign_in, nurse):
    page = sign_in(nurse)
    page.clock.install()
    ring(page=page)
    expect(page.get_by_text("Tryck en knapp: 10 s")).to_be_visible()
    page.clock.run_for(7_000)
    expect(page.get_by_text("Tryck en knapp: 3 s")).to_be_visible()
    page.clock.run_for(4_000)
    expect(page.get_by_text("Du tryckte ingenting")).to_have_count(1)
    hears(page, "Vi ringer dig")
    page.get_by_role("button", name="Vänta inte").click()
    expect(page.get_by_text("Du tryckte ingenting")).to_have_count(2)


def test_without_counting_one_has_all_the_time_in_the_world(ring, sign_in, nurse):
    page = sign_in(nurse, "/telephone/")
    page.get_by_label("Räkna ned").uncheck()
    page.get_by_label("Ljud").uncheck()
    page.clock.install()
    page.get_by_role("button", name="Ring", exact=True).click()
    hears(page, "Vi ringer dig")
    page.clock.run_for(60_000)
    expect(page.get_by_text("Tryck en knapp", exact=True)).to_be_visible()
    expect(page.get_by_text("Du tryckte ingenting")).to_have_count(0)


@pytest.mark.parametrize(
    ("buttons", "said"),
    [
        (["Upptaget"], "Ingen kan svara just nu."),
        (["Ingen svarar"], "Ingen kan svara just nu."),
        (["Personen svarar", "Personen lägger på"], "Personen lade på"),
    ],
)
def test_zero_rings_a_person_and_one_chooses_what_happens_there(buttons, said, ring):
    page = ring()
    hears(page, "Vi ringer dig")
    press(page, "0")
    expect(page.get_by_text(f"Det ringer hos {PERSON}. Vad händer där?")).to_be_visible()
    for button in buttons:
        page.get_by_role("button", name=button).click()
    expect(page.get_by_role("log")).to_contain_text(said)
    expect(page.get_by_role("button", name="Ring igen")).to_be_visible()
    assert Call.objects.get().ended == Ended.PERSON


def test_it_works_by_mouse_and_without_scripts(ring):
    page = ring(java_script_enabled=False)
    hears(page, "Vi ringer dig")
    page.get_by_role("button", name="2", exact=True).click()
    hears(page, "Slå det telefonnummer")
    page.get_by_role("button", name="0", exact=True).click()
    expect(page.get_by_label("Slaget")).to_have_text("0")
    page.get_by_label("Flera knappar på en gång").fill("701740661")
    page.get_by_role("button", name="Tryck", exact=True).click()
    page.get_by_role("button", name="fyrkant").click()
    hears(page, "Du har slagit noll sju noll ett")
    page.get_by_role("button", name="1", exact=True).click()
    page.get_by_role("button", name="1", exact=True).click()
    hears(page, "Tack. Tiden är bokad.")
    assert str(Case.objects.get().phone_number) == "+46701740661"


def test_the_keys_press_nothing_where_a_number_is_written(number, sign_in, nurse):
    page = sign_in(nurse, "/telephone/")
    page.get_by_label("Eller från ett annat nummer").focus()
    press(page, "0701740662")
    page.get_by_role("button", name="Ring", exact=True).click()
    expect(page.get_by_text("Från 070-174 06 62 till 08-465 004 50")).to_be_visible()


def test_the_focus_follows_the_call(ring):
    page = ring()
    expect(page.get_by_role("group", name="Knappsats")).to_be_focused()
    page.get_by_role("button", name="2", exact=True).click()
    hears(page, "Slå det telefonnummer")
    expect(page.get_by_role("button", name="2", exact=True)).to_be_focused()
    page.get_by_role("button", name="Lägg på").click()
    expect(page.get_by_role("button", name="Ring igen")).to_be_focused()


def test_everybody_can_use_it(ring):
    page = ring()
    hears(page, "Vi ringer dig")
    check(page)
    press(page, "0")
    page.get_by_role("button", name="Upptaget").wait_for()
    check(page)
    page.get_by_role("button", name="Lägg på").click()
    page.get_by_role("button", name="Ring igen").wait_for()
    check(page)
