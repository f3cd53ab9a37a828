"""Whether the release before goes on working while a migration is made and after it: bin/test --checks.

An upgrade by day migrates while web and workers of the release before are at work, and they go on for as long as it
takes to replace them; and to go back is to start them again. django-migration-linter knows most of what would stop
them, by the SQL that a migration runs. What it doesn't look for is added here: what locks a table for long, what two
processes would wait for in a circle, and what takes away a trigger, a function or a right.

`database/released.txt` says what the release before has. A migration that isn't there is looked at. One that is there
is never changed: databases have been through it. A right or a function that is there is still there.

Whoever knows better says so in the migration, and why:

    class Migration(migrations.Migration):
        survived = {"DROP_COLUMN": "nothing has read or written sms_message.note since 1.1.0"}
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import django
import sqlparse
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations import Migration, RunPython, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django_migration_linter.sql_analyser.base import Check, CheckMode, CheckType
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser

ROOT = Path(__file__).resolve().parent.parent
RELEASED = ROOT / "database" / "released.txt"
HEADER = """\
# What the latest release has, for bin/test --checks (local/migrations.py). Written by bin/release.
# To take away a right or a function that nothing in the latest release uses: take its line away too.
"""
NOT_OURS: dict[tuple[str, str], dict[str, str]] = {}
"""What a `survived` says, of migrations that come with a package: (app, name)."""


# A migration ---------------------------------------------------------------------------------------------------------


def _matches(pattern: str) -> Callable[..., bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda sql, **_: bool(compiled.search(sql))


TABLE = r'"?(\w+)"?'


def _made(statements: Iterable[str]) -> set[str]:
    """The tables that these statements make."""
    found = (re.match(rf"CREATE TABLE (?:IF NOT EXISTS )?{TABLE}", each, re.IGNORECASE) for each in statements)
    return {match[1] for match in found if match}


def _adds_a_constraint(statements: list[str], **_: object) -> bool:
    """To a table that was there. What the release before writes may not be as it says; and all rows are read."""
    found = (re.match(rf"ALTER TABLE {TABLE} ADD CONSTRAINT", each, re.IGNORECASE) for each in statements)
    return bool({match[1] for match in found if match} - _made(statements))


def _takes_a_trigger_away(statements: list[str], **_: object) -> bool:
    """One that isn't made anew in the same transaction: until it is, nobody guards what it guards."""
    gone: set[str] = set()
    for each in statements:
        if match := re.match(r"DROP TRIGGER (?:IF EXISTS )?(\w+)", each, re.IGNORECASE):
            gone.add(match[1])
        elif match := re.match(r"CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER (\w+)", each, re.IGNORECASE):
            gone.discard(match[1])
    within_one = statements[:1] == [BEGIN]
    drops = any(re.match("DROP TRIGGER", each, re.IGNORECASE) for each in statements)
    return bool(gone) or (drops and not within_one)


def _locks_several_tables(statements: list[str], **_: object) -> bool:
    """In one transaction, and against everybody: the product locks them in another order, and one of both is ended."""
    if statements[:1] != [BEGIN]:
        return False
    patterns = (rf"ALTER TABLE {TABLE}", rf"(?:CREATE|DROP) .*?TRIGGER .*? ON {TABLE}")
    found = (re.match(pattern, each, re.IGNORECASE) for pattern in patterns for each in statements)
    return len({match[1] for match in found if match} - _made(statements)) > 1


BEGIN = "BEGIN;"


def _error(code: str, finds: Callable[..., bool], message: str, mode: CheckMode = CheckMode.ONE_LINER) -> Check:
    return Check(code=code, fn=finds, message=message, mode=mode, type=CheckType.ERROR)


class Analyser(PostgresqlAnalyser):
    """The linter's rules, and ours. A warning of the linter's counts as an error."""

    migration_checks = [
        *PostgresqlAnalyser.migration_checks,
        _error(
            "DROP_DEFAULT",
            _matches(r"DROP DEFAULT"),
            "a default that Python alone knows: the release before leaves the column out (db_default)",
        ),
        _error(
            "REWRITES_TABLE",
            _matches(
                r"ADD COLUMN .*(GENERATED (ALWAYS|BY DEFAULT) AS"
                r"|DEFAULT .*(random|gen_random_uuid|uuidv[47]|clock_timestamp|nextval)\()"
            ),
            "a column whose value PostgreSQL works out for each row: all are written anew, under a lock",
        ),
        _error("UNIQUE_COLUMN", _matches(r"ADD COLUMN .*\b(UNIQUE|PRIMARY KEY)\b"), "an index is made under a lock"),
        _error("ADD_CONSTRAINT", _adds_a_constraint, "a constraint on a table that is there", CheckMode.TRANSACTION),
        _error("DROP_CONSTRAINT", _matches(r"DROP CONSTRAINT"), "a constraint goes: ON CONFLICT may rest on it"),
        _error("DROP_TRIGGER", _takes_a_trigger_away, "a trigger goes, if only for a moment", CheckMode.TRANSACTION),
        _error(
            "DROP_OTHER",
            _matches(r"^DROP (FUNCTION|PROCEDURE|VIEW|MATERIALIZED|TYPE|DOMAIN|SCHEMA|SEQUENCE|EXTENSION|ROLE|OWNED)"),
            "something goes that the release before may use",
        ),
        _error("REVOKE", _matches(r"^REVOKE|^ALTER DEFAULT PRIVILEGES REVOKE"), "a right is taken away"),
        _error(
            "SEVERAL_TABLES",
            _locks_several_tables,
            "more than one table is locked in one transaction: a migration for each",
            CheckMode.TRANSACTION,
        ),
        _error(
            "LOCKS",
            _matches(r"^(LOCK|TRUNCATE|CLUSTER|VACUUM FULL|REFRESH MATERIALIZED VIEW (?!CONCURRENTLY))"),
            "a lock against everybody",
        ),
        _error(
            "ROWS",
            _matches(r"^(WITH .*)?(UPDATE|DELETE)\b"),
            "rows are changed and stay locked till the migration ends: in batches, by a task, after it",
        ),
    ]


@dataclass(frozen=True)
class Found:
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


def found_in(migration: Migration, before: ProjectState) -> list[Found]:
    """What the release before may not survive. `before` is the state that the migration is made on; it is changed."""
    stated = {**NOT_OURS.get((migration.app_label, migration.name), {}), **getattr(migration, "survived", {})}
    operations = list(_all(migration.operations))
    found = []
    if any(isinstance(each, RunPython) for each in operations):
        found.append(Found("RUN_PYTHON", "what code does to the rows, nobody but its author can tell"))
    if not migration.atomic and len(operations) > 1:
        found.append(Found("NOT_ALONE", "without a transaction, so half of it may be done: a migration for each step"))
    analyser = Analyser(exclude_migration_tests=[])
    analyser.analyse(_statements(migration, before))
    for issue in [*analyser.errors, *analyser.warnings]:
        place = ".".join(filter(None, (issue.table, issue.column)))
        found.append(Found(issue.code, issue.message + (f" ({place})" if place else "")))
    return [each for each in dict.fromkeys(found) if each.code not in stated]


def _all(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _all(operation.database_operations)
        else:
            yield operation


DOLLAR_QUOTED = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
"""What a function does: nothing, when it is made."""
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def _statements(migration: Migration, before: ProjectState) -> list[str]:
    """What PostgreSQL would be told, each statement on one line."""
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(before, editor, collect_sql=True)
    told = "\n".join(COMMENT.sub("", DOLLAR_QUOTED.sub("''", each)) for each in editor.collected_sql)
    statements = (" ".join(each.split()) for each in sqlparse.split(told))
    return [*([BEGIN] if migration.atomic else []), *filter(None, statements)]


# The whole -----------------------------------------------------------------------------------------------------------


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "teleq.settings")
    django.setup()
    if sys.argv[1:] == ["--write"]:
        write()
        return 0
    wrong = list(problems())
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    if wrong:
        sys.stdout.write('CONTRIBUTING.md, "A migration", says how it is done in two releases.\n')
    return 1 if wrong else 0


def problems(released: Path = RELEASED) -> Iterator[str]:
    """What the latest release doesn't survive, or what it has and isn't as it was."""
    lines = _read(released)
    has = {(app, name): digest for kind, app, name, digest in (line for line in lines if line[0] == "migration")}
    loader = MigrationLoader(None)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if (app, name) not in has:
            before = loader.project_state((app, name), at_end=False)
            yield from (f"{app} {name}: {each}" for each in found_in(migration, before))
        elif has[app, name] != digest(migration):
            yield f"{app} {name}: it is in a release and has been changed. Databases have been through it: add another"
    gone = {line for line in lines if line[0] != "migration"} - {tuple(line.split(" ", 3)) for line in _rights()}
    yield from (f"{' '.join(line)}: the latest release has it, and it is gone" for line in sorted(gone))
    there = loader.disk_migrations.keys()
    yield from (f"{app} {name}: it is in a release and is gone" for app, name in sorted(has.keys() - there))


def write(released: Path = RELEASED) -> None:
    """Write down what this tree has, as the latest release."""
    migrations = sorted(MigrationLoader(None).disk_migrations.items())
    lines = [f"migration {app} {name} {digest(migration)}" for (app, name), migration in migrations]
    released.write_text(HEADER + "".join(f"{line}\n" for line in [*lines, *_rights()]))


def digest(migration: Migration) -> str:
    """Of the file. Of one that comes with a package, which requirements.txt pins: a dash."""
    if Path(apps.get_app_config(migration.app_label).path).parent != settings.BASE_DIR:
        return "-"
    module = sys.modules[type(migration).__module__]
    return hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()[:16]


def _rights() -> list[str]:
    """What the product's roles may do, a line each."""
    from administration.database import functions, grants  # noqa: PLC0415  once the apps are ready

    tables = [
        f"right {role} {grants.RIGHTS[letter]} {table}"
        for table, letters in grants.TABLES.items()
        for role, of_role in zip((grants.PRODUCT, grants.RETENTION), letters, strict=True)
        for letter in of_role
    ]
    made = [f"function {each.role} {each.returns} {each.name}({each.arguments})" for each in functions.functions()]
    by_migrations = [
        f"function {role} - {signature}"
        for signature, roles in functions.MADE_BY_MIGRATIONS.items()
        for role in roles.split(", ")
    ]
    return sorted([*tables, *made, *by_migrations])


def _read(released: Path) -> list[tuple[str, ...]]:
    lines = (line.strip() for line in released.read_text().splitlines())
    return [tuple(line.split(" ", 3)) for line in lines if line and not line.startswith("#")]


if __name__ == "__main__":
    sys.exit(main())
