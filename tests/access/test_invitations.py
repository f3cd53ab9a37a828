"""A link lets somebody choose their password, once. Nobody else knows it, and one's own is changed by oneself."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from access.models import SignIn
from teleq.models import User
from tests.access.authenticator_app import add_app, code, is_in, type_password, words
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

NEW = "fyra-stora-granar"
CHOSEN = {"new_password1": NEW, "new_password2": NEW}


def link_on(page) -> str:
    [link] = re.findall(r">http://testserver(/konto/inbjudan/[^<]+)</textarea>", page.content.decode())
    return link


def make_link(office: Client, user: User) -> str:
    return link_on(office.post(f"/admin/teleq/user/{user.pk}/invitation/"))


def choose(client: Client, link: str, **chosen: str):
    """Open the link, and send the form that it leads to."""
    opened = client.get(link, follow=True)
    where = opened.redirect_chain[-1][0] if opened.redirect_chain else link
    return client.post(where, CHOSEN | chosen)


@pytest.fixture
def newcomer(office, queue) -> User:
    rows = {"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0}
    row = {"memberships-0-queue": queue.pk, "memberships-0-role": "nurse"}
    page = office.post("/admin/teleq/user/add/", {"username": "nyanna", "first_name": "Ny", **rows, **row})
    user = User.objects.get(username="nyanna")
    user.link = link_on(page)
    return user


def test_a_new_user_chooses_a_password_by_the_link_and_then_adds_a_second_factor(newcomer, in_production):
    client = Client()
    assert choose(client, newcomer.link).url == "/"
    assert client.get("/").url == "/konto/"
    add_app(client)
    assert is_in(client)
    newcomer.refresh_from_db()
    assert newcomer.check_password(NEW)


def test_before_that_nobody_signs_in_as_them(newcomer):
    for typed in ("", "!", "nyanna", PASSWORD):
        type_password(client := Client(), newcomer, typed)
        assert not is_in(client)


def test_the_link_counts_once(newcomer):
    choose(Client(), newcomer.link)
    again = choose(
        client := Client(), newcomer.link, new_password1="tre-små-hus-vid-ån", new_password2="tre-små-hus-vid-ån"
    )
    assert "Länken gäller inte" in words(again)
    assert not is_in(client)
    newcomer.refresh_from_db()
    assert newcomer.check_password(NEW)


def test_the_token_does_not_stay_in_the_address(newcomer):
    opened = Client().get(newcomer.link, follow=True)
    assert opened.redirect_chain[-1][0].endswith("/nytt-losenord/")


def test_a_newer_link_replaces_it(newcomer, office):
    newer = make_link(office, newcomer)
    assert "Länken gäller inte" in words(Client().get(newcomer.link, follow=True))
    assert choose(Client(), newer).status_code == 302


def test_it_is_too_old_after_some_days(newcomer, settings):
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert "Länken gäller inte" in words(Client().get(newcomer.link, follow=True))


def test_whose_account_is_shut_has_no_use_of_it(newcomer):
    User.objects.filter(pk=newcomer.pk).update(is_active=False)
    assert "Länken gäller inte" in words(Client().get(newcomer.link, follow=True))


@pytest.mark.parametrize("token", ["x", "nytt-losenord", "set-password", "aaaaaa-" + "0" * 32])
def test_a_made_up_one_is_none(token, nurse):
    uid = urlsafe_base64_encode(force_bytes(nurse.pk))
    for made_up in (token, default_token_generator.make_token(nurse)):
        assert "Länken gäller inte" in words(choose(Client(), f"/konto/inbjudan/{uid}/{made_up}/"))


def test_whoever_has_a_second_factor_is_asked_for_it_after_the_link_too(nurse, office, in_production):
    type_password(client := Client(), nurse)
    key = add_app(client)
    office_link = make_link(sign_in_strongly(office, nurse), nurse)
    client = Client()
    assert choose(client, office_link).url == "/login/andra-faktor/"
    assert not is_in(client)
    client.post("/login/andra-faktor/", {"code": code(key)})
    assert is_in(client)


def sign_in_strongly(office: Client, nurse: User) -> Client:
    """The administrator's browser, in which a second factor has been shown."""
    client = Client()
    type_password(client, "maria")
    add_app(client)
    return client


def test_a_forgotten_password_keeps_counting_until_the_link_is_used(nurse, office):
    link = make_link(office, nurse)
    assert type_password(Client(), nurse).status_code == 302
    assert "Länken gäller inte" in words(Client().get(link, follow=True))  # it dies with the sign-in: it wasn't needed


def test_the_old_password_and_other_sessions_are_over_when_it_has_been_used(nurse, office):
    open_elsewhere = Client()
    link = make_link(office, nurse)
    open_elsewhere.force_login(nurse)
    link = make_link(office, nurse)
    choose(Client(), link)
    assert not is_in(open_elsewhere)
    type_password(client := Client(), nurse, PASSWORD)
    assert not is_in(client)


def test_who_opens_it_while_somebody_else_is_signed_in_signs_them_out(newcomer, office, administrator):
    assert choose(office, newcomer.link).status_code == 302
    assert office.get("/").wsgi_request.user == newcomer


def test_it_is_on_record(newcomer, administrator):
    choose(Client(REMOTE_ADDR="192.0.2.9"), newcomer.link)
    assert list(SignIn.objects.order_by("id").values_list("what", "user", "by", "address")) == [
        ("invited", newcomer.pk, administrator.pk, "127.0.0.1"),
        ("invitation_used", newcomer.pk, None, "192.0.2.9"),
        ("password_changed", newcomer.pk, None, "192.0.2.9"),
        ("signed_in", newcomer.pk, None, "192.0.2.9"),
    ]


# One's own -----------------------------------------------------------------------------------------------------------


def test_one_changes_ones_own_password_and_stays_signed_in(client, nurse):
    type_password(client, nurse)
    new = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post("/konto/losenord/", new).url == "/konto/"
    assert is_in(client)
    nurse.refresh_from_db()
    assert nurse.check_password(NEW)
    assert SignIn.objects.filter(what="password_changed", user=nurse).exists()


def test_not_without_the_one_that_was(client, nurse):
    type_password(client, nurse)
    answer = client.post("/konto/losenord/", {"oldpassword": "fel", "password1": NEW, "password2": NEW})
    assert "Lösenordet är fel." in words(answer)
    nurse.refresh_from_db()
    assert nurse.check_password(PASSWORD)


def test_the_way_there_is_in_every_pages_head(office, nurse):
    assert '<a href="/konto/"><bdi>Maria Ek</bdi></a>' in office.get("/").content.decode()
    assert '<a href="/konto/"><bdi>Maria Ek</bdi></a>' in office.get("/admin/").content.decode()
    assert 'href="/konto/losenord/"' in office.get("/konto/").content.decode()


WEAK = {
    "elva-tecken": "kort",
    "anna-2026-!!": "name",
    "VCSpindeln-2026": "unit",
    "hej-SPINDELN-hej": "unit",
    "Rådgivning-99-99": "queue",
    "Vårdgivare-2026!": "care provider",
    "mitt-lind-lösen1": "last name",
    "Sommaren-2026!!": "season",
    "Lösenord12345678": "word",
    "Välkommen-12345": "word",
    "password12345678": "common",
    "qwertyqwerty12": "twice",
    "aaaaaaaaaaaaaaa1": "one letter",
    "123456789012": "digits",
}


@pytest.mark.parametrize("password", WEAK, ids=WEAK.values())
def test_a_password_that_others_would_think_of_is_refused(password, nurse):
    with pytest.raises(ValidationError):
        validate_password(password, nurse)


@pytest.mark.parametrize("password", [NEW, PASSWORD, "tre små hus vid ån", "8#4!7%2&9(3)6=1?", "Ännu-en-Grön-Cykel"])
def test_one_that_they_would_not_is_taken(password, nurse):
    validate_password(password, nurse)


def test_a_weak_one_is_refused_with_the_reason_at_the_field(newcomer):
    weak = "nyanna-nyanna-1"
    answer = choose(Client(), newcomer.link, new_password1=weak, new_password2=weak)
    assert "Lösenordet innehåller ditt namn" in words(answer)
