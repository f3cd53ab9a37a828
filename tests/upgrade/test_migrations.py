"""What bin/test --checks says of a migration that the release before doesn't survive, and of one that it does.

Each is made on the tables as they are now, and is never run: it is judged by what PostgreSQL would be told.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.models.functions import Now
from django.utils import timezone

from local import migrations as checking
from sms.models import Message

pytestmark = pytest.mark.django_db

outside_a_transaction = pytest.mark.django_db(transaction=True)
"""Django makes an index concurrently nowhere else, though it is only asked what it would say."""


def codes(*operations: migrations.operations.base.Operation, app: str = "sms", **attributes: object) -> set[str]:
    """What is found in a next migration of the app that does this."""
    migration: Migration = type("Migration", (Migration,), {"operations": list(operations), **attributes})("next", app)
    return {found.code for found in checking.found_in(migration, MigrationLoader(connection).project_state())}


def sql(text: str) -> migrations.RunSQL:
    return migrations.RunSQL(text)


# What stops the release before ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (migrations.RemoveField("message", "provider_status"), "DROP_COLUMN"),
        (migrations.DeleteModel("LostSms"), "DROP_TABLE"),
        (migrations.RenameField("message", "text", "words"), "RENAME_COLUMN"),
        (migrations.RenameModel("LostSms", "GoneSms"), "RENAME_TABLE"),
        (migrations.AlterField("message", "text", models.CharField(max_length=500)), "ALTER_COLUMN"),
        (migrations.AlterField("message", "claimed_at", models.DateTimeField(default=timezone.now)), "NOT_NULL"),
        # Django gives the rows that are there Python's default and then takes it from the column again.
        (migrations.AddField("message", "note", models.CharField(max_length=40, default="")), "NOT_NULL"),
        (migrations.AddField("message", "note", models.CharField(max_length=40, default="")), "DROP_DEFAULT"),
        (
            migrations.AddField("message", "note", models.CharField(max_length=40, null=True, unique=True)),
            "UNIQUE_COLUMN",
        ),
        (migrations.AddIndex("message", models.Index(fields=["provider_status"], name="by_status")), "CREATE_INDEX"),
        (migrations.AddField("message", "note", models.IntegerField(null=True, db_index=True)), "CREATE_INDEX"),
        (
            migrations.AddConstraint(
                "message", models.UniqueConstraint(fields=["provider_message_id"], name="one_each")
            ),
            "ADD_UNIQUE",
        ),
        (
            migrations.AddConstraint(
                "message", models.CheckConstraint(condition=models.Q(id__gt=0), name="after_zero")
            ),
            "ADD_CONSTRAINT",
        ),
        (migrations.RemoveConstraint("message", Message._meta.constraints[0].name), "DROP_CONSTRAINT"),
        (migrations.RunPython(lambda apps, schema_editor: None), "RUN_PYTHON"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_the_release_before_does_not_survive_is_found(operation, code):
    assert code in codes(operation)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ALTER TABLE sms_message\n    DROP COLUMN text", "DROP_COLUMN"),
        ("CREATE INDEX by_status\n    ON sms_message (provider_status)", "CREATE_INDEX"),
        ("SELECT 1; -- and then\nDROP INDEX by_status", "DROP_INDEX"),
        ("ALTER TABLE sms_message ADD COLUMN n uuid DEFAULT gen_random_uuid() NOT NULL", "REWRITES_TABLE"),
        ("ALTER TABLE sms_message ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY", "REWRITES_TABLE"),
        ("ALTER TABLE sms_message ADD CONSTRAINT c CHECK (id > 0) NOT VALID", "ADD_CONSTRAINT"),
        ("DROP FUNCTION retention_sms(integer)", "DROP_OTHER"),
        ("DROP TRIGGER pgtrigger_moves_well_1 ON sms_message", "DROP_TRIGGER"),
        ("REVOKE UPDATE ON sms_message FROM teleq_product", "REVOKE"),
        ("LOCK TABLE sms_message", "LOCKS"),
        ("TRUNCATE sms_lostsms", "LOCKS"),
        ("UPDATE sms_message SET text = ''", "ROWS"),
        (
            "ALTER TABLE sms_message ADD COLUMN n int; ALTER TABLE sms_inboundsms ADD COLUMN n int",
            "SEVERAL_TABLES",
        ),
    ],
)
def test_in_plain_sql_it_is_found_too(text, code):
    assert codes(sql(text)) == {code}


def test_a_trigger_that_is_made_anew_without_a_transaction_is_away_for_a_moment():
    anew = (
        sql("DROP TRIGGER t ON sms_message"),
        sql("CREATE TRIGGER t AFTER UPDATE ON sms_message EXECUTE FUNCTION f()"),
    )
    assert codes(*anew) == set()
    assert codes(*anew, atomic=False) == {"DROP_TRIGGER", "NOT_ALONE"}


@outside_a_transaction
def test_an_index_made_concurrently_stands_alone_in_its_migration():
    index = AddIndexConcurrently("message", models.Index(fields=["provider_status"], name="by_status"))
    column = migrations.AddField("message", "note", models.CharField(max_length=40, db_default=""))
    assert codes(index, column, atomic=False) == {"NOT_ALONE"}


# What it survives ----------------------------------------------------------------------------------------------------


def test_a_column_with_a_default_of_the_databases_own_an_empty_one_and_a_new_table_pass():
    assert codes(migrations.AddField("message", "note", models.CharField(max_length=40, db_default=""))) == set()
    assert codes(migrations.AddField("message", "seen_at", models.DateTimeField(db_default=Now()))) == set()
    assert codes(migrations.AddField("message", "read_at", models.DateTimeField(null=True))) == set()
    fields = [("id", models.BigAutoField(primary_key=True)), ("note", models.CharField(max_length=9, unique=True))]
    fields.append(("message", models.ForeignKey("sms.Message", models.PROTECT)))
    assert codes(migrations.CreateModel("Thing", fields)) == set()


@outside_a_transaction
def test_an_index_made_concurrently_and_one_dropped_so_pass():
    index = models.Index(fields=["provider_status"], name="by_status")
    assert codes(AddIndexConcurrently("message", index), atomic=False) == set()
    assert codes(sql("DROP INDEX CONCURRENTLY by_status"), atomic=False) == set()


def test_a_function_may_do_anything_when_it_is_called_and_rights_may_be_given():
    body = "BEGIN UPDATE sms_message SET text = ''; DROP TABLE sms_lostsms; END"
    assert codes(sql(f"CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $x$ {body} $x$")) == set()
    assert codes(sql("GRANT SELECT ON sms_message TO teleq_product")) == set()


def test_a_column_that_only_the_models_lose_passes_and_one_whose_loss_is_accounted_for():
    forgotten = migrations.SeparateDatabaseAndState([], [migrations.RemoveField("message", "provider_status")])
    assert codes(forgotten) == set()
    dropped = migrations.RemoveField("message", "provider_status")
    assert codes(dropped, survived={"DROP_COLUMN": "nothing has used it since 1.1.0"}) == set()
    assert codes(dropped, survived={"DROP_TABLE": "something else"}) == {"DROP_COLUMN"}


# The whole tree ------------------------------------------------------------------------------------------------------


@pytest.fixture
def released(tmp_path: Path) -> Path:
    path = tmp_path / "released.txt"
    checking.write(path)
    return path


def without(path: Path, words: str) -> None:
    lines = path.read_text().splitlines(keepends=True)
    left = [line for line in lines if words not in line]
    assert len(left) == len(lines) - 1
    path.write_text("".join(left))


def test_what_was_just_released_has_nothing_against_it(released):
    assert list(checking.problems(released)) == []


def test_a_migration_that_came_after_the_release_is_looked_at(released):
    without(released, "migration teleq 0001_initial")
    found = list(checking.problems(released))
    assert "teleq 0001_initial: " in found[0]


def test_a_released_migration_that_is_changed_or_gone_is_told_of(released):
    [was] = [line for line in released.read_text().splitlines() if line.startswith("migration sms 0001_initial")]
    changed = released.read_text().replace(was, "migration sms 0001_initial 0123456789abcdef\nmigration sms 0000_x -")
    released.write_text(changed)
    assert list(checking.problems(released)) == [
        "sms 0001_initial: it is in a release and has been changed. Databases have been through it: add another",
        "sms 0000_x: it is in a release and is gone",
    ]


def test_a_right_or_a_function_that_the_release_has_must_not_go(released):
    with released.open("a") as file:
        file.write(
            "right teleq_product DELETE sms_message\nfunction teleq_retention integer retention_old(most integer)\n"
        )
    assert list(checking.problems(released)) == [
        "function teleq_retention integer retention_old(most integer): the latest release has it, and it is gone",
        "right teleq_product DELETE sms_message: the latest release has it, and it is gone",
    ]
