"""Sign-in by OpenID Connect, against a real provider on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from oidc_provider_mock import run_server_in_thread

from access import checks
from access.models import SignIn
from teleq.models import User
from tests.access.authenticator_app import is_in, type_password, words

pytestmark = pytest.mark.django_db

HSA_ID = "SE2321000016-1ABC"
LOA3 = "http://id.sambi.se/loa/loa3"
LOA2 = "http://id.sambi.se/loa/loa2"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def known(provider: str) -> Callable[..., None]:
    """What the identity provider knows of Anna."""

    def know(**claims: object) -> None:
        told = {"employeeHsaId": HSA_ID, "acr": LOA3, "given_name": "Anna", "family_name": "Lind"} | claims
        known = {name: value for name, value in told.items() if value is not None}
        requests.put(f"{provider}/users/anna-at-idp", json=known, timeout=10).raise_for_status()

    know()
    return know


@pytest.fixture(autouse=True)
def configured(settings, provider, known) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    settings.OIDC_SERVER_URL, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = provider, "teleq", "hemligt"
    settings.OIDC_NAME = "Region Sundvik"
    settings.OIDC_ACR = [LOA3]


@pytest.fixture
def anna(nurse: User) -> User:
    nurse.hsa_id = HSA_ID
    nurse.save(update_fields=["hsa_id"])
    return nurse


def leave(client: Client, **form: str) -> str:
    """To the identity provider. Returns the address there."""
    return client.post("/login/oidc/", form).url


def come_back(client: Client, address: str, action: str = "", **changed: str):
    """Sign in there, and follow the way back."""
    back = requests.post(address, data={"sub": "anna-at-idp", "action": action}, allow_redirects=False, timeout=10)
    parts = urlsplit(back.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
    return client.get(f"{parts.path}?{urlencode(query)}")


def sign_in(client: Client, **form: str):
    return come_back(client, leave(client, **form))


def test_staff_are_known_by_their_hsa_id_and_asked_for_nothing_more(client, anna):
    assert sign_in(client).url == "/"
    assert is_in(client)
    assert client.get("/").wsgi_request.user == anna
    assert [(event.what, event.method, event.user) for event in SignIn.objects.all()] == [("signed_in", "oidc", anna)]


@pytest.mark.parametrize("told", [HSA_ID.lower(), f" {HSA_ID} "])
def test_however_it_is_cased_and_spaced(told, client, anna, known):
    known(employeeHsaId=told)
    sign_in(client)
    assert is_in(client)


def test_where_one_was_going_is_kept_and_another_site_is_not(client, anna):
    assert sign_in(client, next="/cases/new/").url == "/cases/new/"
    client.post("/logout/")
    assert sign_in(client, next="https://evil.example/").url == "/"


def test_who_comes_after_another_whose_session_has_ended_begins_at_their_own_work_list(client, anna, administrator):
    client.force_login(administrator)
    session = client.session
    session["active_at"] = session["began_at"] = 0
    session.save()
    assert client.get("/cases/new/").url == "/login/?next=/cases/new/"
    assert sign_in(client, next="/cases/new/").url == "/"


def test_what_is_asked_for_is_the_level_that_is_required_and_a_code_bound_to_this_browser(client):
    asked = parse_qs(urlsplit(leave(client)).query)
    assert asked["acr_values"] == [LOA3]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["nonce"][0]) > 30
    assert asked["response_type"] == ["code"]
    assert json.loads(asked["claims"][0])["id_token"] == {"employeeHsaId": None}
    assert asked["redirect_uri"] == ["http://testserver/login/oidc/svar/"]


def test_what_stands_in_the_address_changes_nothing_of_what_is_asked_for(client):
    asked = parse_qs(urlsplit(client.post("/login/oidc/?auth_params=acr_values%3Dx&scope=y&process=connect").url).query)
    assert (asked["acr_values"], asked["scope"][0].split()) == ([LOA3], asked["scope"][0].split())
    assert "y" not in asked["scope"][0].split()


@pytest.mark.parametrize("acr", [LOA2, "", None, [LOA3], {"a": 1}, f"{LOA3} {LOA2}"])
def test_a_level_that_is_not_enough_is_refused(acr, client, anna, known):
    known(acr=acr)
    answer = sign_in(client)
    assert answer.status_code == 403
    assert "inte tillräcklig tillitsnivå" in words(answer)
    assert not is_in(client)
    assert [(event.what, event.why) for event in SignIn.objects.all()] == [("refused", "För låg tillitsnivå.")]


def test_where_no_level_is_required_teleqs_own_second_factor_is(client, anna, settings):
    settings.OIDC_ACR = []
    sign_in(client)
    assert client.get("/").url == "/konto/"


def test_a_person_not_known_is_told_what_to_do_and_no_account_is_made(client, nurse):
    before = User.objects.count()
    answer = sign_in(client)
    assert f"Det finns inget konto med HSA-id {HSA_ID}." in words(answer)
    assert "Be en administratör för din kö" in words(answer)
    assert (answer.status_code, User.objects.count()) == (403, before)


def test_one_is_made_where_it_is_configured_without_any_rights(client, settings):
    settings.OIDC_MAKE_ACCOUNTS = True
    sign_in(client)
    made = User.objects.get(hsa_id=HSA_ID)
    assert (str(made), made.has_usable_password(), made.memberships.count()) == ("Anna Lind", False, 0)
    assert not (made.is_staff or made.is_superuser)
    sign_in(Client())
    assert User.objects.filter(hsa_id=HSA_ID).count() == 1


@pytest.mark.parametrize("hsa_id", ["", None, "x", "SE1-1", ["SE2321000016-1ABC"], "' OR 1=1 --"])
def test_an_hsa_id_that_is_none_lets_nobody_in_and_makes_no_account(hsa_id, client, nurse, known, settings):
    settings.OIDC_MAKE_ACCOUNTS = True
    known(employeeHsaId=hsa_id)
    before = User.objects.count()
    assert sign_in(client).status_code == 403
    assert not is_in(client)
    assert User.objects.count() == before


def test_a_shut_account_stays_shut(client, anna):
    User.objects.filter(pk=anna.pk).update(is_active=False)
    answer = sign_in(client)
    assert "Ditt konto är inaktivt." in words(answer)
    assert not is_in(client)
    assert SignIn.objects.get().user == anna


def test_nothing_is_kept_that_lets_somebody_in_whose_hsa_id_is_taken_away(client, anna):
    sign_in(client)
    assert not SocialAccount.objects.exists()
    User.objects.filter(pk=anna.pk).update(hsa_id="")
    sign_in(again := Client())
    assert not is_in(again)


def test_a_commission_that_does_not_count_here_is_refused(client, anna, known, settings):
    settings.OIDC_COMMISSION_CLAIM, settings.OIDC_COMMISSIONS = "commissionHsaId", ["SE2321000016-9XYZ"]
    assert "Medarbetaruppdraget" in words(sign_in(client))
    known(commissionHsaId="SE2321000016-0000")
    assert "Medarbetaruppdraget" in words(sign_in(client))
    known(commissionHsaId="SE2321000016-9XYZ")
    assert sign_in(client).url == "/"


# Somebody in between --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["", "x" * 16])
def test_a_state_that_is_not_ours_is_refused(state, client, anna):
    answer = come_back(client, leave(client), state=state)
    assert answer.status_code == 403
    assert not is_in(client)


def test_nor_is_another_browsers(client, anna):
    address = leave(Client())
    assert come_back(client, address).status_code == 403
    assert not is_in(client)


def test_a_way_back_is_gone_once(client, anna):
    address = leave(client)
    back = requests.post(address, data={"sub": "anna-at-idp"}, allow_redirects=False, timeout=10)
    parts = urlsplit(back.headers["Location"])
    here = f"{parts.path}?{parts.query}"
    assert client.get(here).status_code == 302
    client.post("/logout/")
    assert client.get(here).status_code == 403
    assert not is_in(client)


def test_a_nonce_that_is_not_the_one_asked_for_is_refused(client, anna):
    address = leave(client)
    nonce = parse_qs(urlsplit(address).query)["nonce"][0]
    answer = come_back(client, address.replace(nonce, "x" * len(nonce)))
    assert answer.status_code == 403
    assert [event.why for event in SignIn.objects.all()] == ["Fel nonce."]
    assert not is_in(client)


def test_nor_is_an_answer_without_one(client, anna):
    address = leave(client)
    nonce = parse_qs(urlsplit(address).query)["nonce"][0]
    assert come_back(client, address.replace(f"nonce={nonce}", "")).status_code == 403


def test_a_token_for_somebody_else_is_refused(client, anna, settings):
    address = leave(client)
    settings.OIDC_CLIENT_ID = "another"
    assert come_back(client, address).status_code == 403
    assert not is_in(client)


@pytest.mark.parametrize("off", [-120, 120])
def test_the_web_hosts_clock_may_be_two_minutes_off(off, client, anna, monkeypatch):
    class HostsClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=off)

    monkeypatch.setattr("jwt.api_jwt.datetime", HostsClock)
    sign_in(client)
    assert is_in(client)


class InFront(BaseHTTPRequestHandler):
    """Stands before an identity provider under a name of its own, and says something else of it."""

    behind: ClassVar[str]
    says: ClassVar[dict[str, str]]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = requests.request(
            self.command, self.behind + self.path, data=body, headers=self.headers, allow_redirects=False, timeout=10
        )
        content = answer.content
        if self.path.endswith("openid-configuration"):
            content = json.dumps(answer.json() | self.says).encode()
        self.send_response(answer.status_code)
        for name in {"Content-Type", "Location"} & set(answer.headers):
            self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.mark.parametrize("another", [None, "jwks_uri", "issuer"])
def test_a_token_that_another_has_signed_or_speaks_for_is_refused(another, client, anna, settings, provider):
    """All is as it should be, but whose keys they are that are known to be the provider's, or whose word it is."""
    with run_server_in_thread() as behind, ThreadingHTTPServer(("localhost", 0), InFront) as in_front:
        InFront.behind = f"http://localhost:{behind.server_port}"
        requests.put(f"{InFront.behind}/users/anna-at-idp", json={"employeeHsaId": HSA_ID, "acr": LOA3}, timeout=10)
        elsewhere = {"jwks_uri": f"{provider}/jwks", "issuer": provider}
        InFront.says = {another: elsewhere[another]} if another else {}
        threading.Thread(target=in_front.serve_forever, args=[0.02], daemon=True).start()
        settings.OIDC_SERVER_URL = f"http://localhost:{in_front.server_port}"
        sign_in(client)
        in_front.shutdown()
    assert is_in(client) == (another is None)


class Elsewhere(BaseHTTPRequestHandler):
    """Sends whoever asks on to another server."""

    to: ClassVar[str]

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.to + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_no_redirection_leads_to_another_who_says_who_it_is(client, anna, settings, provider):
    with ThreadingHTTPServer(("localhost", 0), Elsewhere) as redirecting:
        Elsewhere.to = provider
        threading.Thread(target=redirecting.serve_forever, args=[0.02], daemon=True).start()
        settings.OIDC_SERVER_URL = f"http://localhost:{redirecting.server_port}"
        assert client.post("/login/oidc/").status_code == 503
        redirecting.shutdown()


def test_whoever_changes_their_mind_there_is_told_so(client, anna):
    address = leave(client)
    state = parse_qs(urlsplit(address).query)["state"][0]  # which this provider forgets, and others send
    answer = come_back(client, address, action="deny", state=state)
    assert "Du avbröt inloggningen hos Region Sundvik." in words(answer)


def test_a_provider_that_does_not_answer_is_told_of(client, anna, settings):
    address = leave(client)
    settings.OIDC_SERVER_URL = "http://localhost:9"
    assert client.post("/login/oidc/").status_code == 503
    answer = come_back(client, address)
    assert answer.status_code == 503
    assert "Det går inte att nå Region Sundvik just nu." in words(answer)


# The page ------------------------------------------------------------------------------------------------------------


def test_the_providers_origin_is_in_the_policy_of_the_sign_in_page_only(client, nurse, provider):
    assert f"form-action 'self' {provider}" in client.get("/login/")["Content-Security-Policy"]
    client.force_login(nurse)
    for address in ("/konto/", "/konto/losenord/", "/no-such-page/"):
        assert provider not in client.get(address, follow=True)["Content-Security-Policy"]


def test_the_page_has_the_button_only_where_there_is_a_provider(client, settings):
    assert "Logga in med Region Sundvik" in words(client.get("/login/"))
    settings.OIDC_SERVER_URL = ""
    page = client.get("/login/")
    assert "Region Sundvik" not in words(page)
    assert "form-action 'self';" in page["Content-Security-Policy"] + ";"
    assert client.post("/login/oidc/").status_code == 404
    assert client.get("/login/oidc/svar/?code=x&state=y").status_code == 404


def test_passwords_go_on_beside_it(client, nurse):
    assert type_password(client, nurse).url == "/"


def test_what_is_missing_in_the_configuration_stops_the_start(settings):
    settings.TELEQ_DEMO, settings.SECRET_KEY = False, "k9Vt3qXw7ZbN1mLp5RsYd8HfGjKc2QaEuTiOoPzWxSv"
    settings.OIDC_SERVER_URL, settings.OIDC_CLIENT_SECRET, settings.OIDC_ACR = "http://idp.example.se", "", []
    assert {problem.id for problem in checks.sign_in_is_safe()} == {"access.E002", "access.W001"}
    settings.OIDC_SERVER_URL, settings.OIDC_CLIENT_SECRET, settings.OIDC_ACR = "https://idp.example.se", "x", [LOA3]
    assert checks.sign_in_is_safe() == []
