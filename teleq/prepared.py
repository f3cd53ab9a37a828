"""Queries that the ORM puts together once, for what is asked tens of times a second.

To put together a query with some subqueries takes Django longer than PostgreSQL takes to answer it. What the query
means is said in the ORM all the same, by the QuerySet methods that every other query goes through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

_PLACE = 7_203_914_580_000_000_000
"""Whole numbers from here on stand for the values while a query is put together: no row has such an id."""


@dataclass(frozen=True)
class _Named:
    """A parameter that is filled in at each asking."""

    name: str


@dataclass(frozen=True)
class Prepared:
    """A query for tuples, with places for ids."""

    sql: str
    parameters: tuple[Any, ...]

    @classmethod
    def of(cls, make: Callable[..., QuerySet[Any, Any]], *names: str) -> Prepared:
        """The query that `make` returns for ids, given by these names.

        Raises ValueError where it forgets one of them: what is not asked for would be everybody's.
        """
        places = {_PLACE + number: _Named(name) for number, name in enumerate(names)}
        query = make(**{named.name: place for place, named in places.items()})
        sql, values = query.query.sql_with_params()
        parameters = tuple(places.get(value, value) if isinstance(value, int) else value for value in values)
        if forgotten := set(places.values()) - {each for each in parameters if isinstance(each, _Named)}:
            raise ValueError(f"The query has no place for {forgotten}.")
        return cls(sql, parameters)

    def rows(self, **ids: int) -> list[tuple[Any, ...]]:
        return self._ask(self.sql, ids)

    def page(self, limit: int, offset: int, **ids: int) -> list[tuple[Any, ...]]:
        return self._ask(f"{self.sql} LIMIT %s OFFSET %s", ids, limit, offset)

    def count(self, at_most: int, **ids: int) -> int:
        [[count]] = self._ask(f"SELECT count(*) FROM ({self.sql} LIMIT %s) AS counted", ids, at_most)  # noqa: S608
        return int(count)

    def _ask(self, sql: str, ids: dict[str, int], *more: int) -> list[tuple[Any, ...]]:
        parameters = [ids[value.name] if isinstance(value, _Named) else value for value in self.parameters]
        with connection.cursor() as cursor:
            cursor.execute(sql, [*parameters, *more])
            return list(cursor.fetchall())
