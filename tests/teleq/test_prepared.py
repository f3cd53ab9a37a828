"""A prepared query: put together once, asked with other values each time, in whatever thread."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from cases.models import Case
from teleq.models import User
from teleq.prepared import Prepared
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
