"""What Django's ORM has no word for: a row that is inserted unless it is there, hundreds of values at once, and which
limit an error came of."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import OperationalError, connection, models
from django.db.models.constants import OnConflict
from django.db.models.expressions import RawSQL
from psycopg2.errors import LockNotAvailable


def insert_unless_there(row: models.Model) -> bool:
    """Insert a new row, in one statement, and say whether it is new. False where one of its unique keys is taken.

    A row that comes twice is normal: a form that is sent again, an SMS that a provider tells of again. Had PostgreSQL
    to refuse it, its log would quote the row. Whoever is inserting the same at this moment is waited for.
    """
    meta = row._meta
    fields = [field for field in meta.local_concrete_fields if not (field is meta.auto_field or field.generated)]
    returned = list(meta.db_returning_fields)  # the id, and what PostgreSQL fills in
    # As Django's own save() and bulk_create() do, of which neither tells whether there was a conflict.
    [values] = type(row)._base_manager._insert(  # type: ignore[attr-defined]
        [row], fields, returning_fields=returned, using=connection.alias, on_conflict=OnConflict.IGNORE
    )
    if values is None:
        return False
    for field, value in zip(returned, values, strict=True):
        setattr(row, field.attname, value)
    row._state.adding, row._state.db = False, connection.alias
    return True


def array(values: Iterable[object]) -> str:
    """These values as PostgreSQL reads an array from text, for a place such as `%s::bigint[]`.

    For hundreds at once: of a list psycopg2 makes an expression for each value, which takes it and PostgreSQL twice as
    long.
    """
    texts = ("NULL" if value is None else f'"{_escaped(str(value))}"' for value in values)
    return f"{{{','.join(texts)}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"")


def any_of(column: str, ids: Iterable[int]) -> RawSQL:
    """A filter: the column is one of these. For hundreds at once: for `__in` Django prepares each by itself."""
    return RawSQL(f"{column} = ANY (%s::bigint[])", [array(ids)], models.BooleanField())  # noqa: S611  the column is no value


def waited_too_long(error: OperationalError) -> bool:
    """Whether somebody else has held a lock for longer than this process waits. The transaction is rolled back."""
    return isinstance(error.__cause__, LockNotAvailable)
