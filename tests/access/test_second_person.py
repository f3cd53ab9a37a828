"""A lost second factor is reset by an administrator and a second person, on record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.test import Client

from access import second_person
from access.models import SecondPersonRequest, SignIn
from teleq.clock import database_now
from teleq.models import Membership, Role, User
from tests.access.authenticator_app import add_app, is_in, type_password, words
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.database_roles import past_the_triggers

pytestmark = pytest.mark.django_db

RESET = SecondPersonRequest.Act.RESET_SECOND_FACTOR
WHY = "Tappade telefonen. Vi har träffats."


@pytest.fixture
def locked_out(nurse: User) -> User:
    """The nurse, whose app is lost."""
    type_password(client := Client(), nurse)
    add_app(client)
    return nurse


@pytest.fixture
def second(make_user, queue) -> User:
    user = make_user("second", "Sanna", "Ström")
    Membership.objects.create(user=user, queue=queue, role=Role.ADMINISTRATOR)
    return user


@pytest.fixture
def asked(locked_out: User, administrator: User) -> SecondPersonRequest:
    return second_person.ask(RESET, locked_out, administrator, WHY)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def has_factors(user: User) -> bool:
    return Authenticator.objects.filter(user=user).exists()


def test_one_asks_another_confirms_and_then_it_is_done(locked_out, administrator, second):
    page = browser_of(administrator).post(
        f"/admin/teleq/user/{locked_out.pk}/second-factor/", {"why": WHY}, follow=True
    )
    assert "Begäran är sparad." in words(page)
    assert has_factors(locked_out)
    [asked] = SecondPersonRequest.objects.all()
    page = browser_of(second).get("/admin/second-person/")
    assert [words_of in words(page) for words_of in ("Anna Lind", "Maria Ek", WHY)] == [True] * 3
    page = browser_of(second).post("/admin/second-person/", {"confirm": asked.pk}, follow=True)
    assert "Återställ andra faktorn för Anna Lind är utfört." in words(page)
    assert not has_factors(locked_out)
    type_password(client := Client(), locked_out)
    assert is_in(client)  # in the demonstration; elsewhere a new second factor is added now


def test_it_is_on_record_with_both(asked, locked_out, administrator, second):
    second_person.confirm(asked.pk, second)
    event = SignIn.objects.get(what="factor_reset")
    assert (event.user, event.by, event.why) == (locked_out, second, f"Begärt av Maria Ek: {WHY}")
    asked.refresh_from_db()
    assert (asked.asked_by, asked.confirmed_by) == (administrator, second)
    assert asked.carried_out_at is not None


def test_the_one_who_asked_does_not_confirm(asked, administrator, locked_out):
    with pytest.raises(PermissionDenied):
        second_person.confirm(asked.pk, administrator)
    page = browser_of(administrator).get("/admin/second-person/")
    assert "Bekräfta</button>" not in page.content.decode()
    assert browser_of(administrator).post("/admin/second-person/", {"confirm": asked.pk}).status_code == 404
    assert has_factors(locked_out)


@pytest.mark.parametrize("who", ["outsider", "nurse", "colleague"])
def test_nor_does_anybody_but_an_administrator_of_a_queue_of_theirs(who, asked, locked_out, request):
    with pytest.raises(PermissionDenied):
        second_person.confirm(asked.pk, request.getfixturevalue(who))
    assert has_factors(locked_out)


@pytest.mark.parametrize("who", ["outsider", "nurse", "colleague"])
def test_nor_do_they_ask(who, locked_out, request):
    with pytest.raises(PermissionDenied):
        second_person.ask(RESET, locked_out, request.getfixturevalue(who), WHY)


def test_nobody_asks_for_themselves_nor_confirms_for_themselves(administrator, second, operator, queue):
    with pytest.raises(PermissionDenied):
        second_person.ask(RESET, administrator, administrator, WHY)
    asked = second_person.ask(RESET, administrator, second, WHY)
    with pytest.raises(PermissionDenied):
        second_person.confirm(asked.pk, administrator)


def test_the_operator_is_a_second_person(asked, operator, locked_out):
    second_person.confirm(asked.pk, operator)
    assert not has_factors(locked_out)


def test_of_an_operator_only_another_operator_decides(operator, administrator, second, make_user, queue):
    Membership.objects.create(user=operator, queue=queue)
    with pytest.raises(PermissionDenied):
        second_person.ask(RESET, operator, administrator, WHY)
    other, third = (make_user(name, name, "Drift") for name in ("other", "third"))
    User.objects.filter(pk__in=[other.pk, third.pk]).update(is_superuser=True)
    other, third = User.objects.get(pk=other.pk), User.objects.get(pk=third.pk)
    asked = second_person.ask(RESET, operator, other, WHY)
    with pytest.raises(PermissionDenied):
        second_person.confirm(asked.pk, second)
    second_person.confirm(asked.pk, third)


def test_whose_account_has_been_shut_confirms_nothing(asked, second):
    User.objects.filter(pk=second.pk).update(is_active=False)
    with pytest.raises(PermissionDenied):
        second_person.confirm(asked.pk, User.objects.get(pk=second.pk))


def test_it_waits_for_two_days(asked, second, locked_out):
    with past_the_triggers():
        long_ago = timedelta(days=2, minutes=1)
        SecondPersonRequest.objects.update(confirm_before=F("confirm_before") - long_ago)
    with pytest.raises(second_person.NotOpen):
        second_person.confirm(asked.pk, second)
    assert second_person.waiting_for(second) == []
    assert has_factors(locked_out)


def test_it_is_done_once(asked, second, operator):
    second_person.confirm(asked.pk, second)
    with pytest.raises(second_person.NotOpen):
        second_person.confirm(asked.pk, operator)
    page = browser_of(operator).post("/admin/second-person/", {"confirm": asked.pk}, follow=True)
    assert "Begäran väntar inte längre" in words(page)


@pytest.mark.parametrize("who", ["administrator", "second"])
def test_it_is_taken_back_by_the_one_and_refused_by_the_other(who, asked, second, locked_out, request):
    browser_of(request.getfixturevalue(who)).post("/admin/second-person/", {"withdraw": asked.pk})
    with pytest.raises(second_person.NotOpen):
        second_person.confirm(asked.pk, second)
    assert has_factors(locked_out)


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "9" * 30, "\u0661"])
def test_a_number_that_is_none_is_told_so(number, administrator):
    page = browser_of(administrator).post("/admin/second-person/", {"confirm": number}, follow=True)
    assert "Ingenting gjordes." in words(page)


def test_asking_anew_replaces_what_waits(asked, locked_out, administrator, second):
    second_person.ask(RESET, locked_out, administrator, "En gång till")
    assert [each.why for each in second_person.waiting_for(second)] == ["En gång till"]


def test_a_reason_is_needed_and_what_was_typed_stays(locked_out, administrator):
    page = browser_of(administrator).post(f"/admin/teleq/user/{locked_out.pk}/second-factor/", {"why": " "})
    assert "Skriv varför." in words(page)
    long = "x" * 201
    page = browser_of(administrator).post(f"/admin/teleq/user/{locked_out.pk}/second-factor/", {"why": long})
    assert long in page.content.decode()
    assert not SecondPersonRequest.objects.exists()


# The database --------------------------------------------------------------------------------------------------------


def test_the_database_takes_no_confirmation_by_the_one_who_asked(asked, administrator):
    with pytest.raises(IntegrityError), transaction.atomic():
        SecondPersonRequest.objects.update(confirmed_by=administrator, carried_out_at=database_now())


@pytest.mark.parametrize(
    "change", [{"why": "annat"}, {"asked_by": None}, {"confirm_before": database_now}, {"details": {"x": 1}}]
)
def test_what_was_asked_for_stays_as_it_was(change, asked):
    values = {name: value() if callable(value) else value for name, value in change.items()}
    with pytest.raises(DatabaseError), transaction.atomic():
        SecondPersonRequest.objects.update(**values)


def test_and_so_does_what_has_been_done(asked, second, operator):
    second_person.confirm(asked.pk, second)
    for change in ({"confirmed_by": operator}, {"carried_out_at": None, "confirmed_by": None}):
        with pytest.raises(DatabaseError), transaction.atomic():
            SecondPersonRequest.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        SecondPersonRequest.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_confirm_at_once_one_does(asked, second, operator):
    with transaction.atomic():
        second_person.confirm(asked.pk, second)
        other = in_another_connection(lambda: second_person.confirm(asked.pk, operator))
        wait_until_a_connection_waits_for_a_lock()
    with pytest.raises(second_person.NotOpen):
        other.result(10)
    assert SignIn.objects.filter(what="factor_reset").count() == 1
