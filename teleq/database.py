"""What Django's ORM has no word for: a row that is inserted unless it is there, and which limit an error came of."""

from __future__ import annotations

from django.db import OperationalError, connection, models
from django.db.models.constants import OnConflict
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


def waited_too_long(error: OperationalError) -> bool:
    """Whether somebody else has held a lock for longer than this process waits. The transaction is rolled back."""
    return isinstance(error.__cause__, LockNotAvailable)
