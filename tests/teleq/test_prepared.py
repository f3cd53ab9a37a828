"""A prepared query: put together once, asked with other values each time, in whatever thread."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from cases.models import Case
from teleq.models import Queue, User
from teleq.prepared import Digest, Prepared
from tests.concurrency import in_another_connection

pytestmark = pytest.mark.django_db


@Prepared
def cases_of(user: int, name: str) -> QuerySet[Case]:
    return Case.objects.for_user(User(pk=user)).filter(name=name).select_related("queue").order_by("id")


@Prepared
def names_of(user: int) -> QuerySet[Case, Any]:
    return Case.objects.for_user(User(pk=user)).order_by("id").values_list("name")


@pytest.fixture
def booked(book) -> list[Case]:
    return [book(name=name) for name in ("Agda", "Bo", "Agda")]


def test_each_asking_has_its_own_values(booked, nurse):
    first, bo, second = booked
    assert cases_of(user=nurse.pk, name="Agda") == [first, second]
    assert cases_of(user=nurse.pk, name="Bo") == [bo]
    assert cases_of(user=nurse.pk, name="Ingen") == []


def test_the_rows_are_models_like_any_others(booked, nurse, queue, django_assert_num_queries):
    with django_assert_num_queries(1):
        [bo] = cases_of(user=nurse.pk, name="Bo")
        assert bo.queue == queue
    assert bo.phone_number == booked[1].phone_number
    bo.name = "Bosse"
    bo.save()
    assert cases_of(user=nurse.pk, name="Bosse") == [bo]


def test_of_values_the_rows_are_tuples(booked, nurse):
    assert names_of(user=nurse.pk) == [("Agda",), ("Bo",), ("Agda",)]
    assert names_of.page(1, 1, user=nurse.pk) == [("Bo",)]
    assert names_of.count(2, user=nurse.pk) == 2


def test_nobody_gets_what_was_asked_for_another(booked, nurse, make_user):
    assert cases_of(user=nurse.pk, name="Bo")
    assert cases_of(user=make_user("stranger", "Stina", "Främling").pk, name="Bo") == []


def test_a_value_that_the_query_forgets_is_an_error(booked, nurse):
    """What is not asked for would be everybody's."""

    @Prepared
    def of_nobody_in_particular(user: int, name: str) -> QuerySet[Case]:
        return Case.objects.filter(name=name)

    with pytest.raises(ValueError, match="user"):
        of_nobody_in_particular(user=nurse.pk, name="Agda")


def test_a_value_that_is_missing_is_an_error(nurse):
    with pytest.raises(KeyError):
        cases_of(user=nurse.pk)


@pytest.mark.django_db(transaction=True)
def test_another_thread_asks_by_its_own_connection(booked, nurse):
    cases_of(user=nurse.pk, name="Bo")
    with CaptureQueriesContext(connection) as asked_here:
        found = in_another_connection(lambda: cases_of(user=nurse.pk, name="Bo")).result(timeout=30)
    assert found == [booked[1]]
    assert len(asked_here) == 0


def by_status(status: str) -> Prepared[Any]:
    @Prepared
    def names(user: int) -> QuerySet[Case, Any]:
        return Case.objects.for_user(User(pk=user)).filter(status=status).values_list("name")

    return names


def test_two_that_differ_in_what_is_always_the_same_are_not_taken_for_each_other(booked, nurse):
    waiting, done = by_status("waiting"), by_status("done")
    assert len(waiting(user=nurse.pk)) == 3
    assert done(user=nurse.pk) == []
    assert len(waiting(user=nurse.pk)) == 3


def test_it_is_planned_once_for_each_connection(booked, nurse):
    names = by_status("waiting")
    names(user=nurse.pk)
    planned = kept()
    names(user=nurse.pk)
    names(user=0)
    assert kept() == planned
    assert any("cases_case" in statement for statement in planned)


def test_an_id_that_is_larger_than_any_finds_nothing(booked, nurse):
    assert names_of(user=nurse.pk * 10**30) == []


def kept() -> list[str]:
    """The statements that PostgreSQL has planned for this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements ORDER BY name")
        return [statement for (statement,) in cursor.fetchall()]


def test_where_connections_are_shared_nothing_is_kept_in_them(booked, nurse, monkeypatch):
    """Django's own setting, for PgBouncer in transaction mode: the next statement may be another connection's."""
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    before = kept()
    assert len(by_status("waiting")(user=nurse.pk)) == 3
    assert [case.name for case in cases_of(user=nurse.pk, name="Bo")] == ["Bo"]
    assert kept() == before


class TestDigest:
    @pytest.fixture
    def digest(self) -> Digest:
        @Digest
        def of_cases_and_queues(user: int) -> list[QuerySet[Any, Any]]:
            own = User(pk=user)
            cases = Case.objects.for_user(own).order_by("id").values_list("name")
            return [cases, Queue.objects.for_user(own).order_by("id").values_list("name")]

        return of_cases_and_queues

    def test_is_the_same_as_long_as_they_find_the_same(self, digest, booked, nurse, queue):
        first = digest(user=nurse.pk)
        assert digest(user=nurse.pk) == first
        Case.objects.filter(pk=booked[0].pk).update(name="Agneta")
        second = digest(user=nurse.pk)
        assert second != first
        Queue.objects.filter(pk=queue.pk).update(name="Annan")
        assert digest(user=nurse.pk) not in (first, second)

    def test_is_not_changed_by_what_is_anothers(self, digest, book, nurse, other_queue):
        first = digest(user=nurse.pk)
        book(queue=other_queue)
        assert digest(user=nurse.pk) == first

    def test_a_value_that_none_of_them_has_a_place_for_is_an_error(self):
        @Digest
        def of_everybody(user: int) -> list[QuerySet[Any, Any]]:
            return [Case.objects.values_list("name")]

        with pytest.raises(ValueError, match="user"):
            of_everybody(user=1)
