"""Outside the demonstration nobody gets in with a password alone."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import hotp_value
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from access.middleware import OPEN_BEFORE
from access.models import SignIn
from teleq.models import User
from tests.access.authenticator_app import add_app, code, is_in, recovery_codes, type_password, words
from tests.concurrency import in_another_connection
from tests.teleq.test_promise_9_login import EXACT, KEYED, OPEN

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(client, nurse, in_production) -> str:
    """The nurse has an app, and has signed out."""
    type_password(client, nurse)
    key = add_app(client)
    client.post("/logout/")
    return key


def names(resolver: URLResolver, space: str = "") -> set[str]:
    found = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            found.add(f"{space}{pattern.name}")
        else:
            found |= names(pattern, f"{pattern.namespace}:" if pattern.namespace else space)
    return found


def test_the_codes_are_those_of_the_standard():
    """RFC 6238, appendix B: the last six digits of the first three."""
    key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # 12345678901234567890
    assert [hotp_value(key, second // 30) for second in (59, 1111111109, 1234567890)] == [287082, 81804, 5924]


def test_in_the_demonstration_a_password_is_enough(client, nurse):
    assert type_password(client, nurse).url == "/"
    assert is_in(client)


def test_a_password_alone_leads_to_where_a_second_factor_is_added(client, nurse, in_production):
    type_password(client, nurse)
    assert client.get("/").url == "/konto/"
    assert "Lägg till en andra faktor innan du fortsätter." in words(client.get("/konto/"))


def test_and_nowhere_else(client, operator, in_production):
    type_password(client, operator)
    shut = [(name, address) for name, address in EXACT if name not in OPEN | OPEN_BEFORE and not name.startswith(KEYED)]
    answers = {(name, ask(address).url) for name, address in shut for ask in (client.get, client.post)}
    assert len(answers) > 50
    assert {url for _, url in answers} == {"/konto/"}


def test_what_is_saved_in_place_is_told_and_not_sent_elsewhere(client, nurse, in_production):
    type_password(client, nurse)
    headers = {"HX-Request": "true", "X-Shown-To": str(nurse.pk)}
    assert client.post("/cases/1/consent/", {"answer": "yes"}, headers=headers).status_code == 401


def test_the_addresses_that_are_open_before_are_there():
    assert names(get_resolver()) >= OPEN_BEFORE


def test_a_session_that_nobody_knows_how_it_came_about_is_not_enough(client, nurse, in_production):
    client.force_login(nurse)
    assert client.get("/").url == "/konto/"


@pytest.mark.parametrize("address", ["/", "/konto/", "/konto/app/", "/konto/passkey/", "/konto/bekrafta/"])
def test_one_from_before_the_second_factor_was_added_is_over(address, nurse, in_production):
    """Whose it is, is not known: it might be somebody's who knows the password and waits."""
    type_password(before := Client(), nurse)
    type_password(hers := Client(), nurse)
    add_app(hers)
    assert before.get(address).url.startswith("/login/")
    assert before.post("/konto/passkey/", {"credential": "{}"}).url.startswith("/login/")
    assert is_in(hers)


def test_an_app_is_added_and_lets_in(client, nurse, in_production):
    type_password(client, nurse)
    add_app(client)
    assert is_in(client)


def test_a_wrong_code_adds_nothing(client, nurse, in_production):
    type_password(client, nurse)
    client.get("/konto/app/")
    assert "Koden är fel" in words(client.post("/konto/app/", {"code": "000000"}))
    assert not Authenticator.objects.exists()
    assert not is_in(client)


def test_then_password_and_code_are_asked_for(client, nurse, key):
    assert type_password(client, nurse).url == "/login/andra-faktor/"
    assert not is_in(client)
    assert client.post("/login/andra-faktor/", {"code": code(key)}).url == "/"
    assert is_in(client)


def test_also_in_the_demonstration_of_whoever_has_one(client, nurse, key, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    assert type_password(client, nurse).url == "/login/andra-faktor/"
    assert not is_in(client)


def test_where_one_was_going_is_kept(client, nurse, key):
    client.post("/login/", {"login": nurse.username, "password": "korrekt-häst-batteri", "next": "/cases/new/"})
    assert client.post("/login/andra-faktor/", {"code": code(key)}).url == "/cases/new/"


@pytest.mark.parametrize("wrong", ["000000", "", "å" * 6, "\u0661" * 6, "9" * 500])
def test_a_wrong_code_lets_nobody_in(wrong, client, nurse, key):
    type_password(client, nurse)
    assert client.post("/login/andra-faktor/", {"code": wrong}).status_code == 200
    assert not is_in(client)


def test_a_code_counts_once(client, nurse, key):
    used = code(key)
    for _ in range(2):
        type_password(client, nurse)
        answer = client.post("/login/andra-faktor/", {"code": used})
        let_in, _ = is_in(client), client.post("/logout/")
    assert not let_in
    assert "redan använd" in words(answer)


@pytest.mark.django_db(transaction=True)
def test_nor_twice_at_once(nurse, in_production):
    type_password(first := Client(), nurse)
    key = add_app(first)
    clients = [Client(), Client(), Client()]
    for client in clients:
        type_password(client, nurse)
    used = code(key)
    waiting = [in_another_connection(lambda each=each: post_code(each, used)) for each in clients]
    assert sorted(each.result(30) for each in waiting) == [200, 200, 302]


def post_code(client: Client, typed: str) -> int:
    return client.post("/login/andra-faktor/", {"code": typed}).status_code


def test_nor_does_one_from_before_a_later_one_was_used(client, nurse, key):
    type_password(client, nurse)
    client.post("/login/andra-faktor/", {"code": code(key, 1)})
    assert is_in(client)
    client.post("/logout/")
    type_password(client, nurse)
    client.post("/login/andra-faktor/", {"code": code(key)})
    assert not is_in(client)


def test_the_code_that_added_the_app_does_not_sign_in(client, nurse, in_production):
    type_password(client, nurse)
    page = client.get("/konto/app/").content.decode()
    key = page.split('Nyckel: <span class="key">')[1][:32]
    used = code(key)
    client.post("/konto/app/", {"code": used})
    client.post("/logout/")
    type_password(client, nurse)
    client.post("/login/andra-faktor/", {"code": used})
    assert not is_in(client)


def test_the_second_factor_can_be_given_up_for_another_sign_in(client, nurse, administrator, key):
    type_password(client, nurse)
    assert client.post("/login/andra-faktor/", {"cancel": "1"}).url == "/login/"
    assert client.get("/login/andra-faktor/").url == "/login/"


def test_a_password_typed_while_somebody_else_is_signed_in_signs_them_out(client, nurse, administrator, key, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    type_password(client, administrator)
    assert type_password(client, nurse).url == "/login/andra-faktor/"
    assert client.get("/").url.startswith("/login/")
    client.post("/login/andra-faktor/", {"code": code(key)})
    assert client.get("/").wsgi_request.user == nurse


def test_a_recovery_code_counts_once_and_they_are_shown_once(client, nurse, in_production):
    type_password(client, nurse)
    add_app(client)
    codes = recovery_codes(client)
    assert len(set(codes)) == 10
    assert recovery_codes(client) == []
    for attempt in range(2):
        client.post("/logout/")
        type_password(client, nurse)
        client.post("/login/andra-faktor/", {"code": codes[0]})
        assert is_in(client) == (attempt == 0)


def test_new_recovery_codes_replace_the_old(client, nurse, in_production):
    type_password(client, nurse)
    add_app(client)
    old = recovery_codes(client)
    client.post("/konto/reservkoder/nya/")
    assert not set(old) & set(recovery_codes(client))


def test_the_last_second_factor_stays_where_one_is_required(client, nurse, in_production):
    type_password(client, nurse)
    add_app(client)
    assert "Den här är din enda." in words(client.post("/konto/app/ta-bort/"))
    assert Authenticator.objects.filter(type="totp").exists()


def test_and_goes_where_none_is(client, nurse):
    type_password(client, nurse)
    add_app(client)
    client.post("/konto/app/ta-bort/")
    assert not Authenticator.objects.exists()


def test_the_key_and_the_seed_are_not_in_the_database_in_clear(client, nurse, key):
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert key not in kept
    assert len(Authenticator.objects.all()) == 2


def test_after_secret_key_is_changed_an_app_goes_on_and_needs_the_old_one_only_till_it_is_encrypted_anew(
    client, nurse, key, settings
):
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "en-helt-ny-nyckel-" * 4, []
    with pytest.raises(CommandError, match="Ingenting ändrades"):
        call_command("encrypt_second_factors")
    settings.SECRET_KEY_FALLBACKS = [old]
    call_command("encrypt_second_factors")
    settings.SECRET_KEY_FALLBACKS = []
    type_password(client, nurse)
    client.post("/login/andra-faktor/", {"code": code(key)})
    assert is_in(client)


def test_what_is_changed_long_after_the_sign_in_asks_who_it_is(client, nurse, in_production):
    type_password(client, nurse)
    add_app(client)
    session = client.session
    session["account_authentication_methods"] = [
        {**step, "at": step["at"] - 3600} for step in session["account_authentication_methods"]
    ]
    session.save()
    assert client.get("/konto/reservkoder/nya/").url.startswith("/konto/bekrafta/")
    assert client.post("/konto/bekrafta/", {"password": "fel"}).status_code == 200
    assert client.get("/konto/reservkoder/nya/").status_code == 302
    client.post("/konto/bekrafta/", {"password": "korrekt-häst-batteri"})
    assert client.get("/konto/reservkoder/nya/").status_code == 200


@pytest.mark.parametrize(
    "address", ["/konto/", "/konto/losenord/", "/konto/app/", "/konto/passkey/", "/konto/reservkoder/"]
)
def test_a_page_has_one_heading_and_no_script_or_style_of_its_own(address, client, nurse):
    type_password(client, nurse)
    if "reserv" in address:
        add_app(client)
    page = client.get(address)
    body = page.content.decode()
    assert body.count("<h1") == 1
    assert " style=" not in body
    assert "unsafe" not in page["Content-Security-Policy"]


def test_everything_is_on_record(client, nurse, in_production):
    type_password(client, nurse)
    key = add_app(client)
    client.post("/logout/")
    type_password(client, nurse)
    client.post("/login/andra-faktor/", {"code": "000000"})
    client.post("/login/andra-faktor/", {"code": code(key)})
    client.post("/konto/reservkoder/nya/")
    assert [(event.what, event.method, event.user) for event in SignIn.objects.order_by("id")] == [
        ("signed_in", "password", nurse),
        ("factor_added", "totp", nurse),
        ("signed_out", "", nurse),
        ("failed", "code", nurse),
        ("signed_in", "totp", nurse),
        ("codes_made", "recovery_codes", nurse),
    ]


def test_nobody_removes_anothers_passkey(client, nurse, administrator):
    other = Authenticator.objects.create(user=administrator, type="webauthn", data={"name": "x", "credential": {}})
    type_password(client, nurse)
    assert client.post(f"/konto/passkey/{other.pk}/ta-bort/").status_code == 404


def test_what_is_not_offered_is_not_there(client: Client, nurse: User):
    for address in ("/signup/", "/accounts/", "/password/reset/", "/email/", "/3rdparty/", "/login/code/"):
        assert type_password(client, nurse).url == "/"
        assert client.get(address).status_code == 404
