"""Deletion of many rows, a batch at a time, for retention."""

from __future__ import annotations

from typing import Any

from django.db import connection, models, transaction

BATCH = 2000


@transaction.atomic
def delete_batch(rows: models.QuerySet[Any]) -> int:
    """Delete the first BATCH of these rows, and return how many were deleted.

    Rows that somebody else has locked are skipped, and left to the next night. A row that no longer meets the query's
    conditions when it is deleted stays. Nothing cascades: where other rows refer to these, PostgreSQL refuses.
    """
    ids = list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:BATCH])
    if not ids:
        return 0
    deleted: int = rows.order_by().filter(pk__in=ids)._raw_delete(connection.alias)
    return deleted
