"""Backup and restore of the database, by PostgreSQL's own programs: pg_dump and pg_restore.

They sign in as the database's owner. The password goes to them in their environment, and on no command line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.db import connection

from teleq.clock import database_now

IN_ENVIRONMENT = {"NAME": "PGDATABASE", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "HOST": "PGHOST", "PORT": "PGPORT"}
OPTIONS = {
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "channel_binding",
    "passfile",
    "service",
    "target_session_attrs",
}
"""Of the connection's options, those that PostgreSQL's programs take in their environment: PGSSLMODE and the like."""


class Failure(Exception):
    """What went wrong, in words for whoever gave the command."""


def dump(to: Path, programs: Path | None = None) -> datetime:
    """Write the whole database to this new file, which only its owner may read. Raises Failure.

    Returns from when on what happens may be missing in it: PostgreSQL's time before pg_dump began. A dump that is
    broken off leaves no file by this name.
    """
    if to.exists():
        raise Failure(f"{to} finns redan. Ange en ny fil.")
    if not to.parent.is_dir():
        raise Failure(f"Mappen {to.parent} finns inte.")
    aside = to.with_name(f"{to.name}.part")
    began = database_now()
    try:
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        aside.chmod(0o600)
        # Roles, and what each may do, are not in it: they are the cluster's, and laid down anew by a restore.
        _run(programs, "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={aside}")
        _run(programs, "pg_restore", "--list", str(aside))  # it can be read
        with open(aside, "rb") as file:
            os.fsync(file.fileno())
        aside.rename(to)
    except OSError as error:
        raise Failure(f"{to} kan inte skrivas: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            aside.unlink()
    return began


def restore(file: Path, programs: Path | None = None) -> None:
    """Restore the dump into this database, which has to be empty: all of it, or nothing. Raises Failure.

    The copy knows by itself that it is one, and claims nothing (`sms.sending_database`).
    """
    if not file.is_file():
        raise Failure(f"{file} finns inte.")
    _require_empty()
    # Comments on extensions are a superuser's to write, and no others are used.
    database = str(connection.settings_dict["NAME"])
    _run(
        *(programs, "pg_restore", "--no-owner", "--no-acl", "--no-comments", "--single-transaction"),
        *("--exit-on-error", f"--dbname={database}", str(file)),
    )
    # Else the first queries are planned as if all tables were empty.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _require_empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        [there] = cursor.fetchone()
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        [is_superuser] = cursor.fetchone()
        cursor.execute("SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()")
        [owns] = cursor.fetchone()
    if there:
        raise Failure("Databasen är inte tom. Återställ till en ny, tom databas: ingenting skrivs över.")
    if is_superuser or not owns:
        raise Failure("Återställ som databasens ägare, teleq: DATABASE_URL är någon annans.")


def _run(programs: Path | None, name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on this database. Raises Failure with what it said."""
    command = [_program(programs, name), *arguments]
    done = subprocess.run(  # noqa: S603  the program is PostgreSQL's, and no shell is between
        command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failure(f"{name} misslyckades: {_last_lines(done.stderr)}")


def _last_lines(said: str) -> str:
    """Errors quote a row, and so a patient, in their DETAIL and CONTEXT: those are left out."""
    lines = [line for line in said.splitlines() if line.startswith(("pg_dump: error", "pg_restore: error"))]
    return " ".join(lines[-3:]) or "det sade inte varför"


def _program(programs: Path | None, name: str) -> str:
    """Raises Failure where it is not there."""
    found = shutil.which(name, path=str(programs) if programs else None)
    if found is None:
        raise Failure(
            f"{name} finns inte. Installera PostgreSQL:s klientprogram, eller säg var de finns: --programs MAPP."
        )
    return found


def _environment() -> Mapping[str, str]:
    database = connection.settings_dict
    told = {variable: str(database[name]) for name, variable in IN_ENVIRONMENT.items() if database.get(name)}
    options = {
        f"PG{name}".upper().replace("_", ""): str(value)
        for name, value in database["OPTIONS"].items()
        if name in OPTIONS
    }
    return os.environ | told | options
