"""Queries that the ORM puts together once, for what is asked tens of times a second.

To put together a query with some subqueries takes Django longer than PostgreSQL takes to answer it. What the query
means is said in the ORM all the same, by the QuerySet methods that every other query goes through.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from inspect import signature
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connection
from django.db.models import QuerySet
from django.db.models.query import ModelIterable
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row")

_PLACE = 7_203_914_580_000_000_000
"""Stands for a value while a query is put together, as a number or as text: no row has such an id, nor such a text."""


class Prepared(Generic[Row]):
    """A query with places for values: decorates a function which takes them, each an `int` or a `str`, and returns a
    QuerySet. To call it asks the query and returns the rows: tuples, as PostgreSQL gives them, of `values_list`, else
    models.

    Asking raises ValueError where the query has no place for one of the values: what is not asked for would be
    everybody's.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Row]]) -> None:
        self._make = make

    def __call__(self, **values: int | str) -> list[Row]:
        compiler, sql, _ = self._prepared
        if compiler is None:
            return self._tuples(sql, values)
        return list(ModelIterable(_Asked(compiler, sql, self._filled_in(values))))  # type: ignore[arg-type]

    def page(self, limit: int, offset: int, **values: int | str) -> list[Row]:
        """Of a query for tuples."""
        return self._tuples(f"{self._prepared.sql} LIMIT %s OFFSET %s", values, limit, offset)

    def count(self, at_most: int, **values: int | str) -> int:
        [[count]] = self._tuples(f"SELECT count(*) FROM ({self._prepared.sql} LIMIT %s) AS counted", values, at_most)  # noqa: S608
        return int(count)

    def _tuples(self, sql: str, values: dict[str, int | str], *more: int) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql, (*self._filled_in(values), *more))
            return list(cursor.fetchall())

    def _filled_in(self, values: dict[str, int | str]) -> tuple[Any, ...]:
        return tuple(values[value.name] if isinstance(value, _Place) else value for value in self._prepared.parameters)

    @cached_property
    def _prepared(self) -> _Query:
        places: dict[object, _Place] = {}
        for number, (name, parameter) in enumerate(signature(self._make).parameters.items(), start=_PLACE):
            places[str(number) if parameter.annotation == "str" else number] = _Place(name)
        query = self._make(**{place.name: value for value, place in places.items()})
        compiler = query.query.get_compiler(connection=connection)
        sql, values = compiler.as_sql()
        parameters = tuple(places.get(value, value) if isinstance(value, int | str) else value for value in values)
        if forgotten := set(places.values()) - {each for each in parameters if isinstance(each, _Place)}:
            raise ValueError(f"The query has no place for {', '.join(sorted(place.name for place in forgotten))}.")
        makes_models = query._iterable_class is ModelIterable
        return _Query(compiler if makes_models else None, sql, parameters)


class _Query(NamedTuple):
    compiler: SQLCompiler | None
    """Of a query for models."""
    sql: str
    parameters: tuple[Any, ...]


class _Place:
    """A parameter that is filled in at each asking."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Asked:
    """What Django's reader of models needs of a QuerySet: a query which is put together already."""

    db = "default"
    _known_related_objects: dict[Any, Any] = {}

    def __init__(self, compiler: SQLCompiler, sql: str, parameters: tuple[Any, ...]) -> None:
        self.query = self
        self._compiler = copy(compiler)
        self._compiler.connection = connection  # this thread's
        self._compiler.as_sql = lambda *_, **__: (sql, parameters)  # type: ignore[method-assign]

    def get_compiler(self, using: str) -> SQLCompiler:
        return self._compiler
