"""The system check that shuts the demonstration's logins out of everything that is not the demonstration."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password
from django.core.checks import CheckMessage, Error
from django.db import OperationalError, connection

from demo.logins import LOGINS, PASSWORD


def demonstration_logins_are_shut_out(**_: object) -> list[CheckMessage]:
    """An error where somebody can sign in outside the demonstration with its password, which stands in the README.

    Asked at every start, of web, workers and beat; therefore not tagged as a database check, which those would skip.
    """
    if settings.TELEQ_DEMO:
        return []
    try:
        names = _open_demonstration_logins()
    except OperationalError:
        message = "The database can't be reached, so it is not known whether demonstration logins exist in it."
        return [Error(message, id="teleq.E002")]
    finally:
        if not connection.in_atomic_block:
            connection.close()  # a worker forks after the checks, and must not share the connection
    if not names:
        return []
    message = f"Demonstration logins can sign in: {', '.join(names)}."
    hint = "Use a database without demonstration data. To look at the demonstration, set TELEQ_DEMO=1."
    return [Error(message, hint=hint, id="teleq.E001")]


def _open_demonstration_logins() -> list[str]:
    users = get_user_model().objects
    if users.model._meta.db_table not in connection.introspection.table_names():
        return []  # not migrated yet: nobody can sign in
    theirs = users.filter(username__in=[login.username for login in LOGINS], is_active=True)
    passwords = dict(theirs.order_by("username").values_list("username", "password"))
    # Each hash is checked once: that is slow on purpose, and all of the demonstration's logins share one hash.
    known = {hashed for hashed in set(passwords.values()) if check_password(PASSWORD, hashed)}
    return [username for username, hashed in passwords.items() if hashed in known]
