"""Promise 11: what a browser puts back is not a choice. After every way back the page shows what the server says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, BrowserType, Locator, Page, Route, expect

from cases import callbacks
from cases.models import Case, TelephoneHours
from consent.models import Answer, Consent
from local.supervisor import BROWSERS, installed_browser
from sms.models import StandardText
from teleq.models import OutgoingSms, Queue, Role, User
from tests.browser.conftest import Complaints, session_cookie
from tests.browser.number_box import type_number

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_NUMBER = "+46701740606"


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def at_the_desk(open_case: Callable[..., Page], scripts: bool) -> Callable[..., Page]:
    return lambda case: open_case(case, java_script_enabled=scripts)


def leave(page: Page, to: str = "/") -> None:
    page.goto(to)


def come_back(page: Page) -> None:
    page.go_back()


def answer(page: Page) -> Locator:
    return page.get_by_label("Samtycke till SMS")


def expect_chosen(field: Locator, label: str) -> None:
    expect(field.locator("option:checked")).to_have_text(label)


def press_save_answer(page: Page) -> None:
    """The button is there without JavaScript; with it, it is what Enter in the list does."""
    page.locator("#consent-form").evaluate("form => form.requestSubmit(form.querySelector('#save-answer'))")
    expect(page.locator("#said-answer p")).to_be_visible()


def stored(number: str) -> list[str]:
    events = Consent.history().filter(phone_number=number).order_by("pgh_id")
    return [event.answer for event in events]


class TestTheAnswer:
    def test_is_the_one_that_counts_and_saving_stores_no_other(self, at_the_desk, case, say):
        say(Answer.YES)
        page = at_the_desk(case)
        expect_chosen(answer(page), "Ja")
        leave(page)
        say(Answer.NO)
        come_back(page)
        expect_chosen(answer(page), "Nej")
        press_save_answer(page)
        assert stored("+46701740605") == [Answer.YES, Answer.NO]

    def test_that_was_chosen_and_not_saved_is_not_chosen_any_more(self, at_the_desk, case, say):
        say(Answer.NO)
        page = at_the_desk(case)
        choose_the_one_above(answer(page))
        leave(page)
        come_back(page)
        expect_chosen(answer(page), "Nej")
        press_save_answer(page)
        assert stored("+46701740605") == [Answer.NO]

    def test_is_not_carried_over_to_a_number_that_was_never_asked(self, at_the_desk, case, say, nurse):
        say(Answer.YES)
        page = at_the_desk(case)
        leave(page)
        callbacks.change_number(case, OTHER_NUMBER, shown=case.phone_number.as_e164, by=nurse)
        come_back(page)
        expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 06")
        expect_chosen(answer(page), "Ej valt")
        press_save_answer(page)
        assert stored(OTHER_NUMBER) in ([], [Answer.UNSET])

    def test_is_the_one_that_counts_after_a_reload_and_in_a_new_visit(self, at_the_desk, case, say):
        page = at_the_desk(case)
        choose_the_one_above(answer(page))
        page.reload()
        expect_chosen(answer(page), "Ej valt")
        choose_the_one_above(answer(page))
        page.goto(page.url)
        expect_chosen(answer(page), "Ej valt")

    def test_of_another_person_on_the_number_is_not_put_back(self, at_the_desk, book, say):
        elsa = book(name="Elsa Testsson", personal_identity_number="201505054385")
        book(name="Maja Testsson", personal_identity_number="201707079289")
        page = at_the_desk(elsa)
        whose = page.get_by_label("Vems svar är det?")
        whose.select_option("201707079289")
        leave(page)
        say(Answer.YES, person="201505054385")
        come_back(page)
        expect_chosen(whose, "Elsa Testsson, 20150505-4385")


def choose_the_one_above(field: Locator) -> None:
    """With the keyboard, which does not save it yet."""
    field.focus()
    field.page.keyboard.press("ArrowUp")


def write(page, label: str, text: str, scripts: bool) -> None:
    """With scripts what is written comes back from the server, which a quick Back may reach before the draft does."""
    page.get_by_label(label).fill(text)
    if scripts:
        draft = {"Skriv meddelande": "#draft-sms", "Ny anteckning": "#draft-note"}[label]
        expect(page.locator(draft)).to_contain_text("Utkast sparat")


class TestWhatElseTheCaseSays:
    def test_a_number_that_was_not_saved_is_not_put_back(self, at_the_desk, case):
        page = at_the_desk(case)
        type_number(page, "070-174 06 99")
        leave(page)
        come_back(page)
        expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 05")
        expect(answer(page)).to_be_enabled()

    def test_a_standard_text_that_was_chosen_is_not_put_back(self, at_the_desk, case, standard_text):
        page = at_the_desk(case)
        page.get_by_label("Standardtexter").select_option(standard_text.name)
        leave(page)
        come_back(page)
        expect_chosen(page.get_by_label("Standardtexter"), "Välj standardtext")

    def test_details_that_a_colleague_has_changed_are_not_undone(self, at_the_desk, case, administrator):
        page = at_the_desk(case)
        open_details(page)
        leave(page)
        Case.objects.filter(pk=case.pk).update(name="Agda Berg", reason="Recept")
        come_back(page)
        open_details(page)
        expect(page.get_by_label("Namn")).to_have_value("Agda Berg")
        expect(page.get_by_label("Kontaktorsak")).to_have_value("Recept")

    def test_a_time_that_a_colleague_has_changed_is_not_undone(self, at_the_desk, case):
        page = at_the_desk(case)
        page.goto(f"{page.url}?rebook=1")
        page.get_by_label("Annan tid").fill(f"{timezone.localtime(case.callback_at):%Y-%m-%dT23:45}")
        leave(page)
        moved = case.callback_at.replace(second=0, microsecond=0) + timedelta(hours=3)
        Case.objects.filter(pk=case.pk).update(callback_at=moved)
        come_back(page)
        expect(page.get_by_label("Annan tid")).to_have_value(f"{timezone.localtime(moved):%Y-%m-%dT%H:%M}")

    def test_a_half_written_message_and_note_are_still_there(self, at_the_desk, case, scripts):
        page = at_the_desk(case)
        write(page, "Skriv meddelande", "Hej, vi har", scripts)
        write(page, "Ny anteckning", "Ringer efter", scripts)
        leave(page)
        come_back(page)
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej, vi har")
        expect(page.get_by_label("Ny anteckning")).to_have_value("Ringer efter")

    def test_the_letters_of_a_message_that_is_still_there_are_counted(self, open_case, case):
        page = open_case(case)
        write(page, "Skriv meddelande", "Hej, vi har", scripts=True)
        leave(page)
        come_back(page)
        expect(page.get_by_text("11 av 160 tecken – 1 SMS")).to_be_visible()

    def test_a_half_written_message_is_not_sent_to_a_number_that_the_page_did_not_show(
        self, at_the_desk, case, say, nurse, scripts
    ):
        say(Answer.YES)
        say(Answer.YES, number=OTHER_NUMBER)
        page = at_the_desk(case)
        write(page, "Skriv meddelande", "Hej", scripts)
        leave(page)
        come_back(page)
        callbacks.change_number(case, OTHER_NUMBER, shown=case.phone_number.as_e164, by=nurse)
        page.get_by_role("button", name="Skicka SMS").click()
        expect(page.get_by_text("Numret har ändrats. SMS:et skickades inte. Kontrollera svaret.")).to_be_visible()
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej")
        assert not case.messages.exists()

    def test_the_work_lists_choice_is_the_list_that_is_shown(self, sign_in, nurse, case, scripts):
        page = sign_in(nurse, java_script_enabled=scripts)
        page.get_by_label("Status").select_option("Klart")
        leave(page, f"/cases/{case.pk}/")
        come_back(page)
        expect_chosen(page.get_by_label("Status"), "Öppna")
        expect(page.get_by_role("link", name=case.name)).to_be_visible()


def open_details(page: Page) -> None:
    details = page.locator("#details-form")
    if details.get_attribute("open") is None:
        details.locator("summary").click()


class TestAdmin:
    @pytest.fixture
    def office(self, sign_in: Callable[..., Page], administrator: User, scripts: bool) -> Page:
        return sign_in(administrator, "/admin/", java_script_enabled=scripts)

    def test_a_box_that_somebody_has_ticked_is_not_cleared(self, office, queue):
        settings = OutgoingSms.objects.filter(queue=queue)
        settings.update(consent_required=False)
        office.goto(f"/admin/teleq/outgoingsms/{settings.get().pk}/change/")
        box = office.get_by_label("Aktivera samtycke till SMS")
        expect(box).not_to_be_checked()
        sender = office.get_by_role("textbox", name="Avsändare")
        sender.fill("Hus")
        leave(office, "/admin/")
        settings.update(
            consent_required=True, sender="Spindeln", reminder_on=True, reminder_text="Vi ringer kl. {tid}."
        )
        come_back(office)
        expect(box).to_be_checked()
        expect(sender).to_have_value("Spindeln")
        office.get_by_role("button", name="Spara", exact=True).click()
        office.get_by_text("Aktiverat", exact=True).wait_for()
        kept = settings.get()
        assert (kept.consent_required, kept.reminder_on, kept.reminder_text) == (True, True, "Vi ringer kl. {tid}.")

    def test_a_person_who_was_shut_out_is_not_let_in_again(self, office, nurse, make_user):
        address = f"/admin/teleq/user/{nurse.pk}/change/"
        office.goto(address)
        role = office.get_by_label("Roll").first
        expect(role).to_have_value(Role.NURSE)
        leave(office, "/admin/")
        nurse.memberships.update(role=Role.ADMINISTRATOR)
        User.objects.filter(pk=nurse.pk).update(is_active=False)
        come_back(office)
        expect(office.get_by_label("Aktiv")).not_to_be_checked()
        expect(role).to_have_value(Role.ADMINISTRATOR)

    def test_a_queues_hours_and_numbers_are_those_in_force(self, office, queue):
        hours = TelephoneHours.objects.create(queue=queue, weekday=0)
        office.goto(f"/admin/teleq/queue/{queue.pk}/change/")
        monday, thursday = (office.get_by_label(f"{day}: öppnar") for day in ("Måndag", "Torsdag"))
        monday.fill("06:00")
        leave(office, "/admin/")
        TelephoneHours.objects.filter(pk=hours.pk).update(weekday=3)
        Queue.objects.filter(pk=queue.pk).update(max_attempts=7)
        come_back(office)
        expect(monday).to_have_value("")
        expect(thursday).to_have_value("08:00")
        expect(office.get_by_label("Antal försök")).to_have_value("7")

    def test_a_standard_text_is_the_one_that_is_sent(self, office, standard_text):
        office.goto(f"/admin/sms/standardtext/{standard_text.pk}/change/")
        text = office.locator("textarea")
        text.fill("Hej")
        leave(office, "/admin/")
        StandardText.objects.update(text="Ring oss.")
        come_back(office)
        expect(text).to_have_value("Ring oss.")

    def test_a_new_text_that_is_half_written_is_still_there(self, office):
        office.goto("/admin/sms/standardtext/add/")
        office.locator("textarea").fill("Hej, vi har")
        leave(office, "/admin/")
        come_back(office)
        expect(office.locator("textarea")).to_have_value("Hej, vi har")


class TestAPageThatTheBrowserKeepsWhole:
    """Chromium's back/forward cache. Pages are sent with no-store, which keeps them out of it."""

    @pytest.fixture
    def keeping(self, browser_type: BrowserType, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
        """Chromium as people have it, since without windows it has no such cache; Playwright switches it off."""
        options = browser_type_launch_args | {"ignore_default_args": ["--disable-back-forward-cache"]}
        whole = installed_browser(BROWSERS[1:])
        browser = browser_type.launch(**options | ({"executable_path": whole} if whole else {"channel": "chromium"}))
        yield browser
        browser.close()

    @pytest.fixture
    def visit(self, keeping: Browser, product: str, complaints: Complaints) -> Iterator[Callable[..., Page]]:
        contexts: list[BrowserContext] = []

        def at(address: str, user: User, **options: Any) -> Page:
            context = keeping.new_context(base_url=product, **options)
            contexts.append(context)
            complaints.listen(context)
            context.add_cookies([session_cookie(user, product)])
            page = context.new_page()
            page.goto(address)
            return page

        yield at
        for context in contexts:
            context.close()

    @pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
    def test_is_not_kept_as_it_may_not_be_stored(self, visit, case, nurse, say, scripts):
        page = visit(f"/cases/{case.pk}/", nurse, java_script_enabled=scripts)
        leave(page)
        say(Answer.NO)
        come_back(page)
        expect_chosen(answer(page), "Nej")

    def test_is_asked_for_anew_where_it_was_kept_all_the_same(self, visit, case, nurse, say):
        page = visit("/", nurse)
        page.context.route("**/*", let_it_be_kept)
        page.goto(f"/cases/{case.pk}/")
        page.get_by_label("Skriv meddelande").fill("Hej, vi har")
        type_number(page, "070-174 06 99")
        choose_the_one_above(answer(page))
        leave(page)
        say(Answer.YES)
        page.go_back(wait_until="commit")
        expect_chosen(answer(page), "Ja")
        expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 05")
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej, vi har")
        assert came_back_by(page) == "reload"
        page.reload()
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej, vi har")  # the draft

    def test_in_admin_likewise(self, visit, administrator, queue):
        """On a page without Django's form scripts: those that have them listen for `unload`, and are not kept."""
        page = visit("/", administrator)
        page.context.route("**/*", let_it_be_kept)
        page.goto("/admin/statistics/")
        since = page.get_by_label("Från")
        shown = since.input_value()
        since.fill("2026-01-01")
        leave(page, "/admin/")
        page.go_back(wait_until="commit")
        expect(since).to_have_value(shown)
        assert came_back_by(page) == "reload"


def came_back_by(page: Page) -> str:
    return page.evaluate("performance.getEntriesByType('navigation')[0].type")


def let_it_be_kept(route: Route) -> None:
    if not route.request.is_navigation_request():
        route.fallback()
        return
    response = route.fetch(max_redirects=0)
    headers = {name: value for name, value in response.headers.items() if name not in ("cache-control", "expires")}
    route.fulfill(response=response, headers=headers)
