"""The access log as a table: who, where and whom; what is noted again; its months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import InternalError, OperationalError, connection, transaction
from django.utils import timezone

from access import access_log, checks
from access.access_log import Act, Key, Look
from access.models import AccessEntry
from administration.models import RetentionRun
from administration.tasks import remove_what_is_past_its_time
from teleq.models import CareProviderRole, Membership, ProviderRole, User
from tests.concurrency import in_another_connection
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db

PERSON = "191212121212"


def run(statement: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def months() -> list[str]:
    parts = run("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'access_accessentry'::regclass")
    return sorted(name for (name,) in parts)


def test_it_says_who_in_which_role_and_about_whom(nurse, queue):
    access_log.note(nurse, Act.VIEW, MOBILE, PERSON, queue=queue, case_id=7, had_case=True)
    entry = AccessEntry.objects.get()
    assert (entry.user, entry.roles, entry.queue, entry.care_provider) == (
        nurse,
        "Medarbetare",
        queue,
        queue.care_provider,
    )
    assert (entry.phone_number, entry.person, entry.case_id, entry.had_case) == (MOBILE, PERSON, 7, True)
    assert abs(entry.at - timezone.now()) < timedelta(days=1)


def test_a_telephone_system_is_told_by_its_keys_name(queue):
    access_log.note(Key(5, "Växeln"), Act.API_READ, MOBILE, queue=queue)
    entry = AccessEntry.objects.get()
    assert (entry.user, entry.intake_key_id, entry.who, entry.roles) == (None, 5, "Telefonsystem: Växeln", "")


def test_the_roles_are_those_of_the_place_and_in_force(nurse, queue, other_queue):
    CareProviderRole.objects.create(user=nurse, care_provider=queue.care_provider, role=ProviderRole.LOG_REVIEWER)
    yesterday = timezone.localdate() - timedelta(days=1)
    CareProviderRole.objects.create(
        user=nurse, care_provider=queue.care_provider, role=ProviderRole.ADMINISTRATOR, until=yesterday
    )
    access_log.note_all(
        nurse, [Look(Act.VIEW, each.care_provider_id, each.pk, MOBILE) for each in (queue, other_queue)]
    )
    assert list(AccessEntry.objects.order_by("id").values_list("roles", flat=True)) == ["Loggranskare, Medarbetare", ""]


def test_the_operator_is_told_as_one(nurse, queue):
    User.objects.filter(pk=nurse.pk).update(is_superuser=True)
    Membership.objects.filter(user=nurse).delete()
    access_log.note(nurse, Act.CHECK, MOBILE, queue=queue)
    assert AccessEntry.objects.get().roles == "Systemförvaltare"


def test_it_is_written_by_month(nurse, queue):
    access_log.note(nurse, Act.VIEW, MOBILE, queue=queue)
    [(place,)] = run("SELECT tableoid::regclass::text FROM access_accessentry")
    assert place == f"access_accessentry_{datetime.now(UTC):%Y_%m}"
    assert len(months()) == 14


@pytest.mark.parametrize("table", ["access_accessentry", "access_accessentry_default", "the month"])
@pytest.mark.parametrize("act", ["UPDATE {} SET why = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_nothing_of_it_is_changed_or_removed_by_whichever_name(act, table, nurse, queue):
    access_log.note(nurse, Act.VIEW, MOBILE, queue=queue)
    stray(nurse, "2012-02-29")
    table = table.replace("the month", f"access_accessentry_{datetime.now(UTC):%Y_%m}")
    with pytest.raises(InternalError), transaction.atomic():
        run(act.format(table))
    assert AccessEntry.objects.count() == 2


def stray(user: User, day: str) -> None:
    run(
        "INSERT INTO access_accessentry (at, user_id, act, intake_key_name, roles, session, phone_number, person,"
        " protected, why) VALUES (%s, %s, 'view', '', '', '', '', '', false, '')",
        f"{day} 12:00Z",
        user.pk,
    )


def test_a_missing_month_shuts_nobody_out_and_the_operator_is_told_till_it_is_made(nurse, queue):
    assert access_log.problem_with_months() == ""
    this = f"access_accessentry_{datetime.now(UTC):%Y_%m}"
    run(f"ALTER TABLE access_accessentry DETACH PARTITION {this}")
    run(f"DROP TABLE {this}")
    assert access_log.problem_with_months() != ""
    access_log.note(nurse, Act.VIEW, MOBILE, queue=queue)
    assert "utanför sina månader" in access_log.problem_with_months()
    entry = AccessEntry.objects.get()
    assert access_log.make_months() == 1
    assert access_log.problem_with_months() == ""
    assert AccessEntry.objects.get() == entry
    [(place,)] = run("SELECT tableoid::regclass::text FROM access_accessentry")
    assert place == this
    assert access_log.make_months() == 0


def test_whole_months_go_when_five_years_are_over_and_none_before_whatever_is_asked_for(nurse):
    now = timezone.now().astimezone(UTC)
    young = now.replace(year=now.year - 5, day=15)
    young_enough = (young + timedelta(days=32)).replace(day=15)
    for day in ("2012-02-29", f"{young_enough:%Y-%m-%d}"):
        stray(nurse, day)
    access_log.make_months()
    assert access_log.remove_old(now) == 1
    assert [entry.at.year for entry in AccessEntry.objects.all()] == [young_enough.year]
    assert "access_accessentry_2012_02" not in months()


def without_a_month() -> str:
    """The year's last."""
    last = months()[-2]
    assert last.startswith("access_accessentry_20")
    run(f"DROP TABLE {last}")
    return last


@pytest.mark.django_db(transaction=True)
def test_a_month_is_made_while_pages_are_noted(nurse, queue):
    last = without_a_month()
    with transaction.atomic():
        access_log.note(nurse, Act.VIEW, MOBILE, queue=queue)
        assert in_another_connection(access_log.make_months).result(20) == 1
    assert last in months()


@pytest.mark.django_db(transaction=True)
def test_a_month_that_somebody_reads_is_dropped_another_night(nurse):
    stray(nurse, "2012-02-29")
    access_log.make_months()
    with transaction.atomic():
        assert AccessEntry.objects.count() == 1
        dropped = in_another_connection(lambda: access_log.remove_old(timezone.now()))
        with pytest.raises(OperationalError):
            dropped.result(20)
    assert access_log.remove_old(timezone.now()) == 1


def test_the_night_makes_the_months_and_removes_the_old_ones(nurse):
    stray(nurse, "2012-02-29")
    last = without_a_month()
    remove_what_is_past_its_time()
    assert last in months()
    assert RetentionRun.objects.get().removed == {"åtkomster": 1}


def test_the_operator_is_told_on_admins_first_page_and_in_the_log(nurse, operator, administrator, client, caplog):
    stray(nurse, "2012-02-29")
    for user, is_told in ((operator, True), (administrator, False)):
        client.force_login(user)
        assert ("utanför sina månader" in client.get("/admin/").content.decode()) == is_told
    run("ALTER FUNCTION access_make_months() RENAME TO access_made_months")
    run("CREATE FUNCTION access_make_months() RETURNS integer LANGUAGE sql AS 'SELECT 0'")
    access_log.see_to_months()
    assert "ERROR" in caplog.text
    assert "utanför sina månader" in caplog.text


@pytest.mark.parametrize(("days", "stops"), [(5 * 365 + 1, True), (5 * 365 + 2, False)])
def test_a_log_that_is_kept_for_less_than_five_years_stops_the_start(days, stops, settings):
    settings.KEEP_ACCESS_LOG = timedelta(days=days)
    assert ["access.E003"] * stops == [each.id for each in checks.access_log_is_kept()]
