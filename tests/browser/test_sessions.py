"""A session that ends costs nobody their words, and shows nobody another's: tried as on a ward's computer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.sessions.backends.base import SessionBase
from playwright.sync_api import Locator, Page, expect

from access.session_store import ACTIVE_AT, SessionStore
from cases.models import Draft, Note
from consent.models import Answer
from sms.models import Message, StandardText
from teleq.models import Membership, User
from tests.browser.accessible import check
from tests.browser.conftest import Complaints
from tests.browser.test_signing_in import add_passkey, has_authenticator
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGE, NOTE = "Skriv meddelande", "Ny anteckning"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def a_session_that_has_ended_is_in_the_console(complaints: Complaints) -> None:
    complaints.expect("status of 401", "Response Status Error Code 401")


@pytest.fixture
def colleague(make_user: Callable[..., User], queue) -> User:
    user = make_user("karim", "Karim", "Noor")
    Membership.objects.create(user=user, queue=queue)
    return user


def session_of(page: Page) -> SessionBase:
    [key] = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "sessionid"]
    return SessionStore(key)


def let_half_an_hour_go_by(page: Page) -> None:
    session = session_of(page)
    session[ACTIVE_AT] -= 31 * 60
    session.save()


def write(page: Page, label: str, text: str) -> None:
    page.get_by_label(label).focus()
    with page.expect_response("**/draft/"):
        page.keyboard.insert_text(text)


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Du är utloggad")


def sign_in_there(page: Page, user: User, password: str = PASSWORD) -> None:
    expect(dialog(page)).to_be_visible(timeout=20_000)
    dialog(page).get_by_label("Användarnamn").fill(user.username)
    dialog(page).get_by_label("Lösenord").fill(password)
    dialog(page).get_by_role("button", name="Logga in").click()


def test_one_signs_in_again_on_the_page_and_the_save_goes_on(open_case, case, say, nurse):
    say(Answer.YES)
    page = open_case(case)
    write(page, NOTE, "Ringer efter")
    page.get_by_label(MESSAGE).fill("Hej, vi ringer igen.")
    let_half_an_hour_go_by(page)
    page.get_by_role("button", name="Skicka SMS").click()
    sign_in_there(page, nurse, "fel lösenord")
    expect(dialog(page).get_by_text("Ange ett korrekt användarnamn och lösenord.")).to_be_visible()
    sign_in_there(page, nurse)
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    expect(dialog(page)).to_be_hidden()
    expect(page.get_by_label(NOTE)).to_have_value("Ringer efter")
    assert [message.text for message in Message.objects.all()] == ["Hej, vi ringer igen."]
    page.get_by_role("button", name="Spara anteckningen").click()
    expect(page.get_by_text("Anteckningen är sparad.")).to_be_visible()
    page.get_by_role("button", name="Logga ut").click()  # a form that is posted without htmx
    expect(page.get_by_role("heading", name="Logga in i teleQ")).to_be_visible()
    assert Note.objects.get().author == nurse


def test_the_second_factor_is_asked_for_there_too(open_case, case, nurse):
    TOTP.activate(nurse, SECRET)
    page = open_case(case)
    page.get_by_label(NOTE).fill("Ringer efter")
    let_half_an_hour_go_by(page)
    page.get_by_role("button", name="Spara anteckningen").click()
    sign_in_there(page, nurse)
    code = dialog(page).get_by_label("Kod")
    expect(code).to_be_focused()
    code.fill(format_hotp_value(hotp_value(SECRET, next(iter(yield_hotp_counters_from_time())))))
    assert not Note.objects.exists()
    dialog(page).get_by_role("button", name="Logga in").click()
    expect(page.get_by_text("Anteckningen är sparad.")).to_be_visible()
    assert Note.objects.get().text == "Ringer efter"


def test_a_passkey_does_there_too(open_case, case, nurse):
    page = open_case(case)
    has_authenticator(page)
    page.goto("/konto/")
    add_passkey(page)
    page.goto(f"/cases/{case.pk}/")
    page.get_by_label(NOTE).fill("Ringer efter")
    let_half_an_hour_go_by(page)
    page.get_by_role("button", name="Spara anteckningen").click()
    sign_in_there(page, nurse)
    dialog(page).get_by_role("button", name="Använd passkey").click()
    expect(page.get_by_text("Anteckningen är sparad.")).to_be_visible()
    assert Note.objects.get().text == "Ringer efter"


def test_two_people_at_one_computer(open_case, case, nurse, colleague):
    page = open_case(case)
    write(page, MESSAGE, "Hej Agda, vi har")
    let_half_an_hour_go_by(page)
    page.get_by_role("button", name="Ta ärendet").click()
    sign_in_there(page, colleague)
    expect(page.get_by_role("heading", name="Arbetslista")).to_be_visible()
    expect(page.get_by_role("link", name="Karim Noor")).to_be_visible()
    page.get_by_role("link", name=case.name).click()
    expect(page.get_by_label(MESSAGE)).to_have_value("")
    for _ in range(2):
        page.go_back()
    page.goto(f"/cases/{case.pk}/")
    expect(page.get_by_label(MESSAGE)).to_have_value("")
    assert "Hej Agda" not in page.content()
    case.refresh_from_db()
    assert case.assignee is None  # what the first pressed was not done by the second

    page.get_by_role("button", name="Logga ut").click()
    page.get_by_label("Användarnamn").fill(nurse.username)
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in").click()
    page.get_by_role("heading", name="Arbetslista").wait_for()
    page.goto(f"/cases/{case.pk}/")
    expect(page.get_by_label(MESSAGE)).to_have_value("Hej Agda, vi har")
    assert Draft.objects.get().user == nurse


def test_the_page_hides_what_it_shows_when_the_session_has_ended_and_goes_on_after_a_sign_in_elsewhere(
    open_case, case, nurse, settings
):
    settings.SESSION_IDLE_MINUTES = 2.03
    page = open_case(case)
    warning = page.get_by_text("Du loggas ut om 2 minuter.")
    expect(warning).to_be_visible(timeout=10_000)
    check(page)
    page.get_by_role("button", name="Fortsätt").click()
    expect(warning).to_be_hidden()
    expect(warning).to_be_visible(timeout=10_000)
    let_half_an_hour_go_by(page)
    expect(dialog(page)).to_be_visible(timeout=20_000)
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_visible()
    sign_in_there(page, nurse)
    expect(dialog(page)).to_be_hidden()


def test_a_draft_that_is_being_kept_when_the_session_ends_is_kept_after_the_sign_in(open_case, case, nurse):
    page = open_case(case)
    let_half_an_hour_go_by(page)
    page.get_by_label(NOTE).fill("Ringer efter")
    page.get_by_label(NOTE).blur()
    sign_in_there(page, nurse)
    expect(page.get_by_text("Utkast sparat")).to_be_visible()
    assert Draft.objects.get().text == "Ringer efter"


def test_in_admin_too_one_signs_in_again_on_the_page_and_saves_what_was_typed(sign_in, administrator, settings):
    settings.SESSION_IDLE_MINUTES = 2.03
    page = sign_in(administrator, "/admin/sms/standardtext/add/")
    page.locator("#id_queue").select_option(index=1)
    page.get_by_label("Namn").fill("ring")
    page.locator("textarea").fill("Ring oss.")
    expect(page.get_by_text("Du loggas ut om 2 minuter.")).to_be_visible(timeout=10_000)
    check(page)
    let_half_an_hour_go_by(page)
    sign_in_there(page, administrator)
    expect(dialog(page)).to_be_hidden()
    page.get_by_role("button", name="Spara", exact=True).click()
    page.locator("#result_list").get_by_text("ring", exact=True).wait_for()
    assert StandardText.objects.get().text == "Ring oss."
