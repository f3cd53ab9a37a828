"""System checks of how web, workers and beat reach the database: as a role of theirs, and by no pooler unsaid."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import OperationalError, connection

MAY_DO_TOO_MUCH = """
    SELECT rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls
        OR has_database_privilege(current_database(), 'CREATE') OR has_schema_privilege('public', 'CREATE')
    FROM pg_roles WHERE rolname = current_user
"""


def may_do_too_much() -> bool:
    """Whether this connection's role owns the database, or may change it as its owner does."""
    with connection.cursor() as cursor:
        cursor.execute(MAY_DO_TOO_MUCH)
        [[may]] = cursor.fetchall()
    return bool(may)


@register
def signs_in_by_a_role_of_the_product(**_: object) -> list[CheckMessage]:
    """An error where a process could switch the guard or the history off (promise 10). Commands are the owner's."""
    if settings.TELEQ_DEMO or settings.TELEQ_PROCESS not in {"web", "worker"}:
        return []
    try:
        may = may_do_too_much()
    except OperationalError:
        return []  # said by the check of the demonstration's logins, which asks too
    finally:
        if not connection.in_atomic_block:
            connection.close()  # a worker forks after the checks, and must not share the connection
    if not may:
        return []
    message = "DATABASE_URL signs in as a role that owns the database, or may change it as its owner does."
    hint = "Give web and workers the roles that database/roles.sql makes, such as teleq_web (docs/operate/install.md)."
    return [Error(message, hint=hint, id="administration.E001")]


@register
def says_that_a_pooler_is_between(**_: object) -> list[CheckMessage]:
    """An error where a pooler (PgBouncer) answers for PostgreSQL and DATABASE_URL doesn't say so: a plan that is kept
    for one connection is then asked for in another. A pooler tells its clients another process id than PostgreSQL's."""
    if settings.TELEQ_PROCESS not in {"web", "worker"} or connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        return []
    try:
        is_pooled = speaks_through_a_pooler()
    except OperationalError:
        return []
    finally:
        if not connection.in_atomic_block:
            connection.close()
    if not is_pooled:
        return []
    message = "DATABASE_URL leads to a pooler, such as PgBouncer, and doesn't say so."
    hint = "End it with ?DISABLE_SERVER_SIDE_CURSORS=true (docs/operate/hosts.md)."
    return [Error(message, hint=hint, id="administration.E003")]


def speaks_through_a_pooler() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [[pid]] = cursor.fetchall()
        return bool(pid != cursor.connection.info.backend_pid)
