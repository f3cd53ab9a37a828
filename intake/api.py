"""The intake API at /api/v1: a telephone system books callbacks, moves them, cancels them and reads their state.

It parses, calls `cases.booking` and answers. Answers carry no patient's data. Nothing here can set consent, and a field
that is not asked for is refused rather than passed over in silence.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as FieldError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import NinjaAPI, Query, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.responses import Status as Reply
from ninja.security import HttpBearer
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, TypeAdapter
from pydantic import ValidationError as Unreadable

from access.limits import Guess, TooMany, judged
from access.models import SignIn
from cases import callbacks, free_times
from cases.forms import INVALID_IDENTITY
from cases.free_times import LONGEST_AHEAD
from cases.models import Case, Status
from intake import booking
from intake.models import IntakeKey
from teleq import personal_identity
from teleq.client_address import client_network
from teleq.clock import database_now
from teleq.models import CareProvider, Queue
from teleq.phone_numbers import number_text, phone_field

logger = logging.getLogger(__name__)

MOST_DAYS = 60
WITHHELD = "Numret är dolt. Ange det telefonnummer som patienten vill bli uppringd på."


class Key(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> CareProvider | None:
        """Raises TooMany."""
        guess = Guess(SignIn.Method.INTAKE_KEY, client_network(request), why="Fel eller återkallad nyckel.")
        key = judged(guess, lambda: IntakeKey.objects.valid(token))
        return key.care_provider if key else None


api = NinjaAPI(
    title="teleQ",
    version="1",
    urls_namespace="api",
    auth=Key(),
    docs_decorator=csp_update({"img-src": ["data:"]}),  # the arrows of the page's lists
    description=(
        "For telephone systems: book callbacks, move them, cancel them and read their state. A key belongs to one care"
        " provider (vårdgivare) and is made under Admin > Nycklar för telefonsystem. Times are ISO 8601 with their"
        " offset from UTC. Whether a patient may be texted is asked by the nurse, and can't be set here."
    ),
)


# What comes in -------------------------------------------------------------------------------------------------------


def _number(text: str) -> str:
    try:
        return number_text(phone_field("").clean(text))
    except FieldError as error:
        raise ValueError(error.messages[0]) from None


def _identity(text: str) -> str:
    number = personal_identity.read(text)
    if number is None:
        raise ValueError(INVALID_IDENTITY)
    return number


def _written_out(value: Any) -> Any:
    """Times and days begin with a date: the library would read a bare number as seconds since 1970."""
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


def text(pattern: str, longest: int) -> Any:
    return Field(pattern=pattern, max_length=longest)


NumberText = Annotated[str, text(r"^[+0-9 ()/.\-]+$", 40), AfterValidator(_number)]
IdentityText = Annotated[str, text(r"^[0-9A-Za-z+\-]+$", 13), AfterValidator(_identity)]
Time = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_ahead)]
Day = Annotated[date, BeforeValidator(_written_out), AfterValidator(_near)]
NUMBER: TypeAdapter[str] = TypeAdapter(NumberText)
LineOfText = r"^[^\u0000-\u001f\u007f]*$"


class Strict(Schema):
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
            " machine's) is kept as withheld, and the answer says so; it has to be one only where `phone_number` is"
            " left out."
        ),
        examples=["08-465 004 00"],
    )
    personal_identity_number: IdentityText | None = Field(None, examples=["19121212-1212"])
    name: str = Field("", pattern=LineOfText, max_length=100)
    reason: str = Field("", pattern=LineOfText, max_length=200, description="Kontaktorsak.")


class Move(Strict):
    callback_at: Time = Field(description="One of the free times.")


class Days(Schema):
    first: Day | None = Field(None, description="Today, if left out.")
    days: int = Field(14, ge=1, le=MOST_DAYS)


# What goes out -------------------------------------------------------------------------------------------------------


Told = Annotated[datetime, AfterValidator(timezone.localtime)]
"""By the clock in Stockholm, with its offset: to read out, or to send back as it is."""


class QueueOut(Schema):
    id: int
    unit: str
    name: str


class Callback(Schema):
    id: int
    queue: int = Field(alias="queue_id")
    callback_at: Told
    state: Status = Field(alias="status")


ANumber = Literal["taken", "withheld", "unreadable"]


class Booked(Callback):
    a_number: ANumber = Field(
        alias="a_number_was", description="What became of the A-number. One that could not be read is kept as withheld."
    )


class FreeTime(Schema):
    starts_at: Told
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


ASKED = {400: Problem, 401: Problem, 404: Problem, 422: Invalid}
CHANGED = ASKED | {409: NotPossible}
NOT_YOURS = "409: staff made it, or have it at the moment. Let the patient talk to them."


# Operations ----------------------------------------------------------------------------------------------------------


@api.get("/queues", response={200: list[QueueOut], 400: Problem, 401: Problem}, summary="The care provider's queues")
def list_queues(request: HttpRequest) -> Any:
    return _care_provider(request).queues.all()


@api.get("/queues/{queue_id}/free-times", response={200: list[FreeTime]} | ASKED, summary="A queue's free times")
def list_free_times(request: HttpRequest, queue_id: int, asked: Query[Days]) -> Any:
    first = asked.first or timezone.localdate()
    return free_times.between(_queue(request, queue_id), first, first + timedelta(days=asked.days - 1))


@api.post(
    "/callbacks",
    response={201: Booked, 200: Booked} | CHANGED,
    summary="Book a callback",
    description=(
        "201: a new callback. 200: this same request has booked one already, or the patient had an open callback in the"
        " queue, which was moved: one that was booked here, for the same number, by the same personal identity number"
        " or both without and no other name, and that no nurse has at the moment. 409: the time is not free, or the"
        " call has booked something else."
    ),
)
def book(request: HttpRequest, wanted: Booking) -> Any:
    queue = _queue(request, wanted.queue)
    a_number, a_number_was = _read_a_number(wanted)
    phone_number = wanted.phone_number or a_number
    if phone_number is None:
        raise _wrong("phone_number", WITHHELD)
    case, made = _or_nearest(
        queue,
        wanted.callback_at,
        lambda: booking.book(
            booking.Wanted(
                queue=queue,
                call_id=wanted.call_id,
                phone_number=phone_number,
                a_number=a_number,
                personal_identity_number=wanted.personal_identity_number or "",
                callback_at=wanted.callback_at,
                name=wanted.name.strip(),
                reason=wanted.reason.strip(),
            )
        ),
    )
    booked = _callback(request, case.pk)
    booked.a_number_was = a_number_was  # type: ignore[attr-defined]
    return Reply(201 if made else 200, booked)


def _read_a_number(wanted: Booking) -> tuple[str | None, ANumber]:
    """The A-number, if it is a telephone number, and what became of it. Raises ValidationError where the patient would
    be called back on it."""
    if wanted.a_number is None:
        return None, "withheld"
    try:
        return NUMBER.validate_python(wanted.a_number), "taken"
    except Unreadable as problem:
        if wanted.phone_number is None:
            [error] = problem.errors()
            raise ValidationError([{**error, "loc": ("body", "a_number")}]) from None
        return None, "unreadable"


def _wrong(field: str, reason: str) -> ValidationError:
    return ValidationError([{"loc": ("body", field), "type": "value_error", "ctx": {"error": reason}}])


@api.get("/callbacks/{callback_id}", response={200: Callback} | ASKED, summary="Read a callback's state")
def read(request: HttpRequest, callback_id: int) -> Any:
    return _callback(request, callback_id)


@api.post(
    "/callbacks/{callback_id}/move",
    response={200: Callback} | CHANGED,
    summary="Move a callback",
    description=NOT_YOURS,
)
def move(request: HttpRequest, callback_id: int, wanted: Move) -> Any:
    case = _callback(request, callback_id)
    _or_nearest(case.queue, wanted.callback_at, lambda: booking.move(case, wanted.callback_at))
    return _callback(request, callback_id)


@api.post(
    "/callbacks/{callback_id}/cancel",
    response={200: Callback} | CHANGED,
    summary="Cancel a callback",
    description=f"One that is closed already is left as it is. {NOT_YOURS}",
)
def cancel(request: HttpRequest, callback_id: int) -> Any:
    case = _callback(request, callback_id)
    _or_nearest(case.queue, case.callback_at, lambda: booking.cancel(case))
    return _callback(request, callback_id)


def _care_provider(request: HttpRequest) -> CareProvider:
    return request.auth  # type: ignore[attr-defined]


def _queue(request: HttpRequest, queue_id: int) -> Queue:
    return get_object_or_404(_care_provider(request).queues.select_related("outgoing_sms"), pk=queue_id)


def _callback(request: HttpRequest, callback_id: int) -> Case:
    return get_object_or_404(
        Case.objects.for_care_provider(_care_provider(request)).select_related("queue"), pk=callback_id
    )


# What went wrong -----------------------------------------------------------------------------------------------------


class _Refused(Exception):
    def __init__(
        self, why: Exception, nearest: Iterable[free_times.FreeTime] = (), differs: Iterable[str] = ()
    ) -> None:
        self.detail, self.nearest, self.differs = str(why), nearest, differs


def _or_nearest(queue: Queue, at: datetime, act: Callable[[], Any]) -> Any:
    """What is free is looked up when the transaction is over: nobody waits for it."""
    try:
        return act()
    except booking.NotFree as problem:
        raise _Refused(problem, nearest=free_times.nearest(queue, at)) from None
    except booking.CallDiffers as problem:
        raise _Refused(problem, differs=problem.differs) from None
    except callbacks.NotPossible as problem:
        raise _Refused(problem) from None


@api.exception_handler(_Refused)
def refused(request: HttpRequest, problem: _Refused) -> HttpResponse:
    nearest = [FreeTime.from_orm(time).dict() for time in problem.nearest]
    told = {"detail": problem.detail, "free_times": nearest, "differs": [*problem.differs]}
    return api.create_response(request, told, status=409)


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, problem: ValidationError) -> HttpResponse:
    errors = [{"field": _field(error["loc"]), "reason": _reason(error)} for error in problem.errors]
    return api.create_response(request, {"detail": "Uppgifterna går inte att använda.", "errors": errors}, status=422)


REASONS = {
    "missing": "Uppgiften saknas.",
    "extra_forbidden": "Uppgiften finns inte här.",
    "timezone_aware": "Skriv tiden med tidszon, till exempel 2026-11-26T10:30:00+01:00.",
    "datetime_from_date_parsing": "Skriv tiden som 2026-11-26T10:30:00+01:00.",
    "datetime_parsing": "Skriv tiden som 2026-11-26T10:30:00+01:00.",
    "date_from_datetime_parsing": "Skriv dagen som 2026-11-26.",
    "date_from_datetime_inexact": "Skriv dagen som 2026-11-26.",
    "int_type": "Skriv ett heltal.",
    "int_parsing": "Skriv ett heltal.",
    "greater_than_equal": "Skriv ett tal som är minst {ge}.",
    "less_than_equal": "Skriv ett tal som är högst {le}.",
    "string_type": "Skriv en text.",
    "string_too_long": "Texten är för lång: högst {max_length} tecken.",
    "string_pattern_mismatch": "Texten innehåller tecken som inte går att använda, eller är tom.",
}
WRONG = "Uppgiften har fel form."


def _reason(error: dict[str, Any]) -> str:
    """In our own words: the library's are English."""
    told = error.get("ctx", {})
    return str(told["error"]) if error["type"] == "value_error" else REASONS.get(error["type"], WRONG).format(**told)


def _field(place: tuple[str | int, ...]) -> str:
    """The field's own name, without where in the request it stood and what our code calls that."""
    source, *names = place
    return ".".join(str(name) for name in (names[1:] if names[0] in ("wanted", "asked") else names)) or str(source)


@api.exception_handler(HttpError)
@api.exception_handler(RequestDataTooBig)
def unreadable(request: HttpRequest, problem: Exception) -> HttpResponse:
    return api.create_response(request, {"detail": "Anropet går inte att läsa: skicka JSON."}, status=400)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def busy(request: HttpRequest, problem: Exception) -> HttpResponse:
    """Somebody else holds what it needs for too long, or the database can't be had. Asked again it is the same call."""
    logger.warning("A telephone system is to try again: %s", type(problem.__cause__ or problem).__name__)
    response = api.create_response(request, {"detail": "Försök igen om en stund."}, status=503)
    response["Retry-After"] = "5"
    return response


@api.exception_handler(AuthenticationError)
def no_key(request: HttpRequest, problem: AuthenticationError) -> HttpResponse:
    response = api.create_response(request, {"detail": "Nyckeln saknas eller gäller inte."}, status=401)
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(TooMany)
def too_many(request: HttpRequest, problem: TooMany) -> HttpResponse:
    """Too many keys from the same address were wrong."""
    response = api.create_response(request, {"detail": "För många försök med fel nyckel. Försök senare."}, status=429)
    response["Retry-After"] = str(max(1, int((problem.until - database_now()).total_seconds())))
    return response


@api.exception_handler(Http404)
def not_found(request: HttpRequest, problem: Http404) -> HttpResponse:
    return api.create_response(request, {"detail": "Finns inte hos vårdgivaren."}, status=404)


# Addresses -----------------------------------------------------------------------------------------------------------


def _urls() -> tuple[list[Any], str, str]:
    """The operations ask for their key instead of a login; the document and its page are open, as the source is."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        login_not_required(pattern.callback)
    return patterns, app_name, namespace


urls = _urls()
