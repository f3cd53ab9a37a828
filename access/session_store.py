"""Django's session engine: sessions in PostgreSQL, each with the columns by which its owner knows it again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import QuerySet
from django.db.models.functions import Now

from teleq.prepared import Prepared

BEGAN_AT, ACTIVE_AT = "began_at", "active_at"
"""When somebody signed in, and was last active: seconds since 1970, by the web machines' clocks, as everything that
Django and allauth keep in a session. They differ by less than anybody notices in half an hour."""
ADDRESS, BROWSER = "address", "browser"


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> Any:
        return apps.get_model("access", "Session")

    def load(self) -> dict[str, Any]:
        """As Django's own, by a query that is put together once: every page asks it."""
        found = _data(key=self.session_key) if self.session_key else []
        if not found:
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(found[0][0])
        return data

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.began_at, row.active_at = _time(data, BEGAN_AT), _time(data, ACTIVE_AT)
        row.address, row.browser = data.get(ADDRESS), data.get(BROWSER, "")
        return row


@Prepared
def _data(key: str) -> QuerySet[Any, Any]:
    live = SessionStore.get_model_class().objects.filter(session_key=key, expire_date__gt=Now())
    return live.values_list("session_data")  # type: ignore[no-any-return]


def _time(data: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromtimestamp(data[name], UTC) if name in data else None
