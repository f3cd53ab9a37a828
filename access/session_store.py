"""Django's session engine: sessions in PostgreSQL, each with the columns by which its owner knows it again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import QuerySet
from django.db.models.functions import Now

from teleq.clock import database_now, elapsed
from teleq.prepared import Prepared

BEGAN_AT, ACTIVE_AT = "began_at", "active_at"
"""When somebody signed in, and was last active: seconds since 1970, by PostgreSQL's clock (`SessionStore.now`). What
Django and allauth keep in a session besides is by the clock of the web host that wrote it."""
ADDRESS, BROWSER = "address", "browser"


class SessionStore(DatabaseStore):
    _began: float | None = None
    """What PostgreSQL's clock showed when `elapsed` showed nothing."""

    @classmethod
    def get_model_class(cls) -> Any:
        return apps.get_model("access", "Session")

    def load(self) -> dict[str, Any]:
        """As Django's own, by a query that is put together once: every page asks it."""
        found = _data(key=self.session_key) if self.session_key else []
        if not found:
            self._session_key = None
            return {}
        [[data, at]] = found
        self._began = at.timestamp() - elapsed()
        told: dict[str, Any] = self.decode(data)
        return told

    def now(self) -> float:
        """Seconds since 1970, by PostgreSQL's clock. Whichever web host asks, the query that has read the session has
        told it."""
        self._get_session()  # type: ignore[attr-defined]
        if self._began is None:
            self._began = database_now().timestamp() - elapsed()
        return self._began + elapsed()

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.began_at, row.active_at = _time(data, BEGAN_AT), _time(data, ACTIVE_AT)
        row.address, row.browser = data.get(ADDRESS), data.get(BROWSER, "")
        return row


@Prepared
def _data(key: str) -> QuerySet[Any, Any]:
    live = SessionStore.get_model_class().objects.filter(session_key=key, expire_date__gt=Now())
    return live.values_list("session_data", Now())  # type: ignore[no-any-return]


def _time(data: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromtimestamp(data[name], UTC) if name in data else None
