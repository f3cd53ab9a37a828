"""A key for a telephone system: which queues it opens, until when, when it was last used, and how it is changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from intake import keys
from intake.models import IntakeKey
from teleq.changes import ChangedMeanwhile
from teleq.clock import database_now
from teleq.models import CareProvider, Queue, User
from tests.concurrency import in_another_connection
from tests.conftest import make_queue
from tests.intake.telephone_system import TelephoneSystem, an_open_day, at, keep_open

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def make(care_provider: CareProvider, administrator: User) -> Callable[..., tuple[IntakeKey, str]]:
    """A key for these queues, or for all, and its secret."""

    def made(*queues: Queue, **columns: object) -> tuple[IntakeKey, str]:
        key = IntakeKey(**({"care_provider": care_provider, "name": "Växeln"} | columns))
        return key, keys.make_key(key, by=administrator, queues=queues)

    return made


def opens(secret: str) -> list[int] | int:
    """The queues that a key lists, or the status that it gets instead."""
    answer = Client().get("/api/v1/queues", headers={"Authorization": f"Bearer {secret}"})
    return sorted(queue["id"] for queue in answer.json()) if answer.status_code == 200 else answer.status_code


def works(secret: str) -> bool:
    return opens(secret) != 401


# Which queues --------------------------------------------------------------------------------------------------------


def test_a_key_without_queues_opens_all_of_the_care_providers_and_those_to_come(make, queue, plain_queue, other_queue):
    _, secret = make()
    assert opens(secret) == [queue.pk, plain_queue.pk]
    new = make_queue(queue.care_provider, "Ny", True)
    assert opens(secret) == [queue.pk, plain_queue.pk, new.pk]


def test_a_key_for_some_queues_finds_nothing_of_the_others(make, queue, plain_queue):
    """Each operation of the API, as a key for another care provider would find it: 404."""
    _, all_of_them = make(name="Alla")
    _, secret = make(queue)
    assert opens(secret) == [queue.pk]
    for each in (queue, plain_queue):
        keep_open(each)
    eight = at(an_open_day(plain_queue), "08:00")
    booked = TelephoneSystem(all_of_them).book(plain_queue, eight, call_id="a")
    assert booked.status == 201

    limited = TelephoneSystem(secret)
    callback = booked.body["id"]
    asked = [
        limited.get(f"/queues/{plain_queue.pk}/free-times"),
        limited.read(callback),
        limited.move(callback, eight),
        limited.cancel(callback),
        limited.book(plain_queue, eight, call_id="b"),
    ]
    assert [answer.status for answer in asked] == [404] * len(asked)
    assert TelephoneSystem(all_of_them).read(callback).body["state"] == "waiting"
    assert limited.book(queue, eight, call_id="c").status == 201


def test_nor_is_it_told_by_a_calls_id_what_was_asked_for_in_another_queue(make, queue, plain_queue):
    _, all_of_them = make(name="Alla")
    _, secret = make(queue)
    for each in (queue, plain_queue):
        keep_open(each)
    eight = at(an_open_day(plain_queue), "08:00")
    TelephoneSystem(all_of_them).book(plain_queue, eight, call_id="a")
    for number in ("070-174 06 05", "070-174 06 06"):  # one of them is right
        told = TelephoneSystem(secret).book(queue, eight, call_id="a", phone_number=number)
        assert (told.status, told.body["differs"]) == (409, ["queue"])


def test_a_key_whose_queues_are_gone_opens_none(make, queue):
    key, secret = make(queue)
    key.queues.clear()
    assert opens(secret) == []


def test_another_care_providers_queue_is_opened_by_no_key_however_it_came_there(make, queue, other_queue):
    key, secret = make(queue)
    key.queues.add(other_queue)
    assert opens(secret) == [queue.pk]


# Until when ----------------------------------------------------------------------------------------------------------


def test_a_key_works_through_its_last_day(make, queue):
    _, secret = make(queue, until=timezone.localdate())
    assert opens(secret) == [queue.pk]
    IntakeKey.objects.update(until=timezone.localdate() - DAY)
    assert opens(secret) == 401


def test_keys_that_end_within_a_month_are_told_of_and_those_that_work_no_more_are_not(make):
    today = timezone.localdate()
    for name, days in [("Snart", 12), ("Idag", 0), ("Sedan", 31), ("Slut", -1), ("Återkallad", 5)]:
        make(name=name, until=today + days * DAY)
    make(name="Alltid")
    keys.revoke_key(IntakeKey.objects.get(name="Återkallad"))
    assert [key.name for key in keys.ending_soon()] == ["Idag", "Snart"]


# Last used -----------------------------------------------------------------------------------------------------------


def test_when_a_key_was_last_used_is_noted_once_a_minute(make):
    key, secret = make()
    assert key.last_used_at is None
    opens(secret)
    key.refresh_from_db()
    first = key.last_used_at
    assert abs(first - database_now()) < timedelta(minutes=1)

    with CaptureQueriesContext(connection) as queries:
        opens(secret)
    assert not [query for query in queries if "UPDATE" in query["sql"]]
    key.refresh_from_db()
    assert key.last_used_at == first

    IntakeKey.objects.update(last_used_at=first - timedelta(minutes=2))
    opens(secret)
    key.refresh_from_db()
    assert key.last_used_at >= first


def test_a_wrong_key_is_no_use(make):
    key, _ = make()
    opens("teleq_fel")
    key.refresh_from_db()
    assert key.last_used_at is None


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_row_that_somebody_else_has_locked(make):
    """An operator who revokes the key, or another request that notes its use."""
    _, secret = make()
    with transaction.atomic():
        IntakeKey.objects.select_for_update().get()
        assert in_another_connection(lambda: works(secret)).result(20)
    assert IntakeKey.objects.get().last_used_at is None


# Changing it ---------------------------------------------------------------------------------------------------------


def test_the_old_key_works_beside_the_new_one_for_as_long_as_was_said(make):
    key, old = make()
    new = keys.change_key(key, timedelta(hours=24), key.until)
    assert (works(old), works(new)) == (True, True)
    assert abs(key.before_until - database_now() - DAY) < timedelta(minutes=1)
    IntakeKey.objects.update(before_until=database_now() - timedelta(seconds=1))
    assert (works(old), works(new)) == (False, True)


def test_or_not_at_all(make):
    key, old = make()
    new = keys.change_key(key, timedelta(), key.until)
    assert (works(old), works(new)) == (False, True)


def test_of_three_keys_in_a_row_the_first_ends_when_the_second_is_in_use(make):
    key, first = make()
    opens(first)
    second = keys.change_key(key, DAY, key.until)
    assert key.taken_into_use_at is None
    opens(second)
    key.refresh_from_db()
    assert key.taken_into_use_at
    third = keys.change_key(key, DAY, key.until)
    assert [works(secret) for secret in (first, second, third)] == [False, True, True]


def test_where_the_second_was_lost_before_it_was_used_the_first_goes_on(make):
    key, first = make()
    opens(first)
    lost = keys.change_key(key, DAY, key.until)
    opens(first)
    third = keys.change_key(key, DAY, key.until)
    assert [works(secret) for secret in (first, lost, third)] == [True, False, True]


def test_revoking_ends_both(make):
    key, old = make()
    new = keys.change_key(key, DAY, key.until)
    keys.revoke_key(key)
    assert (works(old), works(new)) == (False, False)
    with pytest.raises(keys.Revoked):
        keys.change_key(key, DAY, key.until)


def test_its_last_day_ends_both(make):
    key, old = make(until=timezone.localdate())
    new = keys.change_key(key, 7 * DAY, key.until)
    IntakeKey.objects.update(until=timezone.localdate() - DAY)
    assert (works(old), works(new)) == (False, False)


def test_the_new_one_has_a_last_day_of_its_own_and_the_old_one_keeps_its(make):
    today = timezone.localdate()
    key, old = make(until=today)
    new = keys.change_key(key, 7 * DAY, today + 365 * DAY)
    assert timezone.localtime(key.before_until).isoformat()[:19] == f"{today + DAY}T00:00:00"
    assert (works(old), works(new)) == (True, True)
    assert list(keys.ending_soon()) == []


def test_a_key_that_has_ended_comes_back_by_its_new_secret_only(make):
    key, old = make(until=timezone.localdate() - DAY)
    new = keys.change_key(key, DAY, None)
    assert (works(old), works(new)) == (False, True)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_a_key_at_once_one_does(make):
    make()
    seen = [IntakeKey.objects.get(), IntakeKey.objects.get()]
    done = [in_another_connection(lambda one=one: keys.change_key(one, DAY, one.until)) for one in seen]
    raised = [future.exception(20) for future in done]
    assert sorted(type(problem) for problem in raised if problem) == [ChangedMeanwhile]
    [secret] = [future.result() for future in done if not future.exception()]
    assert works(secret)
