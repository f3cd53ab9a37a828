"""What the intake API reads and writes, as pydantic schemas: its document at /api/v1/docs is made from them.

A field that is not asked for is refused rather than passed over in silence. What is wrong is said in Swedish, for the
one who sets up the telephone system to read. Responses carry no patient's data.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.core.exceptions import ValidationError as FieldError
from django.utils import timezone
from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, TypeAdapter

from cases import free_times
from cases.free_times import LONGEST_AHEAD
from cases.models import Case, Status
from teleq import personal_identity
from teleq.clock import database_now
from teleq.phone_numbers import number_text, phone_field

MOST_DAYS = 60

# What comes in -------------------------------------------------------------------------------------------------------


def _number(text: str) -> str:
    try:
        return number_text(phone_field("").clean(text))
    except FieldError as error:
        raise ValueError(error.messages[0]) from None


def _identity(text: str) -> str:
    number = personal_identity.read(text)
    if number is None:
        raise ValueError(personal_identity.INVALID_IDENTITY)
    return number


def _written_out(value: object) -> str:
    """A time or a day has to begin with a date: pydantic would read a bare number as seconds since 1970."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("Skriv dagen som 2026-11-26, och en tid som 2026-11-26T10:30:00+01:00.")
    return value


def _ahead(at: datetime) -> datetime:
    if problem := free_times.why_not(at, database_now()):
        raise ValueError(problem)
    return at


def _near(day: date) -> date:
    if abs(day - timezone.localdate()) > LONGEST_AHEAD:
        raise ValueError("Dagen är mer än ett år bort.")
    return day


def _text(pattern: str, longest: int) -> Any:
    return Field(pattern=pattern, max_length=longest)


NumberText = Annotated[str, _text(r"^[+0-9 ()/.\-]+$", 40), AfterValidator(_number)]
IdentityText = Annotated[str, _text(r"^[0-9A-Za-z+\-]+$", 13), AfterValidator(_identity)]
Time = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_ahead)]
Day = Annotated[date, BeforeValidator(_written_out), AfterValidator(_near)]
NUMBER: TypeAdapter[str] = TypeAdapter(NumberText)
"""Reads a number in code, where a schema can't: it gives E.164, or raises pydantic's ValidationError."""
ONE_LINE = r"^[^\u0000-\u001f\u007f]*$"


class Strict(Schema):
    """Refuses a field that isn't asked for."""

    model_config = {"extra": "forbid"}


class Booking(Strict):
    queue: int = Field(strict=True, description="As listed by /queues.")
    call_id: str = Field(
        pattern=r"^[!-~]+$",
        max_length=100,
        description="The telephone system's own. The same call is the same callback.",
        examples=["2026-11-26-0001"],
    )
    callback_at: Time = Field(description="One of the free times.")
    phone_number: NumberText | None = Field(
        None,
        description="Where the patient wants to be called. Left out where it is the A-number.",
        examples=["070-174 06 05"],
    )
    a_number: str | None = Field(
        None,
        description=(
            "Where the call came from. Null or left out: withheld. One that is no telephone number (a trunk's, a"
            " machine's) is kept as withheld, and the response says so; it has to be one only where `phone_number` is"
            " left out."
        ),
        examples=["08-465 004 00"],
    )
    personal_identity_number: IdentityText | None = Field(None, examples=["19121212-1212"])
    name: str = Field("", pattern=ONE_LINE, max_length=Case.LONGEST_NAME)
    reason: str = Field("", pattern=ONE_LINE, max_length=Case.LONGEST_REASON, description="Kontaktorsak.")
    interpreter_language: str = Field(
        "",
        pattern=ONE_LINE,
        max_length=Case.LONGEST_LANGUAGE,
        description=(
            "Behov av tolk: the language that an interpreter is needed for, in Swedish; sign language is teckenspråk."
            " Empty or left out: none is needed."
        ),
        examples=["arabiska"],
    )
    speak_with: str = Field(
        "",
        pattern=ONE_LINE,
        max_length=Case.LONGEST_WISH,
        description="Önskar tala med: whom the patient asks for. Empty or left out: nobody in particular.",
        examples=["läkare"],
    )
    priority: Literal["urgent", "normal"] = Field("normal", description="Urgent ones are called first (Brådskande).")


class Move(Strict):
    callback_at: Time = Field(description="One of the free times.")


class Days(Schema):
    first: Day | None = Field(None, description="Today, if left out.")
    days: int = Field(14, ge=1, le=MOST_DAYS)


# What goes out -------------------------------------------------------------------------------------------------------


LocalTime = Annotated[datetime, AfterValidator(timezone.localtime)]
"""A time by the clock in Stockholm, with its offset from UTC: to read out to the patient, or to send back as it is."""


class QueueOut(Schema):
    id: int
    unit: str
    name: str


class Callback(Schema):
    id: int
    queue: int = Field(alias="queue_id")
    callback_at: LocalTime
    state: Status = Field(alias="status")


ANumber = Literal["taken", "withheld", "unreadable"]
"""What became of the A-number of a booking."""


class Booked(Callback):
    a_number: ANumber = Field(
        alias="a_number_was", description="What became of the A-number. One that could not be read is kept as withheld."
    )


class FreeTime(Schema):
    starts_at: LocalTime
    places: int = Field(ge=1)


class Problem(Schema):
    detail: str


class FieldProblem(Schema):
    field: str
    reason: str


class Invalid(Problem):
    errors: list[FieldProblem]


class NotPossible(Problem):
    free_times: list[FreeTime] = Field(description="The nearest ones, where it was the time that was not free.")
    differs: list[str] = Field(description="The fields that differ, where the call has booked already.")
