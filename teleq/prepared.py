"""Queries that the ORM puts together once and PostgreSQL plans once, for what is asked tens of times a second.

To put together a query with some subqueries takes Django longer than PostgreSQL takes to answer it, and to plan it
takes PostgreSQL as long again. What the query means is said in the ORM all the same, by the QuerySet methods that every
other query goes through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from functools import cached_property
from inspect import signature
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet
from django.db.models.query import ModelIterable
from django.db.models.sql.compiler import SQLCompiler

from teleq.whole_numbers import LARGEST_ID

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
        self.make = make

    def __call__(self, **values: int | str) -> list[Row]:
        compiler, statement = self._put_together
        rows: list[Any] = statement.rows(values)
        if compiler is None or not rows:  # most of what a case asks for is not there
            return rows
        return list(ModelIterable(_Found(compiler, rows)))  # type: ignore[arg-type]

    def page(self, limit: int, offset: int, **values: int | str) -> list[Row]:
        """Of a query for tuples. Only the first page is kept planned."""
        statement = self._put_together.statement
        if not offset:
            return statement.within(f"{{}} LIMIT {limit:d}").rows(values)
        with connection.cursor() as cursor:
            sql, filled_in = statement.asked(cursor, values, is_kept=False)
            cursor.execute(f"{sql} LIMIT {limit:d} OFFSET {offset:d}", filled_in)
            return list(cursor.fetchall())

    def count(self, at_most: int, **values: int | str) -> int:
        counted = self._put_together.statement.within(f"SELECT count(*) FROM ({{}} LIMIT {at_most:d}) AS counted")  # noqa: S608
        [[number]] = counted.rows(values)
        return int(number)

    @cached_property
    def _put_together(self) -> _PutTogether:
        values, places = _values(self.make)
        query = self.make(**values)
        [compiler], [sql], parameters = _compiled([query], places)
        if query._iterable_class is not ModelIterable:
            return _PutTogether(None, _Statement(sql, parameters))
        # How values are read is found out once too.
        converters = compiler.get_converters([column for column, *_ in compiler.select])
        compiler.get_converters = lambda expressions: converters  # type: ignore[method-assign]
        return _PutTogether(compiler, _Statement(sql, parameters))


class Digest:
    """A digest of all that some queries find, in one statement: decorates a function as `Prepared` does, which returns
    QuerySets for tuples. PostgreSQL makes it, and no row is read.

    It is made of what is known of patients: whatever leaves the server is to be keyed.
    """

    def __init__(self, make: Callable[..., Iterable[QuerySet[Any, Any]]], *, is_kept: bool = True) -> None:
        self._make, self._is_kept = make, is_kept

    def __call__(self, **values: int | str) -> str:
        [[digest]] = self._statement.rows(values, is_kept=self._is_kept)
        return str(digest)

    @cached_property
    def _statement(self) -> _Statement:
        values, places = _values(self._make)
        _, found, parameters = _compiled(self._make(**values), places)
        rows = ", ".join(f"ARRAY(SELECT found::text FROM ({sql}) AS found)" for sql in found)  # noqa: S608  made by the ORM
        return _Statement(f"SELECT md5(ROW({rows})::text)", parameters)


# Put together --------------------------------------------------------------------------------------------------------


class _Place:
    """A parameter that is filled in at each asking."""

    def __init__(self, name: str) -> None:
        self.name = name


class _PutTogether(NamedTuple):
    compiler: SQLCompiler | None
    """Of a query for models."""
    statement: _Statement


def _values(make: Callable[..., Any]) -> tuple[dict[str, Any], dict[object, _Place]]:
    """What the query is put together with, by name, and which place each value stands for."""
    values: dict[str, Any] = {}
    places: dict[object, _Place] = {}
    for number, (name, parameter) in enumerate(signature(make).parameters.items(), start=_PLACE):
        values[name] = str(number) if parameter.annotation == "str" else number
        places[values[name]] = _Place(name)
    return values, places


def _compiled(
    queries: Iterable[QuerySet[Any, Any]], places: dict[object, _Place]
) -> tuple[list[SQLCompiler], list[str], tuple[Any, ...]]:
    compilers = [query.query.get_compiler(connection=connection) for query in queries]
    compiled = [compiler.as_sql() for compiler in compilers]
    values = [value for _, of_query in compiled for value in of_query]
    parameters = tuple(places.get(value, value) if isinstance(value, int | str) else value for value in values)
    if forgotten := set(places.values()) - {each for each in parameters if isinstance(each, _Place)}:
        raise ValueError(f"The query has no place for {', '.join(sorted(place.name for place in forgotten))}.")
    return compilers, [sql for sql, _ in compiled], parameters


# Asked ---------------------------------------------------------------------------------------------------------------


class _Statement:
    def __init__(self, sql: str, parameters: tuple[Any, ...]) -> None:
        self._sql, self._parameters = sql, parameters
        self._places = [each for each in parameters if isinstance(each, _Place)]
        self._within: dict[str, _Statement] = {}

    def within(self, other: str) -> _Statement:
        """As a part of another statement."""
        if other not in self._within:
            self._within[other] = _Statement(other.format(self._sql), self._parameters)
        return self._within[other]

    def rows(self, values: dict[str, int | str], *, is_kept: bool = True) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(*self.asked(cursor, values, is_kept=is_kept))
            return list(cursor.fetchall())

    def asked(
        self, cursor: CursorWrapper, values: dict[str, int | str], *, is_kept: bool = True
    ) -> tuple[str, tuple[Any, ...]]:
        """What is sent to PostgreSQL. `is_kept`: its plan is kept for the next time, unless the operator has said that
        other processes have the connection in between (PgBouncer in transaction mode). A number that is too large for
        any id finds nothing, and is too large for a place in a plan."""
        too_large = any(isinstance(value, int) and abs(value) > LARGEST_ID for value in values.values())
        if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS") or too_large or not is_kept:
            filled_in = (values[each.name] if isinstance(each, _Place) else each for each in self._parameters)
            return self._sql, tuple(filled_in)
        places = f" ({', '.join(['%s'] * len(self._places))})" if self._places else ""
        return f"EXECUTE {self._name(cursor.cursor)}{places}", tuple(values[place.name] for place in self._places)

    def _name(self, cursor: Any) -> str:
        """Of its plan in the connection of this cursor, which is psycopg2's: to prepare is no query, and is done once
        for each connection."""
        names = _NAMES.setdefault(cursor.connection, {})
        if self not in names:
            name, number = f"teleq_{len(names)}", count(1)
            # What is the same at each asking is part of the plan: else no index that has a condition is used.
            told = (
                f"${next(number)}" if isinstance(each, _Place) else cursor.mogrify("%s", [each]).decode()
                for each in self._parameters
            )
            with connection.wrap_database_errors:
                cursor.execute(f"PREPARE {name} AS {self._sql % tuple(told)}")
            names[self] = name
        return names[self]


_NAMES: WeakKeyDictionary[Any, dict[_Statement, str]] = WeakKeyDictionary()
"""Of each of psycopg2's connections the statements that PostgreSQL has planned there, and their names."""


class _Found:
    """What Django's reader of models needs of a QuerySet: a query that is put together, and what it has found."""

    db = "default"
    _known_related_objects: dict[Any, Any] = {}

    def __init__(self, compiler: SQLCompiler, rows: list[Any]) -> None:
        self.query = self
        self._compiler = copy(compiler)
        self._compiler.connection = connection  # this thread's
        self._compiler.execute_sql = lambda *_, **__: [rows]  # type: ignore[assignment,method-assign]

    def get_compiler(self, using: str) -> SQLCompiler:
        return self._compiler
