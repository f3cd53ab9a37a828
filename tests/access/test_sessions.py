"""Sessions end: after half an hour in which nothing was done, and after ten hours, but not in the middle of a call.

The session's times are moved, never the clock.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access import sessions
from access.models import Session, SignIn
from access.session_store import ACTIVE_AT, BEGAN_AT
from cases import acts
from cases.models import CaseEvent, Note
from teleq.clock import database_now
from teleq.models import Outcome, User
from tests.conftest import PASSWORD
from tests.database_roles import a_night_goes_by, as_owner

pytestmark = pytest.mark.django_db

WARNING, ENDED_SOON = "Du loggas ut om 2 minuter.", "Du har varit inloggad i 10 timmar"


@pytest.fixture
def browser(nurse) -> Client:
    client = Client()
    client.force_login(nurse)
    return client


def move_back(browser: Client, *, active: float = 0, began: float = 0) -> None:
    """As if that many minutes more had gone since then."""
    session = browser.session
    session[ACTIVE_AT] -= active * 60
    session[BEGAN_AT] -= (began or active) * 60
    session.save()


def is_in(browser: Client) -> bool:
    return browser.get("/").status_code == 200


def taken(case, nurse, minutes_ago: float) -> None:
    acts.take(case, by=nurse)
    at = database_now() - timedelta(minutes=minutes_ago)
    with as_owner():
        CaseEvent.objects.filter(kind=CaseEvent.Kind.TAKEN).update(at=at)


# Idle ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "is_still_in"), [(29, True), (31, False)])
def test_after_half_an_hour_without_anything_done_it_has_ended(minutes, is_still_in, browser):
    move_back(browser, active=minutes)
    assert is_in(browser) == is_still_in


def test_what_is_done_gives_it_another_half_hour(browser):
    for _ in range(3):
        move_back(browser, active=20)
        assert is_in(browser)


def test_after_its_end_a_page_leads_to_the_login_and_back_and_a_save_in_place_stays(browser, case):
    move_back(browser, active=31)
    key = browser.session.session_key
    response = browser.get(f"/cases/{case.pk}/")
    assert (response.status_code, response.url) == (302, f"/login/?next=/cases/{case.pk}/")
    assert not Session.objects.filter(pk=key).exists()
    for method in (browser.get, browser.post):
        assert method(f"/cases/{case.pk}/", headers={"HX-Request": "true"}).status_code == 401


def test_nothing_is_saved_by_one_that_has_ended(browser, case, desk):
    move_back(browser, active=31)
    browser.post(f"/cases/{case.pk}/notes/", {"note_text": "Hej", "note_press": "5f0d1f3e-6d4a-4c3c-9d0e-0d0b1f9f9a12"})
    browser.post(f"/cases/{case.pk}/draft/", {"field": "note", "text": "Hej"})
    assert not (Note.objects.exists() or case.drafts.exists())


def test_without_scripts_what_was_written_is_shown_to_be_copied(browser, case):
    move_back(browser, active=31)
    response = browser.post(f"/cases/{case.pk}/notes/", {"note_text": "Hör <b>illa</b>."})
    assert response.status_code == 401
    assert "Du är utloggad." in response.content.decode()
    assert "Hör &lt;b&gt;illa&lt;/b&gt;." in response.content.decode()
    assert case.name not in response.content.decode()


@pytest.mark.parametrize(("who", "leads_to"), [("anna", "/cases/{}/"), ("karim", "/")])
def test_who_signs_in_again_goes_on_and_another_comes_to_their_own_work_list(who, leads_to, browser, case, colleague):
    move_back(browser, active=31)
    login = browser.get(f"/cases/{case.pk}/").url
    posted = {"login": who, "password": PASSWORD, "next": f"/cases/{case.pk}/"}
    assert browser.post(login, posted).url == leads_to.format(case.pk)


def test_its_end_is_on_record(browser, nurse):
    move_back(browser, active=31)
    is_in(browser)
    [ended] = SignIn.objects.filter(what=SignIn.What.SIGNED_OUT)
    assert (ended.user, ended.why) == (nurse, "Sessionen tog slut.")


def test_one_that_nobody_knows_the_times_of_has_ended(browser):
    session = browser.session
    del session[BEGAN_AT]
    session.save()
    assert not is_in(browser)


def test_the_time_is_set_by_who_runs_teleq(browser, settings):
    settings.SESSION_IDLE_MINUTES = 10
    move_back(browser, active=11)
    assert not is_in(browser)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Trigger": "history"}])
@pytest.mark.parametrize("address", ["/cases/{}/live/", "/cases/list/", "/konto/session/", "/konto/session/?warned"])
def test_what_a_page_asks_for_by_itself_is_no_activity(address, headers, browser, case):
    for _ in range(3):
        move_back(browser, active=9.9)
        browser.get(address.format(case.pk), headers=headers)
    assert is_in(browser)  # 29.7 minutes
    move_back(browser, active=20)
    browser.get(address.format(case.pk), headers=headers)
    move_back(browser, active=11)
    assert not is_in(browser)


@pytest.mark.parametrize("headers", [{"HX-Trigger": "history"}, {"HX-Request": "true", "HX-Trigger": "session"}])
def test_and_no_browser_says_for_itself_what_is_none(headers, browser, case):
    move_back(browser, active=20)
    browser.get(f"/cases/{case.pk}/", headers=headers)
    move_back(browser, active=20)
    assert is_in(browser)


# A call --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "is_still_in"), [(59, True), (61, False)])
def test_a_call_under_way_is_activity_for_an_hour(minutes, is_still_in, browser, case, nurse):
    taken(case, nurse, minutes_ago=minutes)
    move_back(browser, active=minutes)
    assert is_in(browser) == is_still_in


@pytest.mark.parametrize("act", [acts.call, partial(acts.record_attempt, reached=True)], ids=["ring", "fick svar"])
def test_a_call_begins_when_one_rings_or_reaches_the_patient(act, browser, case, nurse):
    taken(case, nurse, minutes_ago=61)
    act(case, by=nurse)
    move_back(browser, active=61)
    assert is_in(browser)


@pytest.mark.parametrize("after", ["released", "no answer", "closed", "a colleague's", "not taken"])
def test_a_call_that_is_over_or_anothers_is_not(after, browser, case, nurse, colleague):
    match after:
        case "a colleague's":
            acts.take(case, by=colleague)
        case "released":
            acts.take(case, by=nurse)
            acts.release(case, by=nurse)
        case "no answer":
            acts.take(case, by=nurse)
            acts.record_attempt(case, reached=False, by=nurse)
        case "closed":
            acts.take(case, by=nurse)
            acts.finish(case, outcome=Outcome.ADVICE, note="", press=None, by=nurse)
    move_back(browser, active=31)
    assert not is_in(browser)


# Ten hours -----------------------------------------------------------------------------------------------------------

TEN_HOURS = 600


@pytest.mark.parametrize(("minutes", "is_still_in"), [(TEN_HOURS - 1, True), (TEN_HOURS + 1, False)])
def test_after_ten_hours_it_has_ended_whatever_is_done(minutes, is_still_in, browser):
    move_back(browser, active=1, began=minutes)
    assert is_in(browser) == is_still_in


@pytest.mark.parametrize(("since", "is_still_in"), [(30, True), (59, True), (61, False)])
def test_but_not_in_the_middle_of_a_call_for_an_hour(since, is_still_in, browser, case, nurse):
    taken(case, nurse, minutes_ago=since)
    move_back(browser, active=1, began=TEN_HOURS + 10)
    assert is_in(browser) == is_still_in


def test_a_call_that_began_after_the_ten_hours_gives_no_more(browser, case, nurse):
    taken(case, nurse, minutes_ago=5)
    move_back(browser, active=1, began=TEN_HOURS + 10)
    assert not is_in(browser)


# The warning ---------------------------------------------------------------------------------------------------------


def told(browser: Client, query: str = "") -> str:
    return browser.get(f"/konto/session/{query}", headers={"HX-Request": "true"}).content.decode()


@pytest.mark.parametrize(("minutes", "is_warned"), [(27, False), (28.5, True), (29.5, True)])
def test_two_minutes_before_its_end_the_page_warns(minutes, is_warned, browser):
    move_back(browser, active=minutes)
    assert (WARNING in told(browser)) == is_warned


def test_fortsatt_gives_another_half_hour(browser):
    move_back(browser, active=29)
    assert "Fortsätt" in told(browser)
    response = browser.post("/konto/session/fortsatt/", headers={"HX-Request": "true", "X-Shown-To": whose(browser)})
    assert WARNING not in response.content.decode()
    move_back(browser, active=29)
    assert is_in(browser)


def whose(browser: Client) -> str:
    return browser.session["_auth_user_id"]


def test_before_the_ten_hours_are_over_it_warns_and_offers_nothing(browser):
    move_back(browser, active=1, began=TEN_HOURS - 1)
    assert ENDED_SOON in told(browser)
    assert "Fortsätt" not in told(browser)


def test_a_warning_that_is_shown_is_not_read_out_again(browser):
    move_back(browser, active=29)
    assert browser.get("/konto/session/?warned").status_code == 204
    is_in(browser)
    assert WARNING not in told(browser, "?warned")


def test_a_call_under_way_is_no_reason_to_warn(browser, case, nurse):
    taken(case, nurse, minutes_ago=29)
    move_back(browser, active=29)
    assert WARNING not in told(browser)


# What it costs -------------------------------------------------------------------------------------------------------


def test_it_costs_no_query_on_a_page_and_a_save_a_minute(browser):
    def asked() -> list[str]:
        key = browser.cookies[settings.SESSION_COOKIE_NAME].value
        with CaptureQueriesContext(connection) as captured:
            assert is_in(browser)
        return [query["sql"].split()[0] for query in captured if key in query["sql"]]

    reads = "EXECUTE"  # a query that is prepared
    assert asked() == asked() == [reads]
    move_back(browser, active=2)
    assert asked() == [reads, "UPDATE"]
    assert asked() == [reads]


# One's own -----------------------------------------------------------------------------------------------------------


def sign_in(username: str, agent: str, address: str) -> Client:
    client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)
    assert client.post("/login/", {"login": username, "password": PASSWORD}).status_code == 302
    return client


EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0"
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/604.1"
)


def test_one_sees_where_one_is_signed_in_and_nobody_elses(nurse, colleague):
    ward = sign_in("anna", EDGE, "10.0.0.1")
    sign_in("anna", IPAD, "10.0.0.2")
    sign_in("karim", EDGE, "10.0.0.3")
    page = ward.get("/konto/").content.decode()
    assert page.count("från 10.0.0.1") == page.count("från 10.0.0.2") == 1
    assert "10.0.0.3" not in page
    assert "Edge, Windows" in page
    assert "Safari, iPad" in page
    assert not [session.pk for session in Session.objects.all() if session.pk in page]


def test_no_more_is_kept_than_address_browser_and_when(nurse):
    sign_in("anna", EDGE, "10.0.0.1")
    [row] = Session.objects.values()
    assert set(row) - {"session_key", "session_data", "expire_date"} == {
        *("user_id", "address", "browser", "began_at", "active_at")
    }
    assert "131" not in str(Session.objects.get().get_decoded())


def test_logga_ut_one_of_them(nurse, desk):
    ward, tablet = sign_in("anna", EDGE, "10.0.0.1"), sign_in("anna", IPAD, "10.0.0.2")
    name = sessions.name_of(tablet.session.session_key)
    assert "Du är utloggad där." in ward.post(f"/konto/sessioner/{name}/logga-ut/", follow=True).content.decode()
    assert (is_in(ward), is_in(tablet)) == (True, False)


def test_nobody_signs_out_another(nurse, colleague):
    mine, hers = sign_in("anna", EDGE, "10.0.0.1"), sign_in("karim", EDGE, "10.0.0.3")
    hers.post(f"/konto/sessioner/{sessions.name_of(mine.session.session_key)}/logga-ut/")
    assert is_in(mine)


def test_logga_ut_overallt(nurse, colleague):
    browsers = [
        sign_in("anna", EDGE, "10.0.0.1"),
        sign_in("anna", IPAD, "10.0.0.2"),
        sign_in("karim", EDGE, "10.0.0.3"),
    ]
    browsers[0].post("/konto/sessioner/logga-ut/")
    assert [is_in(browser) for browser in browsers] == [False, False, True]


def test_whoever_signed_in_long_ago_shows_that_it_is_them_before_they_sign_out_others(nurse):
    ward, tablet = sign_in("anna", EDGE, "10.0.0.1"), sign_in("anna", IPAD, "10.0.0.2")
    sign_in_was(ward, minutes_ago=16)
    name = sessions.name_of(tablet.session.session_key)
    for address in ("/konto/sessioner/logga-ut/", f"/konto/sessioner/{name}/logga-ut/"):
        assert ward.post(address)["Location"].startswith("/konto/bekrafta/")
    assert (is_in(ward), is_in(tablet)) == (True, True)


def test_whoever_has_shown_that_it_is_them_has_another_session_key(nurse):
    ward = sign_in("anna", EDGE, "10.0.0.1")
    sign_in_was(ward, minutes_ago=16)
    name = sessions.name_of("of another")
    asked = ward.post(f"/konto/sessioner/{name}/logga-ut/")
    before = ward.session.session_key
    ward.post(asked["Location"], {"password": PASSWORD})
    assert ward.session.session_key != before
    assert is_in(ward)


def test_signing_out_leaves_nothing_in_the_browser(nurse):
    for address in ("/logout/", "/konto/sessioner/logga-ut/"):
        assert sign_in("anna", EDGE, "10.0.0.1").post(address)["Clear-Site-Data"] == '"storage"'


def test_an_account_that_is_shut_has_no_session_that_goes_on(nurse):
    ward = sign_in("anna", EDGE, "10.0.0.1")
    assert is_in(ward)
    User.objects.filter(pk=nurse.pk).update(is_active=False)
    assert not is_in(ward)


def test_an_administrator_signs_somebody_out_everywhere_and_that_is_on_record(nurse, office, administrator):
    ward, tablet = sign_in("anna", EDGE, "10.0.0.1"), sign_in("anna", IPAD, "10.0.0.2")
    address = f"/admin/teleq/user/{nurse.pk}/sign-out/"
    assert address in office.get(f"/admin/teleq/user/{nurse.pk}/change/").content.decode()
    assert (is_in(ward), is_in(tablet)) == (True, True)  # opening the page did nothing
    assert "Anna Lind är utloggad överallt." in office.post(address, follow=True).content.decode()
    assert (is_in(ward), is_in(tablet)) == (False, False)
    event = SignIn.objects.filter(user=nurse, what=SignIn.What.SIGNED_OUT).latest("at")
    assert (event.by, event.why) == (administrator, "Överallt.")


def test_the_cookie_ends_with_the_browser(nurse):
    cookie = sign_in("anna", EDGE, "10.0.0.1").cookies["sessionid"]
    assert (cookie["expires"], cookie["max-age"]) == ("", "")


def test_sessions_that_have_expired_are_removed_at_night(browser):
    old = Client()
    old.get("/login/")
    Session.objects.update(expire_date=database_now() - timedelta(minutes=1))
    fresh = sign_in("anna", EDGE, "10.0.0.1")
    assert a_night_goes_by()
    assert [session.pk for session in Session.objects.all()] == [fresh.session.session_key]


# Shown again that it is oneself --------------------------------------------------------------------------------------

ASKS = [
    "/admin/patient-data/",
    "/admin/teleq/user/add/",
    "/admin/teleq/user/{}/change/",
    "/admin/teleq/user/{}/invitation/",
]


@pytest.mark.parametrize("address", [*ASKS, "/admin/second-person/"])
def test_before_users_and_extracts_whoever_signed_in_long_ago_shows_that_it_is_them(address, office, nurse):
    address = address.format(nurse.pk)
    assert office.get(address).status_code == 200
    sign_in_was(office, minutes_ago=16)
    response = office.get(address)
    assert (response.status_code, response.url) == (302, f"/konto/bekrafta/?next={address.replace('/', '%2F')}")
    after = office.post(response.url, {"password": PASSWORD, "next": address})
    assert after.url == address
    assert office.get(address).status_code == 200


def test_a_password_whose_hash_is_made_anew_when_it_is_shown_ends_no_session(client, administrator):
    """As after an upgrade of Django: here the salt is shorter than it would be today."""
    User.objects.filter(pk=administrator.pk).update(password=MD5PasswordHasher().encode(PASSWORD, "salt"))
    administrator.refresh_from_db()
    client.force_login(administrator)
    sign_in_was(client, minutes_ago=16)
    client.post("/konto/bekrafta/", {"password": PASSWORD, "next": "/admin/patient-data/"})
    assert client.get("/admin/patient-data/").status_code == 200
    assert User.objects.get(pk=administrator.pk).password != administrator.password


def test_before_keys_too(client, operator):
    client.force_login(operator)
    sign_in_was(client, minutes_ago=16)
    assert client.get("/admin/intake/intakekey/add/").status_code == 302


def test_elsewhere_nobody_is_asked(office, queue):
    sign_in_was(office, minutes_ago=16)
    for address in ("/admin/", "/admin/statistics/", f"/admin/teleq/outgoingsms/{queue.pk}/change/", "/"):
        assert office.get(address).status_code == 200


def sign_in_was(browser: Client, minutes_ago: float) -> None:
    session = browser.session
    for step in session["account_authentication_methods"]:
        step["at"] -= minutes_ago * 60
    session.save()
