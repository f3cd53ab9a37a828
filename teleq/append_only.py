"""The trigger that keeps an append-only table from being emptied."""

from __future__ import annotations

import pgtrigger

NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;",
)
"""Refuses TRUNCATE. It stands beside pgtrigger's `Protect`, which stops updates and deletes only."""
