"""WCAG 2.1 AA as far as axe can tell, on every page in each of its states, wide and narrow."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from access import access_log
from cases import acts, callbacks, presence
from cases.models import Case, CaseEvent, NoAnswer, Priority, Status
from consent.models import Answer, Channel, Consent
from demo.models import SimulatedSms
from intake.keys import make_key
from intake.models import IntakeKey
from sms.models import InboundSms, Message, ProviderState, UnplacedSms
from sms.states import State
from teleq.clock import database_now
from teleq.models import CareProvider, Outcome
from tests.browser.number_box import type_number
from tests.cases.protecting import mark
from tests.conftest import LANDLINE, MOBILE, make_queue
from tests.database_roles import past_the_triggers
from tests.intake.telephone_system import an_open_day, at, keep_open

pytestmark = pytest.mark.django_db(transaction=True)

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 900}
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,  # it would write style sheets of its own into the page, which the security policy stops
}


def check(page: Page) -> None:
    """Nothing for axe to find at either width, no sideways scrolling, one heading for the page, Swedish."""
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.locator("html[lang=sv]")).to_have_count(1)
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        findings = Axe().run(page, options=RULES)
        assert findings.violations_count == 0, f"{page.title()}, {size['width']} px: {findings.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.fixture
def answered(care_provider, nurse):
    """Answers of long ago are written past the register, which knows only now."""

    def write(answer: Answer, number: str, **columns: object) -> None:
        now = timezone.now()
        values = {"answered_at": now - timedelta(days=30), "valid_until": now + timedelta(days=390)} | columns
        Consent.objects.create(
            care_provider=care_provider,
            phone_number=number,
            answer=answer,
            answered_by=nurse,
            channel=Channel.CASE,
            case_id=0,
            **values,
        )

    return write


def test_the_login(open_page):
    page = open_page()
    page.goto("/login/")
    check(page)
    page.get_by_label("Användarnamn").fill("ingen")
    page.get_by_label("Lösenord").fill("fel")
    page.get_by_role("button", name="Logga in").click()
    expect(page.get_by_text("Ange ett korrekt användarnamn och lösenord.")).to_be_visible()
    check(page)


def test_the_work_list(sign_in, nurse, book, plain_queue, answered):
    page = sign_in(nurse)
    expect(page.get_by_text("Inga ärenden att visa.")).to_be_visible()
    check(page)

    answers = [Answer.YES, Answer.NO, Answer.UNSET, None, Answer.YES]
    for place, (status, answer) in enumerate(zip(Status, answers, strict=True)):
        number = f"+467017406{10 + place}"
        taken = nurse if status == Status.ONGOING else None
        since = taken and database_now()
        book(
            status=status,
            assignee=taken,
            taken_at=since,
            phone_number=number,
            reason="Ont i halsen",
            attempts=place % 3,
        )
        if answer:
            answered(answer, number)
    book(queue=plain_queue, callback_at=database_now() - timedelta(hours=1), name="")
    for days in (3, 4):
        book(phone_number=LANDLINE, callback_at=database_now() + timedelta(days=days))
    page.goto("/?status=all")
    for shown in ("Försenad", "Namn saknas", "Pågår – Anna Lind", "Klart", "Avbokat"):
        expect(page.get_by_role("table").get_by_text(shown)).to_be_visible()
    for shown in ("Fråga patienten", "Fler ärenden på samma nummer"):
        expect(page.get_by_role("table").get_by_text(shown)).to_have_count(2)
    check(page)


def test_the_work_list_with_changes_that_wait_to_be_shown(sign_in, nurse, colleague, case, book):
    page = sign_in(nurse)
    page.get_by_role("link", name="Agda Andersson").focus()
    Case.objects.filter(pk=case.pk).update(status=Status.DONE)
    presence.note(colleague, book(priority=Priority.URGENT, name="Bo Dahl"))
    page.evaluate("htmx.trigger('#work-list', 'poll')")
    expect(page.get_by_role("button", name="2 ändringar – visa")).to_be_visible()
    check(page)
    page.get_by_role("button", name="2 ändringar – visa").click()
    for shown in ("Öppet hos Karim Noor", "Brådskande"):
        expect(page.get_by_text(shown)).to_be_visible()
    check(page)


def test_the_search(sign_in, nurse, case):
    page = sign_in(nurse)
    for text, answer in (
        ("070-174 06 05", case.name),
        ("070-174 06 99", "Inget ärende i dina köer har det numret."),
        ("ag", case.name),
        ("h", "Skriv minst två bokstäver av namnet, eller tre siffror av numret."),
    ):
        page.get_by_label("Sök ärende").fill(text)
        page.get_by_role("button", name="Sök").click()
        expect(page.get_by_text(answer)).to_be_visible()
        check(page)


def test_a_protected_patient(sign_in, administrator, case, answered, queue):
    answered(Answer.YES, MOBILE)
    mark(case, administrator)
    InboundSms.objects.create(queue=queue, from_number="+46701740611", text="Hej", provider="simulator")
    page = sign_in(administrator)
    expect(page.get_by_role("link", name="Skyddade personuppgifter")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Skyddade personuppgifter").click()
    page.get_by_label("Skriv meddelande").fill("Ring oss.")
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.get_by_text("Patienten har skyddade personuppgifter. Skicka ändå?")).to_be_visible()
    page.get_by_role("button", name="Ta bort markeringen").click()
    expect(page.get_by_text("Skriv en anledning.")).to_be_visible()
    check(page)
    acts.close(case, Status.DONE, by=administrator)
    InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Hej", provider="simulator")
    page.goto("/inbound/")
    page.get_by_role("link", name="Visa numret och SMS:et").wait_for()
    check(page)


def test_a_case_of_another_queue(sign_in, nurse, book, care_provider):
    CareProvider.objects.update(opens_other_queues=True)
    elsewhere = make_queue(care_provider, "Barn", True)
    for name in ("Agda Andersson", "Berit Testsson"):
        mark(book(queue=elsewhere, name=name), nurse)
    page = sign_in(nurse)
    page.get_by_label("Sök ärende").fill("070-174 06 05")
    page.get_by_role("button", name="Sök").click()
    check(page)
    page.get_by_role("button", name="Öppna ärende i annan kö").click()
    page.get_by_role("button", name="Öppna ärendet").click()
    expect(page.get_by_text("Beskriv varför du behöver öppna ärendet.")).to_be_visible()
    check(page)
    page.get_by_label("Anledning").select_option("Patienten ringde fel kö")
    page.get_by_label("Beskriv varför").fill("Patienten väntar i telefonen.")
    page.get_by_role("button", name="Öppna ärendet").click()
    expect(page.get_by_role("listitem").get_by_text("Skyddade personuppgifter")).to_have_count(2)
    check(page)
    page.get_by_role("button", name="Öppna").first.click()
    expect(page.get_by_text("Du kan läsa det, men inte ändra det.")).to_be_visible()
    check(page)


def test_a_new_case_and_a_page_that_is_not_there(sign_in, nurse, complaints):
    page = sign_in(nurse, "/cases/new/")
    check(page)
    page.get_by_label("Telefonnummer").fill("hej")
    page.get_by_label("A-nummer").fill("hej")
    page.get_by_label("Personnummer").fill("19121212-1213")
    page.get_by_role("button", name="Skapa ärendet").click()
    for error in ("Välj en kö.", "Skriv ett giltigt personnummer", "Välj en tid."):
        expect(page.get_by_text(error)).to_be_visible()
    expect(page.get_by_text("Skriv ett giltigt telefonnummer")).to_have_count(2)
    check(page)

    complaints.expect("status of 404")
    page.goto("/cases/999999/")
    expect(page.get_by_role("heading", name="Sidan finns inte")).to_be_visible()
    check(page)


YES, NO, UNSET, LAPSED = (f"+467017406{last}" for last in (11, 12, 13, 14))


def test_the_case_view_in_each_state(sign_in, nurse, book, plain_queue, answered):
    answered(Answer.YES, YES)
    answered(Answer.NO, NO)
    answered(Answer.UNSET, UNSET)
    answered(Answer.YES, LAPSED, answered_at="2024-01-01T00:00Z", valid_until="2025-03-01T00:00Z")
    answered(Answer.YES, LANDLINE)
    closed = book(phone_number=YES)
    callbacks.add_note(closed, "Vill bli uppringd före lunch.", by=nurse)
    acts.close(closed, Status.DONE, by=nurse, outcome=Outcome.ADVICE)
    calling, wrong, enough = book(), book(), book(priority=Priority.URGENT)
    acts.call(calling, by=nurse)
    acts.record_attempt(wrong, reached=False, how=NoAnswer.WRONG_NUMBER, by=nurse)
    for _ in range(3):
        acts.record_attempt(enough, reached=False, by=nurse)
    page = sign_in(nurse)
    for case, shown in (
        (book(phone_number=YES, a_number=MOBILE, personal_identity_number="191212121212"), "Gäller till"),
        (book(phone_number=NO), "SMS-utskick avböjt"),
        (book(phone_number=UNSET), "Samtycke till SMS saknas"),
        (book(phone_number=LAPSED), "Inget svar är sparat för numret."),
        (book(phone_number=LANDLINE), "Numret kan inte ta emot SMS (inte ett mobilnummer)."),
        (book(phone_number=YES, queue=plain_queue, name=""), "Kö: VC Spindeln Tidbokning"),
        (book(phone_number=LANDLINE), "Fler ärenden på samma nummer"),
        (closed, "Öppna igen"),
        (calling, "Pågående samtal sedan"),
        (wrong, "Automatiska SMS skickas inte förrän numret är ändrat eller bekräftat."),
        (enough, "Patienten har inte nåtts på 3 försök."),
    ):
        page.goto(f"/cases/{case.pk}/")
        expect(page.get_by_text(shown)).to_be_visible()
        check(page)


def test_who_has_a_case(sign_in, nurse, administrator, book):
    theirs, lost, warned = book(), book(), book()
    acts.take(theirs, by=administrator)
    presence.note(administrator, theirs)
    acts.take(lost, by=nurse)
    acts.take_over(lost, by=administrator)
    acts.take(warned, by=nurse)
    long_ago = database_now() - timedelta(minutes=26)
    Case.objects.filter(pk=warned.pk).update(taken_at=long_ago)
    with past_the_triggers():
        CaseEvent.objects.filter(case=warned).update(at=long_ago)
    page = sign_in(nurse)
    expect(page.get_by_text("Släpps")).to_be_visible()
    check(page)
    page.goto(f"/cases/{lost.pk}/")
    expect(page.get_by_text("Maria Ek tog över ärendet")).to_be_visible()
    check(page)
    page.goto(f"/cases/{theirs.pk}/")
    expect(page.get_by_text("Öppet hos Maria Ek")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Ta över ärendet").click()
    expect(page.get_by_role("button", name="Ja, ta över")).to_be_visible()
    check(page)
    page.goto("/")
    page.get_by_role("button", name="Släpp alla mina ärenden (1)").click()
    expect(page.get_by_text("1 ärende är släppt.")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Ta nästa ärende").click()
    expect(page.get_by_role("button", name="Ta ändå")).to_be_visible()
    check(page)
    page = sign_in(administrator, "/admin/held-cases/")
    expect(page.get_by_role("button", name="Släpp ärendena för Maria Ek")).to_be_visible()
    check(page)


def test_the_case_view_with_something_wrong_in_each_form(open_case, case: Case, say):
    say(Answer.YES)
    page = open_case(case)
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.get_by_text("Skriv ett meddelande.")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Lägg till svar").click()
    expect(page.get_by_text("Välj en standardtext.")).to_be_visible()
    page.get_by_role("button", name="Spara anteckningen").click()
    expect(page.get_by_text("Skriv en anteckning.")).to_be_visible()
    type_number(page, "07")
    page.get_by_role("button", name="Spara numret").click()
    expect(page.get_by_text("Skriv ett giltigt telefonnummer")).to_be_visible()
    check(page)
    page.get_by_text("Ändra uppgifter").click()
    page.get_by_label("Personnummer").fill("hej")
    page.get_by_role("button", name="Spara uppgifterna").click()
    expect(page.get_by_text("Skriv ett giltigt personnummer")).to_be_visible()
    check(page)


def test_boka_om_with_and_without_times_and_with_something_wrong(open_case, book, queue, plain_queue):
    page = open_case(book())
    page.get_by_text("Boka om").click()
    expect(page.get_by_text("Kön har inga tider att välja bland.")).to_be_visible()
    check(page)
    keep_open(queue)
    day = an_open_day(queue)
    book(callback_at=at(day, "08:00"), phone_number=YES)
    page.goto(f"/cases/{book(callback_at=at(day, '08:15')).pk}/?rebook={day}")
    expect(page.get_by_role("button", name="08.00 full").first).to_be_disabled()
    expect(page.get_by_role("button", name="08.15 nu")).to_be_visible()
    check(page)
    page.get_by_label("Annan tid").fill("2020-01-01T10:00")
    page.get_by_role("button", name="Spara tiden").click()
    expect(page.get_by_text("Tiden har redan passerat.")).to_be_visible()
    page.get_by_role("button", name="Flytta ärendet").click()
    expect(page.get_by_text("Välj en kö.")).to_be_visible()
    check(page)


@pytest.mark.parametrize("state", [State.FAILED, State.UNKNOWN, State.DELIVERED])
def test_what_became_of_an_sms_and_a_provider_that_is_silent(state, open_case, case, nurse, say):
    say(Answer.YES)
    now = timezone.now()
    message = callbacks.send_sms(case, "Hej.", token="1", shown=MOBILE, by=nurse)
    with past_the_triggers():
        Message.objects.filter(pk=message.pk).update(state=state, claimed_at=now)
    ProviderState.objects.create(name="simulator", open_until=now + timedelta(minutes=1), silent_since=now)
    page = open_case(case)
    expect(page.locator("#sms-state")).to_contain_text(str(state.label))
    expect(page.locator("#sms-send").get_by_text("SMS-leverantören svarar inte sedan")).to_be_visible()
    check(page)


def test_the_simulator(sign_in, nurse):
    page = sign_in(nurse, "/simulator/")
    expect(page.get_by_text("Inget SMS har skickats än.")).to_be_visible()
    check(page)
    for sender in ("teleQ", "+46701740699"):
        SimulatedSms.objects.create(to_number=MOBILE, sender=sender, text="Hej!", callback_url="http://127.0.0.1/")
    page.reload()
    expect(page.get_by_text("Hej!")).to_have_count(2)
    expect(page.get_by_text("Ett SMS från ett namn kan inte besvaras.")).to_have_count(1)
    check(page)


def test_what_patients_have_answered(sign_in, nurse, queue, case):
    for number in (case.phone_number.as_e164, YES, NO):
        InboundSms.objects.create(
            queue=queue, from_number=number, text="Jag kan först efter tolv. " * 5, provider="simulator"
        )
    page = sign_in(nurse, "/inbound/")
    expect(page.get_by_role("button", name="Markera som läst")).to_have_count(2)
    check(page)
    page.goto("/")
    expect(page.get_by_text("Nytt SMS")).to_be_visible()
    check(page)
    page.goto(f"/cases/{case.pk}/")
    expect(page.get_by_role("heading", name="Nytt SMS från patienten")).to_be_visible()
    check(page)
    page.get_by_label("Skriv meddelande").fill("Vi ringer")
    page.get_by_role("button", name="Markera som läst").click()
    expect(page.get_by_role("heading", name="Nytt SMS från patienten")).to_have_count(0)
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Vi ringer")  # what was being written is still there
    check(page)


def test_the_administrators_pages(sign_in, administrator, queue, book, say):
    say(Answer.YES)
    case = book()
    page = sign_in(administrator)
    page.goto("/admin/")
    check(page)
    page.goto("/admin/statistics/")
    expect(page.get_by_role("img", name="Ja: 1")).to_be_visible()
    page.get_by_text("Tabell").first.click()
    check(page)
    page.goto("/admin/statistics/?queue=&first=&last=")
    expect(page.get_by_text("Välj en kö.")).to_be_visible()
    check(page)

    page.goto("/admin/patient-data/")
    check(page)
    for button, shown in (("Visa", "Genom"), ("Ta bort …", "Det går inte att ångra.")):
        page.get_by_label("Telefonnummer eller personnummer").fill(case.phone_number.as_national)
        page.get_by_role("button", name=button).click()
        expect(page.get_by_text(shown).first).to_be_visible()
        check(page)

    page.goto("/admin/teleq/outgoingsms/check/")
    check(page)
    page.get_by_label("Telefonnummer").fill(case.phone_number.as_national)
    page.get_by_label("Kö").select_option(str(queue))
    page.get_by_role("button").last.click()
    expect(page.get_by_text("Ja,").first).to_be_visible()
    check(page)
    page.goto(f"/admin/teleq/outgoingsms/{queue.pk}/change/")
    check(page)


def test_the_pages_about_rights(sign_in, provider_administrator, operator, nurse, care_provider, queue):
    CareProvider.objects.update(rights_review_by=timezone.localdate(), rights_review_asked_at=timezone.now())
    UnplacedSms.objects.create(sender=MOBILE, from_number=MOBILE, receiver="4671", text="Hej", provider="kannel")
    page = sign_in(provider_administrator)
    for address in ("/admin/", "/admin/rights/", "/admin/unplaced-sms/", "/admin/consent/consenttext/add/", "/konto/"):
        page.goto(address)
        check(page)
    page.goto(f"/admin/teleq/user/{nurse.pk}/change/")
    check(page)
    page.goto("/admin/rights/")
    page.get_by_role("link", name=f"Avsluta: {nurse}, {queue}, Medarbetare").click()
    page.get_by_role("button", name="Avsluta behörigheten").click()
    expect(page.get_by_text("Skriv varför.")).to_be_visible()
    check(page)
    page = sign_in(operator)
    for address in ("change", "right", "invitation"):
        page.goto(f"/admin/teleq/user/{nurse.pk}/{address}/")
        check(page)
    page.get_by_label("Varför, och hur du vet att det är rätt person").fill("Glömt")
    page.get_by_role("button", name="Begär länk").click()
    expect(page.get_by_role("cell", name="Skapa länk för lösenord", exact=True)).to_be_visible()
    check(page)
    page.goto("/admin/unplaced-sms/")
    page.get_by_role("combobox").select_option(str(care_provider))
    page.get_by_role("button", name="Lämna").click()
    expect(page.get_by_text(f"SMS:et är lämnat till {care_provider}.")).to_be_visible()
    check(page)


def test_the_pages_about_keys(sign_in, operator, care_provider, queue, plain_queue):
    key = IntakeKey(care_provider=care_provider, name="Växeln", until=timezone.localdate() + timedelta(days=12))
    make_key(key, by=operator, queues=[queue])
    page = sign_in(operator)
    own = f"/admin/intake/intakekey/{key.pk}"
    for address in ("/admin/", "/admin/intake/intakekey/", "/admin/intake/intakekey/add/", f"{own}/revoke/"):
        page.goto(address)
        check(page)
    page.goto(f"{own}/new-secret/")
    check(page)
    page.get_by_role("radio", name="i sju dagar till").check()
    page.get_by_role("button", name="Byt nyckel").click()
    page.get_by_role("heading", name="Nyckeln är bytt").wait_for()
    check(page)
    page.goto(f"{own}/change/")
    check(page)


def test_what_is_written_asked_about_and_the_end_of_the_session(open_case, case, settings, complaints):
    complaints.expect("status of 401", "Response Status Error Code 401")
    settings.SESSION_IDLE_MINUTES = 2.1
    page = open_case(case)
    page.get_by_label("Skriv meddelande").fill("Hej, vi har")
    page.get_by_role("button", name="Råd givet", exact=True).click()
    expect(page.get_by_text("Meddelandet är inte skickat.")).to_be_visible()
    expect(page.get_by_text("Utkast sparat")).to_be_visible()
    expect(page.get_by_role("button", name="Fortsätt")).to_be_visible(timeout=15_000)
    check(page)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Ta ärendet").click()
    expect(page.get_by_role("dialog").get_by_label("Lösenord")).to_be_visible()
    findings = Axe().run(page, options=RULES)
    assert findings.violations_count == 0, findings.generate_report()


def test_loggkontroll(sign_in, log_reviewer, provider_administrator, nurse, queue):
    for number in (MOBILE, LANDLINE):
        access_log.note(nurse, access_log.Act.VIEW, number, "191212121212", queue=queue, case_id=1, had_case=True)
    page = sign_in(log_reviewer)
    page.goto("/admin/log-reviews/")
    page.get_by_text("Vad reglerna hittar").click()
    check(page)
    page.get_by_label("Från").fill("")
    page.get_by_role("button", name="Dra ett urval").click()
    expect(page.get_by_text("Välj en dag.")).to_be_visible()
    check(page)
    page.goto("/admin/log-reviews/")
    page.get_by_role("button", name="Dra ett urval").click()
    expect(page.get_by_role("heading", name="Åtkomst 1 av 2")).to_be_visible()
    check(page)
    for entry in (1, 2):
        page.locator(f"#entry-{entry}").get_by_label("Bedömning").select_option("Obefogad")
    page.get_by_role("button", name="Avsluta loggkontrollen").click()
    expect(page.get_by_text("Skriv varför åtkomsten är obefogad.")).to_have_count(2)
    check(page)
    for entry in (1, 2):
        page.locator(f"#entry-{entry}").get_by_label("Anteckning").fill("Granne")
    page.get_by_label("Resultat").select_option("Obehörig åtkomst")
    page.get_by_label("Åtgärd").fill("Samtal")
    page.get_by_role("button", name="Avsluta loggkontrollen").click()
    expect(page.get_by_text("Loggkontrollen är avslutad.")).to_be_visible()
    check(page)
    page.goto("/admin/log-extract/")
    page.get_by_label("Telefonnummer eller personnummer").fill("070-174 06 05")
    page.get_by_label("Visa vem").check()
    page.get_by_role("button", name="Visa", exact=True).click()
    expect(page.get_by_role("cell", name="Anna Lind")).to_be_visible()
    check(page)
    page = sign_in(provider_administrator)
    page.goto("/admin/log-reviews/")
    expect(page.get_by_role("cell", name="Obehörig åtkomst")).to_be_visible()
    check(page)
