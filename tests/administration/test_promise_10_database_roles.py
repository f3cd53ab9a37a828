"""Promise 10: the product's own roles can't switch the guard or the history off. Each way is tried, signed in as it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from psycopg2 import errors

from access.models import AccessEntry
from administration.database import checks
from administration.database.functions import MADE_BY_MIGRATIONS, functions, run_as_owner
from administration.database.grants import RIGHTS, TABLES
from cases.models import Case
from consent.models import Answer, Consent
from local.servers import LOGINS, OWNER, RETENTION, WEB, WORKER
from sms.models import InboundSms, Message
from sms.states import State
from tests.concurrency import wait_until, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.database_roles import acting_as, address_as, as_owner, past_the_triggers

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCT = [WEB, WORKER, RETENTION]
LOGS = ["access_accessentry", "access_signin", "access_rightschange", "django_admin_log", "consent_consentevent"]
OF_PATIENTS = ["consent_consent", "sms_message", "sms_inboundsms", "sms_unplacedsms", "cases_case", "cases_note"]


@contextmanager
def signed_in(role: str) -> Iterator[Any]:
    """A cursor of a connection that this role has made itself. Each statement is a transaction."""
    with closing(psycopg2.connect(address_as(role))) as own:
        own.autocommit = True
        yield own.cursor()


def rows(statement: str, *values: object) -> list[tuple[Any, ...]]:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


# What nobody of the product may do -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", PRODUCT)
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE sms_message DISABLE TRIGGER ALL",
        "ALTER TABLE sms_message DISABLE TRIGGER USER",
        "ALTER TABLE consent_consent ENABLE REPLICA TRIGGER pgtrigger_update_update_3b14c",
        "SET session_replication_role = replica",
        "SELECT set_config('session_replication_role', 'replica', false)",
        "DROP TABLE consent_consentevent",
        "DROP OWNED BY teleq",
        "CREATE TABLE elsewhere ()",
        "CREATE TEMP TABLE consent_consent ()",
        "CREATE SCHEMA elsewhere",
        "CREATE FUNCTION elsewhere() RETURNS void LANGUAGE sql AS ''",
        "CREATE FUNCTION pg_temp.elsewhere() RETURNS void LANGUAGE sql AS ''",
        "CREATE OR REPLACE FUNCTION removal_cases(ids bigint[]) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION removal_cases(bigint[]) RESET ALL",
        "ALTER FUNCTION removal_cases(bigint[]) OWNER TO CURRENT_USER",
        "ALTER TABLE sms_message OWNER TO CURRENT_USER",
        "CREATE RULE nothing AS ON INSERT TO consent_consentevent DO INSTEAD NOTHING",
        "CREATE TRIGGER first BEFORE INSERT ON sms_message FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger()",
        "CREATE EXTENSION dblink",
        "SET ROLE teleq",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION teleq",
        "GRANT teleq TO CURRENT_USER",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO CURRENT_USER",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER ROLE teleq PASSWORD 'known'",
        "SELECT rolpassword FROM pg_authid",
        "SELECT * FROM pg_shadow",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY cases_case TO '/tmp/cases'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/hostname')",
        "SET log_min_error_statement = 'error'",
        "SET log_error_verbosity = 'verbose'",
        "SET log_parameter_max_length = -1",
        "SET log_statement = 'all'",
        "ALTER ROLE CURRENT_USER SET log_statement = 'all'",
        "ALTER SYSTEM SET log_statement = 'all'",
    ],
)
def test_it_is_out_of_reach(role, statement):
    with signed_in(role) as cursor, pytest.raises(errors.InsufficientPrivilege):
        cursor.execute(statement)


@pytest.mark.parametrize("role", PRODUCT)
@pytest.mark.parametrize("table", LOGS)
def test_what_is_in_a_log_stays_as_it_is(role, table):
    [[column]] = rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum LIMIT 1", table
    )
    for statement in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"SELECT FROM {table} FOR UPDATE",
        f"MERGE INTO {table} t USING {table} s ON false WHEN NOT MATCHED BY SOURCE THEN DELETE",
    ):
        with signed_in(role) as cursor, pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(statement)


@pytest.mark.parametrize("role", PRODUCT)
@pytest.mark.parametrize("table", OF_PATIENTS)
def test_what_a_patient_has_is_deleted_by_functions_only(role, table):
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with signed_in(role) as cursor, pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(statement)


@pytest.mark.parametrize("role", PRODUCT)
def test_history_is_not_forged(role, say):
    say(Answer.YES)
    before = rows("SELECT * FROM consent_consentevent")
    columns = "pgh_id, " + ", ".join(f.column for f in Consent.pgh_event_model._meta.concrete_fields[1:])
    with signed_in(role) as cursor, pytest.raises(errors.InsufficientPrivilege):
        cursor.execute(f"INSERT INTO consent_consentevent ({columns}) SELECT {columns} FROM consent_consentevent")
    assert rows("SELECT * FROM consent_consentevent") == before


@pytest.mark.parametrize("role", [WEB, WORKER])
def test_history_is_written_of_what_it_does_itself(role, say):
    say(Answer.YES)
    with signed_in(role) as cursor:
        cursor.execute("UPDATE consent_consent SET answer = 'no'")
    assert [event.answer for event in Consent.history().order_by("pgh_id")] == ["yes", "no"]


# The guard -----------------------------------------------------------------------------------------------------------

LEAVE = "UPDATE sms_message SET state = 'sending', claimed_at = clock_timestamp()"


@pytest.mark.parametrize("role", [WEB, WORKER])
@pytest.mark.parametrize(
    "switch",
    [
        "",
        "SET pgtrigger.ignore = '{pgtrigger_moves_well_8a3a5}'",
        "SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, false) FROM pg_trigger",
        "SET search_path = pg_temp, pg_catalog",
        "SET search_path = ''",
        "SET check_function_bodies = off",
        "SET row_security = off",
    ],
)
def test_the_guard_has_no_switch(role, switch, accept):
    accept()
    with signed_in(role) as cursor:
        if switch:
            cursor.execute(switch)
        with pytest.raises(errors.CheckViolation, match="without consent"):
            cursor.execute(LEAVE.replace("sms_message", "public.sms_message"))
    assert Message.objects.get().state == State.QUEUED


def test_a_temporary_table_is_not_taken_for_the_answers(accept):
    """The owner may make one; what the product could read there would be as well for whoever it is that can."""
    accept()
    with signed_in(OWNER) as cursor:
        cursor.execute("CREATE TEMP TABLE consent_consent (LIKE public.consent_consent INCLUDING ALL)")
        cursor.execute(
            "INSERT INTO pg_temp.consent_consent (id, care_provider_id, phone_number, answer, channel, person,"
            " answered_by_id, answered_at, valid_until)"
            " SELECT 1, q.care_provider_id, m.to_number, 'yes', 'case', '', 1, now(), now() + interval '1 day'"
            " FROM sms_message m JOIN teleq_queue q ON q.id = m.queue_id"
        )
        with pytest.raises(errors.CheckViolation, match="without consent"):
            cursor.execute(LEAVE)


@pytest.mark.parametrize("role", [WEB, WORKER])
@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING])
def test_a_text_stays_as_long_as_something_is_left_to_do(role, state, accept):
    accept()
    with past_the_triggers():
        Message.objects.update(state=state, claimed_at=None if state == State.QUEUED else "2026-01-01T00:00Z")
    for text in ("", "Något annat"):
        with signed_in(role) as cursor, pytest.raises(errors.CheckViolation, match="never changes"):
            cursor.execute("UPDATE sms_message SET text = %s", [text])


def test_then_it_may_be_taken_away_and_never_changed(accept):
    accept(text="Hej!")
    with past_the_triggers():
        Message.objects.update(state=State.CANCELLED)
    with signed_in(WEB) as cursor:
        with pytest.raises(errors.CheckViolation, match="never changes"):
            cursor.execute("UPDATE sms_message SET text = 'Något annat'")
        cursor.execute("UPDATE sms_message SET text = ''")
        with pytest.raises(errors.CheckViolation, match="never changes"):
            cursor.execute("UPDATE sms_message SET text = 'Hej!'")


def test_a_text_is_not_taken_away_on_the_way_to_a_final_state(accept):
    accept()
    with signed_in(WEB) as cursor, pytest.raises(errors.CheckViolation, match="never changes"):
        cursor.execute("UPDATE sms_message SET state = 'cancelled', text = ''")


# The functions that delete -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [WEB, WORKER])
def test_the_product_does_not_call_retention(role):
    for function in functions():
        if function.role == RETENTION:
            with signed_in(role) as cursor, pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(f"SELECT {function.name}(1)")


def test_retention_does_not_remove_as_article_17_does():
    for function in functions():
        if function.role != RETENTION:
            with signed_in(RETENTION) as cursor, pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(f"SELECT {function.name}('{{1}}')")


@pytest.mark.parametrize("most", [1, 2_000_000_000])
def test_however_much_retention_asks_for_nothing_goes_before_its_time(most, accept, say, case, nurse):
    """It can't say how old: a day before each kind's time the row is there."""
    say(Answer.YES)
    accept()
    days = {"sms_message": 729, "cases_case": 364, "access_accessentry": 1826, "sms_inboundsms": 89}
    AccessEntry.objects.create(user=nurse, act=AccessEntry.Act.VIEW)
    InboundSms.objects.create(queue=case.queue, from_number=MOBILE, text="Hej", provider="kannel")
    with past_the_triggers():
        Message.objects.update(state=State.CANCELLED, created_at=rows("SELECT now()")[0][0] - timedelta(days=729))
        Case.objects.update(status="done", callback_at=rows("SELECT now()")[0][0] - timedelta(days=364))
        AccessEntry.objects.update(at=rows("SELECT now()")[0][0] - timedelta(days=1826))
        InboundSms.objects.update(received_at=rows("SELECT now()")[0][0] - timedelta(days=89))
    with signed_in(RETENTION) as cursor:
        for function in functions():
            if function.role == RETENTION:
                cursor.execute(f"SELECT {function.name}(%s)", [most])
    left = {table: rows(f"SELECT count(*) FROM {table}")[0][0] for table in [*days, "consent_consent", *LOGS[-1:]]}
    assert set(left.values()) == {1}


def test_no_log_is_kept_for_less_than_five_years_whatever_the_settings_say(settings):
    settings.KEEP_ACCESS_LOG = timedelta(days=1)
    five_years = f"interval '{5 * 365 * 86_400 + 2 * 86_400} seconds'"
    of_logs = {"retention_access_log", "retention_sign_ins", "retention_rights_changes"}
    assert {each.name for each in functions() if five_years in each.body} >= of_logs


def test_a_removal_is_on_record_first(say, case):
    say(Answer.YES)
    with past_the_triggers():
        Case.objects.update(status="done")
    for function in functions():
        if function.name.startswith("removal_"):
            with signed_in(WEB) as cursor, pytest.raises(errors.CheckViolation, match="access log first"):
                cursor.execute(f"SELECT {function.name}('{{1,2,3}}')")
    assert Case.objects.exists()
    assert Consent.objects.exists()


def test_a_removal_leaves_what_may_not_go(say, case, nurse):
    """An open case; a Nej that counts; the history of an answer that is there."""
    say(Answer.NO)
    with signed_in(WEB) as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "INSERT INTO access_accessentry (user_id, act, intake_key_name, roles, session, phone_number, person,"
            " protected, why) VALUES (%s, 'removal', '', '', '', '', '', false, '')",
            [nurse.pk],
        )
        cursor.execute("SELECT removal_cases(array_agg(id)) FROM cases_case")
        cursor.execute("SELECT removal_answers(array_agg(id)) FROM consent_consent")
        cursor.execute("SELECT removal_history(array_agg(pgh_id)) FROM consent_consentevent")
        cursor.execute("COMMIT")
    assert Case.objects.exists()
    assert Consent.objects.exists()
    assert Consent.history().exists()


# What is stated is what there is -------------------------------------------------------------------------------------


def test_every_table_has_its_rights_stated():
    there = {name for [name] in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    partitions = {name for [name] in rows("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")}
    assert there - partitions == set(TABLES)


def test_nobody_has_other_rights_than_are_stated():
    """To tables, views, sequences and partitions; and nobody to a column alone."""
    given = rows(
        "SELECT relname, grantee::regrole::text, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
        " FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'public'::regnamespace AND grantee <> relowner"
        " GROUP BY 1, 2"
    )
    stated = {
        (table, role): set(map(RIGHTS.get, letters))
        for table, both in TABLES.items()
        for role, letters in zip(("teleq_product", RETENTION), both, strict=True)
        if letters
    }
    assert {(table, role): set(rights.split()) for table, role, rights in given} == stated
    assert rows("SELECT attrelid::regclass FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid > 16384") == []


def test_functions_that_run_as_the_owner_look_names_up_nowhere_else_and_are_called_by_whom_they_are_for():
    found = rows(
        "SELECT proname, proconfig, proowner::regrole::text, (SELECT string_agg(grantee::regrole::text, ' ')"
        " FROM aclexplode(proacl) WHERE grantee <> proowner), prorettype = 'trigger'::regtype"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )
    set_to = {setting for _, config, *_ in found for setting in config}
    assert set_to == {"search_path=pg_catalog, public, pg_temp", "lock_timeout=1s"}
    assert [name for name, config, *_ in found if not any("search_path" in setting for setting in config)] == []
    assert {owner for _, _, owner, *_ in found} == {OWNER}
    callers = {name: set(by.split()) for name, _, _, by, is_trigger in found if not is_trigger}
    from_migrations = {name.partition("(")[0]: set(roles.split(", ")) for name, roles in MADE_BY_MIGRATIONS.items()}
    assert callers == {function.name: {function.role} for function in functions()} | from_migrations
    assert {by for _, _, _, by, is_trigger in found if is_trigger} == {None}


def test_a_function_that_a_migration_makes_can_be_let_run_as_the_owner():
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE FUNCTION who() RETURNS text LANGUAGE sql AS 'SELECT current_user::text'")
        cursor.execute(run_as_owner("who()", RETENTION))
        with acting_as(RETENTION):
            cursor.execute("SELECT who()")
        assert cursor.fetchone() == (OWNER,)
        cursor.execute("DROP FUNCTION who()")


def test_every_trigger_is_one_without_a_switch():
    triggers = rows(
        "SELECT tgname, prosecdef, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal"
    )
    assert len(triggers) >= 15
    assert [name for name, definer, body in triggers if not definer or "ignore" in body] == []


def test_the_roles_own_nothing_and_are_nothing_special():
    assert (
        rows(
            "SELECT rolname FROM pg_roles WHERE rolname ~ '^teleq'"
            " AND (rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls)"
        )
        == []
    )
    assert rows("SELECT relname FROM pg_class WHERE relowner::regrole::text ~ '^teleq_'") == []
    assert rows("SELECT rolname FROM pg_roles WHERE rolname ~ '^teleq_' AND rolcreatedb") == []
    memberships = rows(
        "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members"
        " WHERE member::regrole::text ~ '^teleq_'"
    )
    assert sorted(memberships) == [(WEB, "teleq_product"), (WORKER, "teleq_product")]


@pytest.mark.parametrize(("role", "problems"), [(WEB, 0), (WORKER, 0), (RETENTION, 0), (OWNER, 1)])
@pytest.mark.parametrize("process", ["web", "worker"])
def test_web_and_workers_do_not_start_as_the_owner(role, problems, process, settings):
    settings.TELEQ_DEMO, settings.TELEQ_PROCESS = False, process
    with transaction.atomic(), acting_as("NONE" if role == OWNER else role):
        assert len(checks.signs_in_by_a_role_of_the_product()) == problems


def test_laying_it_down_again_changes_nothing():
    # No list of rights, as a month has that was just made, is the owner's alone: what is written out says so too.
    default = "acldefault(CASE relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r' END, relowner)"
    rights = (
        f"SELECT relname, coalesce(relacl, {default})::text FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') ORDER BY 1"
    )
    before = rows(rights)
    with as_owner():
        call_command("migrate", verbosity=0)
    assert rows(rights) == before


def test_the_product_does_not_migrate():
    with pytest.raises(Exception, match=r"permission denied|must be owner"):
        call_command("migrate", verbosity=0)


# PostgreSQL's log ----------------------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Iterator[Any]:
    """What PostgreSQL has written into its log since."""
    path = os.environ.get("POSTGRES_LOG")
    if not path:
        pytest.skip("this PostgreSQL's log isn't at hand")
    with Path(path).open(errors="replace") as file:
        file.seek(0, os.SEEK_END)
        read: list[str] = []

        def so_far() -> str:
            read.append(file.read())
            return "".join(read)

        yield so_far


INSERT = (
    "INSERT INTO sms_inboundsms (queue_id, from_number, text, withdrawal, provider, provider_message_id)"
    " VALUES (%s, '+46701740677', 'Berit undrar', false, 'kannel', 'samma')"
)


def test_of_two_who_write_the_same_row_at_once_the_log_does_not_tell_what_it_was(log, queue):
    with signed_in(WEB) as first, signed_in(WORKER) as second:
        first.execute("BEGIN")
        first.execute(INSERT, [queue.pk])
        refused: list[Exception] = []

        def insert_too() -> None:
            try:
                second.execute(INSERT, [queue.pk])
            except psycopg2.Error as error:
                refused.append(error)

        waits = threading.Thread(target=insert_too)
        waits.start()
        wait_until_a_connection_waits_for_a_lock()
        first.execute("COMMIT")
        waits.join(20)
    assert isinstance(refused[0], errors.UniqueViolation)
    wait_until(lambda: "duplicate key value violates unique constraint" in log())
    assert [word for word in ("46701740677", "Berit", "samma") if word in log()] == []


@pytest.mark.parametrize("role", LOGINS)
@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT '+46701740677 Berit'::text, 1 / 0", "division by zero"),
        ("SELECT pg_sleep(30) WHERE '+46701740677 Berit' <> ''", "statement timeout"),
        ("DO $$ BEGIN PERFORM 1 / 0 WHERE '+46701740677 Berit' <> ''; END $$", "division by zero"),
        ("SELECT FROM nowhere WHERE phone_number = '+46701740677' AND name = 'Berit'", "does not exist"),
    ],
)
def test_no_error_has_its_statement_in_the_log(role, statement, told, log):
    with signed_in(role) as cursor:
        cursor.execute("SET statement_timeout = '50ms'")
        with pytest.raises(psycopg2.Error):
            cursor.execute(statement)
    wait_until(lambda: told in log())
    assert [word for word in ("46701740677", "Berit") if word in log()] == []


def test_an_sms_that_comes_twice_is_no_error_to_postgresql(log, case, settings):
    from sms import inbound  # noqa: PLC0415
    from sms.providers.base import Reply  # noqa: PLC0415

    reply = Reply(from_number=MOBILE, to_number="", text="Berit undrar", provider_message_id="samma")
    for _ in range(2):
        inbound.receive("kannel", reply)
    with signed_in(WEB) as cursor, pytest.raises(psycopg2.Error):
        cursor.execute("SELECT 1 / 0")  # after it
    wait_until(lambda: "division by zero" in log())
    assert "duplicate key" not in log()


def test_without_its_roles_a_database_is_not_migrated(monkeypatch):
    monkeypatch.setattr("administration.database.grants.RETENTION", "teleq_nobody")
    with as_owner(), pytest.raises(CommandError, match=r"database/roles\.sql"):
        call_command("migrate", verbosity=0)
