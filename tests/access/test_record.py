"""Sign-ins, failures and changes of rights are on a record that nobody changes, and administrators read their own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from access import record, rights
from access.models import RightsChange, SignIn
from administration.queues import create_queue
from teleq.clock import database_now
from teleq.models import Membership, Queue, Role, User
from tests.access.authenticator_app import type_password, words
from tests.administration.forms import post_by_hand
from tests.administration.test_promise_9_admin import memberships
from tests.database_roles import a_night_goes_by, past_the_triggers

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[SignIn, RightsChange])
def rows(request, nurse, administrator, queue):
    """One row of each record."""
    type_password(Client(), nurse)
    with rights.on_record(nurse, by=administrator):
        Membership.objects.filter(user=nurse, queue=queue).update(role=Role.ADMINISTRATOR)
    return request.param.objects


def test_the_database_changes_and_removes_nothing_of_it(rows):
    for act in (lambda: rows.update(why="annat"), lambda: rows.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {rows.model._meta.db_table}")
    assert rows.count() == 1


@pytest.mark.parametrize(("days", "left"), [(1826, 1), (1828, 0)])
def test_it_is_kept_as_long_as_the_access_log(rows, days, left):
    """Five years."""
    with past_the_triggers():
        rows.update(at=database_now() - timedelta(days=days))
    a_night_goes_by()
    assert rows.count() == left


# Rights --------------------------------------------------------------------------------------------------------------


def noted() -> list[tuple[object, ...]]:
    return list(RightsChange.objects.order_by("id").values_list("user__username", "queue__name", "before", "after"))


def test_what_is_changed_in_admin_is_on_record(office, nurse, administrator, queue, plain_queue):
    address = f"/admin/teleq/user/{nurse.pk}/change/"
    first, second = nurse.memberships.get(queue=queue), nurse.memberships.get(queue=plain_queue)
    promoted = {"id": first.pk, "user": nurse.pk, "role": Role.ADMINISTRATOR}
    ended = {"id": second.pk, "user": nurse.pk, "role": Role.NURSE, "DELETE": "on"}
    person = {"username": nurse.username, "is_active": "on"}
    assert post_by_hand(office, address, person | memberships(promoted, ended, existing=2)).status_code == 302
    assert sorted(noted()) == [
        ("anna", "Rådgivning", "nurse", "administrator"),
        ("anna", "Tidbokning", "nurse", ""),
    ]
    assert {change.by for change in RightsChange.objects.all()} == {administrator}


def test_so_is_a_new_user_and_an_account_that_is_shut(office, nurse, queue):
    office.post("/admin/teleq/user/add/", {"username": "nyanna"} | memberships({"queue": queue.pk, "role": Role.NURSE}))
    post_by_hand(office, f"/admin/teleq/user/{nurse.pk}/change/", {"username": nurse.username, **memberships()})
    assert noted() == [("nyanna", "Rådgivning", "", "nurse"), ("anna", None, "active", "inactive")]


def test_so_is_the_right_to_a_queue_that_one_makes(administrator, care_provider):
    create_queue(Queue(care_provider=care_provider, unit="VC Tallen", name="Sår"), administrator)
    [change] = RightsChange.objects.all()
    assert (change.user, change.by, change.queue.name) == (administrator, administrator, "Sår")
    assert (change.before, change.after, change.why) == ("", "administrator", "Skapade kön")


def test_what_stays_as_it_was_is_no_change(office, nurse):
    post = {"username": nurse.username, "first_name": "Ann", "is_active": "on", **memberships()}
    assert post_by_hand(office, f"/admin/teleq/user/{nurse.pk}/change/", post).status_code == 302
    assert noted() == []


def test_what_is_not_saved_is_not_on_record(office, nurse, queue):
    own = nurse.memberships.get(queue=queue)
    row = {"id": own.pk, "user": nurse.pk, "role": "kung"}
    post_by_hand(office, f"/admin/teleq/user/{nurse.pk}/change/", memberships(row, existing=1) | {"is_active": "on"})
    assert noted() == []


# Who reads it --------------------------------------------------------------------------------------------------------


def lines(client: Client, address: str) -> str:
    return words(client.get(address))


def test_an_administrator_reads_of_the_people_of_their_own_queues(office, nurse, outsider, administrator, operator):
    for who in (nurse, outsider, operator):
        type_password(Client(), who, "fel")
    told = lines(office, "/admin/access/signin/")
    assert "Anna Lind Misslyckades Lösenord 127.0.0.1 – Fel lösenord." in told
    assert "Olle" not in told
    assert "Disa" not in told


def test_the_operator_reads_all_of_it(client, nurse, outsider, operator):
    for who in (nurse, outsider, "ingen"):
        type_password(Client(), who, "fel")
    client.force_login(operator)
    told = lines(client, "/admin/access/signin/")
    assert [each in told for each in ("Anna Lind", "Olle Ute", "Okänt användarnamn")] == [True] * 3


def test_of_rights_an_administrator_reads_their_own_queues(office, nurse, outsider, queue, other_queue, operator):
    for user, where in ((nurse, queue), (outsider, other_queue)):
        with rights.on_record(user, by=operator):
            Membership.objects.filter(user=user, queue=where).update(role=Role.NURSE)
            Membership.objects.filter(user=user, queue=where).delete()
    told = lines(office, "/admin/access/rightschange/")
    assert "Anna Lind VC Spindeln Rådgivning Medarbetare Ingen" in told
    assert "Olle" not in told


@pytest.mark.parametrize("address", ["/admin/access/signin/", "/admin/access/rightschange/"])
def test_a_list_costs_the_same_however_long_it_is(address, office, nurse, queue, django_assert_max_num_queries):
    for _ in range(30):
        record.note(record.What.SIGNED_OUT, nurse, by=nurse)
        with rights.on_record(nurse, by=nurse):
            role = Membership.objects.get(user=nurse, queue=queue).role
            other = Role.NURSE if role == Role.ADMINISTRATOR else Role.ADMINISTRATOR
            Membership.objects.filter(user=nurse, queue=queue).update(role=other)
    with django_assert_max_num_queries(12):
        assert office.get(address).status_code == 200


@pytest.mark.parametrize("page", ["add/", "1/change/", "1/delete/", "1/history/"])
def test_nobody_writes_it_there(page, client, operator, nurse):
    type_password(Client(), nurse)
    client.force_login(operator)
    number = SignIn.objects.get().pk
    assert client.get(f"/admin/access/signin/{page.replace('1', str(number))}").status_code in {403, 404}


def test_a_user_with_a_record_is_not_deleted(nurse):
    type_password(Client(), nurse)
    with pytest.raises(DatabaseError), transaction.atomic():
        User.objects.filter(pk=nurse.pk)._raw_delete("default")
        connection.check_constraints()
