"""The case view."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import count

from playwright.sync_api import Page, expect

from cases import acts, callbacks
from cases.models import Case, NoAnswer, Priority, Status
from demo.data import M, R, T
from sms.models import ProviderState
from teleq.clock import database_now
from teleq.models import Outcome
from tests.browser.number_box import type_number
from tests.browser.states.catalogue import press, shows, state
from tests.browser.town import Town
from tests.cases.protecting import mark
from tests.intake.telephone_system import an_open_day, at

case_view, working = partial(state, "the case view"), partial(state, "working in the case")

_numbers: Iterator[int] = count()


def fresh(town: Town, **columns: object) -> Case:
    """A case of somebody new, by a number that nobody in the demonstration has."""
    number = f"+467017406{34 + next(_numbers) % 25}"
    values = {"name": "Berit Testsson", "phone_number": number, "personal_identity_number": "", "reason": "Halsont"}
    return town.book(**values | columns)


# As the demonstration has them ---------------------------------------------------------------------------------------

AS_THEY_ARE = [
    ("free, Ja", R, "Agda Andersson", "Gäller till"),
    ("one's own, Nej", R, "Tolvan Tolvansson", "SMS-utskick avböjt"),
    ("Ej valt", R, "Nils Persson", "Samtycke till SMS saknas"),
    ("an answer that has lapsed", R, "Maja Holm", "Inget svar är sparat för numret."),
    ("an answer that is about to lapse, and an SMS that waits", R, "Linnea Berg", "Bekräfta svaret"),
    ("a Nej by STOPP", R, "Sven Ek", "SMS-utskick avböjt"),
    ("a landline", R, "Per Olsson", "Numret kan inte ta emot SMS (inte ett mobilnummer)."),
    ("an SMS that failed", R, "Ines Garcia", "Misslyckades"),
    ("an SMS of which the outcome is not known", R, "Ulla Sjö", "Okänt om det kom fram"),
    ("closed, with a note", R, "Erik Lund", "Öppna igen"),
    ("cancelled", R, "Bo Hedlund", "Avbokat"),
    ("urgent, and several patients on the number", R, "Johan Lindqvist", "Numret används av flera personer"),
    ("no name, no personnummer, number withheld", R, "", "Namn saknas"),
    ("a queue without Samtycke för SMS", T, "Samir Aziz", "Kö: VC Spindeln Tidbokning"),
    ("a colleague's, who is calling", R, "Fatima Hassan", "Ta över ärendet"),
]
for _name, _queue, _patient, _shown in AS_THEY_ARE:

    def _as_it_is(town: Town, queue: str = _queue, patient: str = _patient, shown: str = _shown) -> Page:
        return shows(town.case_page(town.case(patient, queue)), shown)

    case_view(_name)(_as_it_is)


@case_view("why an SMS was stopped")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Tolvan Tolvansson"))
    page.get_by_text("Varför stoppades SMS:et?").first.click()
    return shows(page, "Svaret var Nej.")


@case_view("one's own, calling")
def _(town: Town) -> Page:
    return shows(town.case_page(town.case("Fatima Hassan"), "karim"), "Pågående samtal sedan", "Ringde inte")


@case_view("a wrong number")
def _(town: Town) -> Page:
    case = fresh(town)
    acts.record_attempt(case, reached=False, how=NoAnswer.WRONG_NUMBER, by=town.user("anna"))
    return shows(town.case_page(case), "Automatiska SMS skickas inte förrän numret är ändrat eller bekräftat.")


@case_view("tried enough, urgent and not")
def _(town: Town) -> Page:
    case, urgent = fresh(town), fresh(town, priority=Priority.URGENT)
    for each in (case, urgent):
        for _ in range(3):
            acts.record_attempt(each, reached=False, by=town.user("anna"))
    shows(town.case_page(urgent), "Kontakta ansvarig")
    return shows(town.case_page(case), "Patienten har inte nåtts på 3 försök.")


@case_view("earlier cases")
def _(town: Town) -> Page:
    return shows(town.case_page(town.book("Erik Lund", reason="Nya prover")), "Tidigare ärenden", "Råd givet")


@case_view("a reply that nobody has read")
def _(town: Town) -> Page:
    case = fresh(town)
    town.receive(case.phone_number, "Jag kan först efter tolv. " * 8)
    return shows(town.case_page(case), "Nytt SMS från patienten")


@case_view("a reply just read, while something was being written")
def _(town: Town) -> Page:
    case = fresh(town)
    town.receive(case.phone_number, "Jag kan först efter tolv.")
    page = town.case_page(case)
    page.get_by_label("Skriv meddelande").fill("Vi ringer")
    press(page, "Markera som läst")
    expect(page.get_by_role("heading", name="Nytt SMS från patienten")).to_have_count(0)
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Vi ringer")
    return page


@case_view("a provider that is silent")
def _(town: Town) -> Page:
    now = database_now()
    ProviderState.objects.update_or_create(
        name="simulator", defaults={"open_until": now + timedelta(hours=1), "silent_since": now}
    )
    page = shows(town.case_page(town.case("Agda Andersson")), "SMS-leverantören svarar inte sedan")
    ProviderState.objects.update(open_until=None, silent_since=None)
    return page


@case_view("an SMS that is being sent")
def _(town: Town) -> Page:
    case = town.case("Agda Andersson")
    sent = callbacks.send_sms(
        case, "Hej. Vi ringer i dag.", token="state", shown=case.phone_number.as_e164, by=town.user("anna")
    )
    return shows(town.case_page(case), sent.get_state_display())


@case_view("protected, to somebody who may not end it")
def _(town: Town) -> Page:
    mark(town.case("Ali Rahimi"), town.user("anna"))
    return shows(town.case_page(town.case("Ali Rahimi")), "Markeringen tas bort av en administratör för kön.")


@case_view("protected, to somebody who may end it")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Ali Rahimi"), "maria")
    press(page, "Ta bort markeringen")
    return shows(page, "Skriv en anledning.")


@case_view("long names and words without a place to break them")
def _(town: Town) -> Page:
    case = fresh(town, name="Ö" * 100, reason="Å" * 200)
    callbacks.add_note(case, "Ä" * 300, by=town.user("anna"))
    return shows(town.case_page(case), "ÖÖÖÖ")


# In the middle of something ------------------------------------------------------------------------------------------


@working("the number being changed")
def _(town: Town) -> Page:
    page = town.case_page(fresh(town), more="?edit=number")
    page.get_by_label("Telefonnummer").fill("070-174 06 98")
    return shows(page, "Avbryt")


@working("something wrong in each form")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Agda Andersson"))
    press(page, "Lägg till svar")
    shows(page, "Välj en standardtext.")
    press(page, "Spara anteckningen")
    shows(page, "Skriv en anteckning.")
    type_number(page, "07")
    press(page, "Spara numret")
    shows(page, "Skriv ett giltigt telefonnummer")
    page.get_by_text("Ändra uppgifter").click()
    page.get_by_label("Personnummer").fill("hej")
    press(page, "Spara uppgifterna")
    return shows(page, "Skriv ett giltigt personnummer")


@working("an SMS without a text")
def _(town: Town) -> Page:
    return shows(press(town.case_page(town.case("Agda Andersson")), "Skicka SMS"), "Skriv ett meddelande.")


@working("a standard text added, and kept as a draft")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Agda Andersson"))
    page.get_by_label("Standardtexter").select_option(label="ring 3 gånger")
    press(page, "Lägg till svar")
    return shows(page, "Utkast sparat", "124 av 160 tecken")


@working("asked about an SMS that is not sent")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Agda Andersson"))
    press(page, "Råd givet")
    return shows(page, "Meddelandet är inte skickat.")


@working("the number changed meanwhile")
def _(town: Town) -> Page:
    case = fresh(town)
    page = town.case_page(case)
    was = case.phone_number.as_e164
    page.evaluate("document.getElementById('live').remove()")  # which would have told before
    callbacks.change_number(case, "+46701740697", shown=was, by=town.user("karim"))
    page.get_by_label("Samtycke till SMS").select_option("Ja")
    return shows(page, "Numret har ändrats. Kontrollera svaret.")


@working("an answer just saved")
def _(town: Town) -> Page:
    page = town.case_page(fresh(town))
    page.get_by_label("Samtycke till SMS").select_option("Ja")
    return shows(page, "Gäller till")


@working("asked about taking over")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Fatima Hassan"))
    press(page, "Ta över ärendet")
    return shows(page, "Ja, ta över")


@working("taken over by a colleague")
def _(town: Town) -> Page:
    case = fresh(town)
    acts.take(case, by=town.user("anna"))
    acts.take_over(case, by=town.user("maria"))
    return shows(town.case_page(case), "Maria Ek tog över ärendet")


@working("closed, and it can be undone")
def _(town: Town) -> Page:
    case = fresh(town)
    acts.close(case, Status.DONE, by=town.user("anna"), outcome=Outcome.ADVICE)
    return shows(town.case_page(case), "Ångra", "Öppna igen")


@working("a result and the next case")
def _(town: Town) -> Page:
    page = town.case_page(fresh(town))
    press(page, "Upptaget")
    return shows(page, "Ta nästa ärende", "Ångra")


@working("asked whether to send to a protected patient")
def _(town: Town) -> Page:
    case = town.book("Greta Falk")
    mark(case, town.user("anna"))
    page = town.case_page(case)
    page.get_by_label("Skriv meddelande").fill("Ring oss.")
    press(page, "Skicka SMS")
    return shows(page, "Patienten har skyddade personuppgifter. Skicka ändå?")


@working("Boka om: a time that is full, and one that is now")
def _(town: Town) -> Page:
    queue = town.queue(T)
    day = an_open_day(queue)
    fresh(town, queue=queue, callback_at=at(day, "08:00"))
    case = fresh(town, queue=queue, callback_at=at(day, "08:15"))
    page = town.case_page(case, more=f"?rebook={day}")
    expect(page.get_by_role("button", name="08.00 full").first).to_be_disabled()
    return page


@working("what the patient needs, and the text for the record")
def _(town: Town) -> Page:
    page = town.case_page(fresh(town, interpreter_language="kurdiska (sorani)", speak_with="samma sköterska som sist"))
    page.get_by_role("heading", name="Kopiera till journal").click()
    expect(page.get_by_label("Text till journalen")).to_be_visible()
    return shows(page, "Tolk: kurdiska (sorani)")


@working("the text for the record on a page of its own, of a patient with protected personal data")
def _(town: Town) -> Page:
    case = fresh(town)
    mark(case, town.user("anna"))
    return shows(town.page("anna", f"/cases/{case.pk}/journal/"), "Kopiera texten ändå?")


@working("Boka om with errors")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Kerstin Dahl", T), more="?rebook=1")
    page.get_by_label("Annan tid").fill("2020-01-01T10:00")
    press(page, "Spara tiden")
    shows(page, "Tiden har redan passerat.")
    press(page, "Flytta ärendet")
    return shows(page, "Välj en kö.")


@working("Boka om in a queue without times")
def _(town: Town) -> Page:
    page = town.page("sara", f"/cases/{town.case('Gun Wallin', M).pk}/?rebook=1")
    return shows(page, "Kön har inga tider att välja bland.")


@working("moved to another queue")
def _(town: Town) -> Page:
    page = town.case_page(fresh(town), more="?rebook=1")
    page.get_by_label("Flytta till en annan kö").select_option(label="VC Spindeln Tidbokning")
    press(page, "Flytta ärendet")
    return shows(page, "Kö: VC Spindeln Tidbokning")


@working("the session has ended")
def _(town: Town) -> Page:
    page = town.new_page("anna")
    page.goto(f"/cases/{fresh(town).pk}/")
    page.context.clear_cookies(name="sessionid")
    press(page, "Ta ärendet")
    expect(page.get_by_role("dialog").get_by_label("Lösenord")).to_be_visible()
    return page
