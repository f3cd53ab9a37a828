"""Triggers that nobody can switch off who doesn't own the table.

django-pgtrigger's own look at a session variable, `pgtrigger.ignore`, which whoever can run SQL may set. These don't.
Their functions run with the rights of the tables' owner, and find every name in PostgreSQL's own schema or in `public`
first, so that a temporary table of the same name is not taken for ours.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pghistory
import pghistory.trigger
import pgtrigger
import pgtrigger.compiler

SEARCH_PATH = "pg_catalog, public, pg_temp"
"""For functions that run as the owner. `pg_temp` is named, as it would be searched first if it weren't."""


class TriggerSql(pgtrigger.compiler.UpsertTriggerSql):
    """How a trigger is made. Migrations refer to this class: what they have made doesn't change with it."""

    def get_template(self) -> str:
        return f"""
            CREATE OR REPLACE FUNCTION {{pgid}}() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = {SEARCH_PATH} AS $$
                {{declare}}
                BEGIN
                    {{func}}
                END;
            $$;

            DROP TRIGGER IF EXISTS {{pgid}} ON {{table}};
            CREATE {{constraint}} TRIGGER {{pgid}}
                {{when}} {{operation}} ON {{table}}
                {{timing}}
                {{referencing}}
                FOR EACH {{level}} {{condition}}
                EXECUTE PROCEDURE {{execute}};

            COMMENT ON TRIGGER {{pgid}} ON {{table}} IS '{{hash}}';
        """


class WithoutSwitch:
    """Makes one of django-pgtrigger's kinds of trigger one without its switch."""

    def compile(self, model: Any) -> pgtrigger.compiler.Trigger:
        compiled = super().compile(model)  # type: ignore[misc]
        return pgtrigger.compiler.Trigger(name=compiled.name, sql=TriggerSql(**compiled.sql.kwargs))


class Trigger(WithoutSwitch, pgtrigger.Trigger):
    pass


class Protect(WithoutSwitch, pgtrigger.Protect):
    """Refuses an operation on rows."""


class ReadOnly(WithoutSwitch, pgtrigger.ReadOnly):
    """Refuses that some fields are changed."""


APPEND_ONLY = Protect(name="append_only", operation=pgtrigger.Update)
"""Refuses that a row is changed, to the owner too. To delete rows is a right that no role of the product has: functions
of the owner's do it, which check that the rows are past their time (administration/database/functions.py)."""
NO_TRUNCATE = Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;",
)
"""Stands beside `Protect`, which stops updates and deletes only."""


# History -------------------------------------------------------------------------------------------------------------


class _EventTrigger(WithoutSwitch, pghistory.trigger.Event):
    pass


class _WithoutSwitch:
    """One of django-pghistory's events, written by a trigger without a switch: see `RowEvent.add_event_trigger`."""

    parts: ClassVar = ("label", "row", "operation", "condition", "level")

    def add_event_trigger(self, event_model: Any) -> None:
        parts = {part: getattr(self, part) for part in self.parts}
        kind: Any = _EventTrigger
        trigger = kind(event_model=event_model, name=self.trigger_name, **parts)  # type: ignore[attr-defined]
        pgtrigger.register(trigger)(event_model.pgh_tracked_model)


class InsertEvent(_WithoutSwitch, pghistory.InsertEvent):
    pass


class UpdateEvent(_WithoutSwitch, pghistory.UpdateEvent):
    pass


class DeleteEvent(_WithoutSwitch, pghistory.DeleteEvent):
    pass
