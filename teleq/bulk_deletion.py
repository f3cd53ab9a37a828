"""Deletion of many rows, a batch at a time, for retention."""

from __future__ import annotations

from typing import Any

from django.db import connection, models, transaction

BATCH = 2000


@transaction.atomic
def delete_batch(rows: models.QuerySet[Any]) -> int:
    """Delete the first of these rows. What somebody is changing is left to another night, and what was asked of a row
    is asked once more when it is deleted."""
    ids = list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:BATCH])
    if not ids:
        return 0
    deleted: int = rows.order_by().filter(pk__in=ids)._raw_delete(connection.alias)
    return deleted
