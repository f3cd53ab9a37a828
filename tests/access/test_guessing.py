"""Guessing is limited, in PostgreSQL, and one person's mistakes shut out nobody else."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from itertools import count

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client

from access import limits
from access.models import SignIn
from intake.keys import make_key
from intake.models import IntakeKey
from tests.access.authenticator_app import add_app, code, is_in, type_password, words
from tests.concurrency import in_another_connection
from tests.database_roles import past_the_triggers

pytestmark = pytest.mark.slow

WARD, STRANGER = {"REMOTE_ADDR": "192.0.2.10"}, {"REMOTE_ADDR": "198.51.100.66"}
elsewhere = count(1)


def another_address() -> dict[str, str]:
    return {"REMOTE_ADDR": f"203.0.113.{next(elsewhere) % 250 + 1}"}


def guess(user, how_often: int, **environ: str) -> list[int]:
    return [type_password(Client(), user, "fel-lösenord-här", **environ).status_code for _ in range(how_often)]


def comes_in(user, **environ: str) -> bool:
    client = Client()
    return type_password(client, user, **environ).status_code == 302 and is_in(client)


def time_passes(**how_long: float) -> None:
    with past_the_triggers():
        SignIn.objects.update(at=F("at") - timedelta(**how_long))


@pytest.mark.django_db
def test_after_sixty_wrong_ones_the_right_one_is_refused(nurse):
    assert guess(nurse, 60, **WARD)[-1] == 429
    assert not comes_in(nurse, **WARD)


def said(response) -> str:
    """What is read, whichever minute it is."""
    return re.sub(r"\d\d\.\d\d", "12.00", words(response).split("csrf")[0])


@pytest.mark.django_db
def test_what_is_said_tells_when_to_try_again_and_not_whether_it_was_right(nurse):
    guess(nurse, 5, **WARD)
    right, wrong = (type_password(Client(), nurse, typed, **WARD) for typed in ("korrekt-häst-batteri", "fel"))
    assert "För många misslyckade försök. Försök igen efter " in words(right)
    assert [right.status_code, said(right)] == [wrong.status_code, said(wrong)]


@pytest.mark.django_db
def test_the_wait_ends(nurse):
    guess(nurse, 60, **WARD)
    time_passes(minutes=16)
    assert comes_in(nurse, **WARD)


@pytest.mark.django_db
def test_a_few_mistakes_and_then_the_right_one_is_no_hindrance_and_begins_anew(nurse):
    for _ in range(3):
        guess(nurse, 4, **WARD)
        assert comes_in(nurse, **WARD)


@pytest.mark.django_db
def test_the_ward_behind_one_address_goes_on(nurse, administrator):
    guess(nurse, 60, **WARD)
    assert comes_in(administrator, **WARD)


@pytest.mark.django_db
def test_a_stranger_does_not_shut_anna_out(nurse):
    assert comes_in(nurse, **WARD)
    time_passes(days=3)
    for _ in range(20):
        guess(nurse, 4, **another_address())
    assert comes_in(nurse, **WARD)


@pytest.mark.django_db
def test_but_guesses_from_many_addresses_are_limited_together(nurse):
    answers = [guess(nurse, 1, **another_address())[0] for _ in range(40)]
    assert answers.index(429) == 30
    assert not comes_in(nurse, **another_address())


@pytest.mark.django_db
def test_one_password_tried_on_many_accounts_is_limited(nurse, administrator):
    answers = [type_password(Client(), f"person{n}", "sommaren-2026!", **STRANGER).status_code for n in range(30)]
    assert answers.index(429) == 20
    assert not comes_in(administrator, **STRANGER)


@pytest.mark.django_db
def test_and_shuts_out_nobody_who_always_signs_in_there(nurse):
    assert comes_in(nurse, **WARD)
    for number in range(30):
        type_password(Client(), f"person{number}", "sommaren-2026!", **WARD)
    assert comes_in(nurse, **WARD)


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_CLIENT_IP"])
def test_an_address_is_not_what_the_client_says_it_is(header, nurse):
    for number in range(5):
        guess(nurse, 1, **WARD, **{header: f"203.0.113.{number}"})
    assert not comes_in(nurse, **WARD, **{header: "203.0.113.99"})


@pytest.mark.django_db
def test_behind_a_proxy_it_is_what_the_proxy_saw(nurse, administrator, settings):
    settings.BEHIND_PROXY = True
    for number in range(5):
        guess(nurse, 1, **WARD, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}, 198.51.100.1")
    assert not comes_in(nurse, **WARD, HTTP_X_FORWARDED_FOR="203.0.113.99, 198.51.100.1")
    assert comes_in(nurse, **WARD, HTTP_X_FORWARDED_FOR="198.51.100.1, 198.51.100.2")


@pytest.mark.django_db
def test_all_of_an_ipv6_network_is_one_client(nurse):
    for number in range(5):
        guess(nurse, 1, REMOTE_ADDR=f"2001:db8:1:2::{number + 1:x}")
    assert not comes_in(nurse, REMOTE_ADDR="2001:db8:1:2:aaaa::9")
    assert comes_in(nurse, REMOTE_ADDR="2001:db8:1:3::1")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["", "unix:", "999.1.1.1", "fe80::1%eth0"])
def test_an_address_that_can_not_be_read_is_one_all_the_same(address, nurse):
    guess(nurse, 5, REMOTE_ADDR=address)
    assert not comes_in(nurse, REMOTE_ADDR=address)


@pytest.mark.django_db
def test_an_account_that_is_not_there_is_answered_like_one_that_is(nurse):
    said = {name: [type_password(Client(), name, "fel", **WARD) for _ in range(6)] for name in ("anna", "nobody")}
    for one, other in zip(*said.values(), strict=True):
        assert one.status_code == other.status_code
    assert words(said["anna"][-1]).replace("anna", "") == words(said["nobody"][-1]).replace("nobody", "")


@pytest.mark.django_db
def test_what_was_typed_as_a_name_nobody_has_is_not_kept(nurse):
    type_password(Client(), "Mitt-Hemliga-Lösenord", "fel", **WARD)
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_signin::text FROM access_signin")
        kept = str(cursor.fetchall()).casefold()
    assert "hemliga" not in kept
    assert SignIn.objects.get().user is None


@pytest.mark.django_db(transaction=True)
def test_of_many_guesses_at_once_no_more_are_answered_than_of_those_in_a_row(nurse):
    """Each in a connection of its own. The right one is among them: whether it comes in is a matter of order, but after
    five wrong ones are written down it never does."""
    guesses = [in_another_connection(lambda: guess(nurse, 1, **WARD)[0]) for _ in range(24)]
    answers = [each.result(60) for each in guesses]
    assert answers.count(200) == limits.ACCOUNT_AT_ADDRESS.most
    assert answers.count(429) == 24 - limits.ACCOUNT_AT_ADDRESS.most
    assert SignIn.objects.filter(what="failed").count() == limits.ACCOUNT_AT_ADDRESS.most
    assert not comes_in(nurse, **WARD)


@pytest.mark.django_db
def test_codes_are_limited_wherever_they_come_from(nurse, in_production):
    client = Client()
    type_password(client, nurse)
    key = add_app(client)
    client.post("/logout/")
    time_passes(hours=1)
    for _ in range(5):
        guesser = Client(**another_address())
        type_password(guesser, nurse)
        assert guesser.post("/login/andra-faktor/", {"code": "000000"}).status_code == 200
    type_password(client, nurse)
    assert client.post("/login/andra-faktor/", {"code": code(key)}).status_code == 429
    assert not is_in(client)


@pytest.mark.django_db
def test_more_than_twenty_wrong_codes_in_a_day_are_too_many(nurse, in_production):
    client = Client()
    type_password(client, nurse)
    key = add_app(client)
    client.post("/logout/")
    for _ in range(5):
        type_password(client, nurse)
        for _ in range(4):
            client.post("/login/andra-faktor/", {"code": "000000"})
        time_passes(minutes=20)
    type_password(client, nurse)
    assert client.post("/login/andra-faktor/", {"code": code(key, 1)}).status_code == 429


@pytest.mark.django_db
def test_ones_own_password_is_not_guessed_where_it_is_changed(nurse):
    client = Client()
    type_password(client, nurse)
    new = {"password1": "fyra-stora-granar", "password2": "fyra-stora-granar"}
    answers = [client.post("/konto/losenord/", new | {"oldpassword": "fel"}).status_code for _ in range(7)]
    assert answers == [200] * 5 + [429] * 2


@pytest.mark.django_db
def test_keys_of_telephone_systems_are_limited_by_address(client, care_provider, operator):
    key = IntakeKey(care_provider=care_provider, name="Växeln")
    right = make_key(key, by=operator)

    def ask(shown: str, **environ: str):
        return client.get("/api/v1/queues", headers={"Authorization": f"Bearer {shown}"}, **environ)

    wrong = [ask(f"teleq_{number}", **STRANGER) for number in range(22)]
    assert [answer.status_code for answer in wrong] == [401] * 20 + [429] * 2
    assert int(wrong[-1]["Retry-After"]) > 0
    assert ask(right, **STRANGER).status_code == 429
    assert ask(right, **WARD).status_code == 200


@pytest.mark.django_db
def test_passwords_of_providers_are_limited_by_address(client, settings):
    for name in ("KANNEL_URL", "KANNEL_USERNAME", "KANNEL_PASSWORD"):
        setattr(settings, name, "http://x.invalid")
    settings.SMS_INBOUND_PASSWORD = "right"

    def tell(password: str, **environ: str) -> int:
        basic = "Basic " + base64.b64encode(f"x:{password}".encode()).decode()
        return client.post("/sms/inbound/kannel", headers={"Authorization": basic}, **environ).status_code

    assert [tell(f"wrong{number}", **STRANGER) for number in range(21)] == [403] * 20 + [429]
    assert tell("right", **STRANGER) == 429
    assert tell("right", **WARD) == 200


@pytest.mark.django_db
def test_whoever_goes_on_guessing_does_not_fill_the_record(nurse):
    guess(nurse, 60, **WARD)
    assert list(SignIn.objects.order_by("id").values_list("what", flat=True)) == ["failed"] * 5 + ["limited"]
    for number in range(60):
        type_password(Client(), f"person{number}", "fel", **STRANGER)
    assert SignIn.objects.filter(address="198.51.100.66").count() == 21


@pytest.mark.django_db
def test_a_sign_in_costs_few_queries(nurse, django_assert_max_num_queries):
    with django_assert_max_num_queries(40):
        type_password(Client(), nurse, **WARD)
