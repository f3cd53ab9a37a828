"""The intake API at /api/v1: a telephone system books callbacks, moves them, cancels them and reads their state.

It parses (`intake.schemas`), calls `intake.booking` and responds. Nothing here can set consent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, URLResolver
from django.utils import timezone
from ninja import NinjaAPI, Query
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.responses import Status as Response
from ninja.security import HttpBearer
from pydantic import ValidationError as Unreadable

from access import access_log
from access.access_log import Act
from access.limits import Guess, TooMany, judged
from access.models import SignIn
from cases import changing, free_times, looks, places
from cases.models import Case, Priority
from intake import booking, keys
from intake.models import IntakeKey
from intake.schemas import (
    NUMBER,
    ANumber,
    Booked,
    Booking,
    Callback,
    Days,
    FreeTime,
    Invalid,
    Move,
    NotPossible,
    Problem,
    QueueOut,
)
from teleq.client_address import client_network
from teleq.clock import database_now
from teleq.models import Queue

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

WITHHELD = "Numret är dolt. Ange det telefonnummer som patienten vill bli uppringd på."


class Key(HttpBearer):
    """`Authorization: Bearer <key>`. A key opens a care provider's queues, or some of them, and their callbacks."""

    def authenticate(self, request: HttpRequest, token: str) -> IntakeKey | None:
        """Raises TooMany."""
        guess = Guess(SignIn.Method.INTAKE_KEY, client_network(request), why="Fel, återkallad eller utgången nyckel.")
        key = judged(guess, lambda: IntakeKey.objects.valid(token))
        if key:
            request.key = access_log.Key(key.pk, key.name)  # type: ignore[attr-defined]  # KeyRequest's
            keys.note_use(key)
        return key


class KeyRequest(HttpRequest):
    """The request that an operation gets, with what `Key` has found."""

    auth: IntakeKey
    key: access_log.Key


api = NinjaAPI(
    title="teleQ",
    version="1",
    urls_namespace="api",
    auth=Key(),
    docs_decorator=csp_update({"img-src": ["data:"]}),  # the arrows of the page's lists
    description=(
        "For telephone systems: book callbacks, move them, cancel them and read their state. A key belongs to one care"
        " provider (vårdgivare), opens its queues or some of them, and is made under Admin > Nycklar för"
        " telefonsystem. Times are ISO 8601 with their offset from UTC. Whether a patient may be texted is asked by the"
        " nurse, and can't be set here. 429: too many requests; wait for as long as Retry-After says."
    ),
)


ASKED = {400: Problem, 401: Problem, 404: Problem, 422: Invalid}
CHANGED = ASKED | {409: NotPossible}
NOT_YOURS = "409: staff made it, or have it at the moment. Let the patient talk to them."


# Operations ----------------------------------------------------------------------------------------------------------


@api.get(
    "/queues",
    response={200: list[QueueOut], 400: Problem, 401: Problem},
    summary="The care provider's queues",
    description="Those that the key opens.",
)
def list_queues(request: KeyRequest) -> QuerySet[Queue]:
    return request.auth.opens()


@api.get("/queues/{queue_id}/free-times", response={200: list[FreeTime]} | ASKED, summary="A queue's free times")
def list_free_times(request: KeyRequest, queue_id: int, asked: Query[Days]) -> list[free_times.FreeTime]:
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
def book(request: KeyRequest, wanted: Booking) -> Response[Case]:
    queue = _queue(request, wanted.queue)
    a_number, a_number_was = _read_a_number(wanted)
    phone_number = wanted.phone_number or a_number
    if phone_number is None:
        raise _wrong("phone_number", WITHHELD)
    asked = booking.Wanted(
        queue=queue,
        call_id=wanted.call_id,
        phone_number=phone_number,
        a_number=a_number,
        personal_identity_number=wanted.personal_identity_number or "",
        callback_at=wanted.callback_at,
        name=wanted.name.strip(),
        reason=wanted.reason.strip(),
        interpreter_language=wanted.interpreter_language.strip(),
        speak_with=wanted.speak_with.strip(),
        priority=Priority[wanted.priority.upper()],
    )

    def book_and_note() -> tuple[Case, bool]:
        with transaction.atomic():
            case, made = booking.book(asked)
            looks.note(request.key, Act.API_CHANGE, case)
            return case, made

    case, made = _or_nearest(queue, wanted.callback_at, book_and_note)
    booked = _callback(request, case.pk)
    booked.a_number_was = a_number_was  # type: ignore[attr-defined]
    return Response(201 if made else 200, booked)


def _read_a_number(wanted: Booking) -> tuple[str | None, ANumber]:
    """The A-number in E.164, or None where there is none that can be used; and what became of it.

    Raises ValidationError (422) for one that can't be read where it is the only number to call back.
    """
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
def read(request: KeyRequest, callback_id: int) -> Case:
    case = _callback(request, callback_id)
    looks.note(request.key, Act.API_READ, case)
    return case


@api.post(
    "/callbacks/{callback_id}/move",
    response={200: Callback} | CHANGED,
    summary="Move a callback",
    description=NOT_YOURS,
)
def move(request: KeyRequest, callback_id: int, wanted: Move) -> Case:
    return _change(request, callback_id, wanted.callback_at, lambda case: booking.move(case, wanted.callback_at))


@api.post(
    "/callbacks/{callback_id}/cancel",
    response={200: Callback} | CHANGED,
    summary="Cancel a callback",
    description=f"One that is closed already is left as it is. {NOT_YOURS}",
)
def cancel(request: KeyRequest, callback_id: int) -> Case:
    return _change(request, callback_id, None, booking.cancel)


def _queue(request: KeyRequest, queue_id: int) -> Queue:
    return get_object_or_404(request.auth.opens().select_related("outgoing_sms"), pk=queue_id)


def _callback(request: KeyRequest, callback_id: int) -> Case:
    return looks.callback_of(request.auth.opens(), request.auth.care_provider_id, request.key, callback_id)


def _change(request: KeyRequest, callback_id: int, to: datetime | None, act: Callable[[Case], None]) -> Case:
    """Move or cancel a callback, and note it, in one transaction. Where it can't be done, why not is a look too."""
    case = _callback(request, callback_id)

    def act_and_note() -> None:
        with transaction.atomic():
            act(case)
            looks.note(request.key, Act.API_CHANGE, case)

    try:
        _or_nearest(case.queue, to or case.callback_at, act_and_note)
    except _Refused:
        looks.note(request.key, Act.API_READ, case)
        raise
    return _callback(request, callback_id)


# What went wrong -----------------------------------------------------------------------------------------------------


class _Refused(Exception):
    """409: why the callback can't be booked, moved or cancelled, and what could be done instead."""

    def __init__(
        self, why: Exception, nearest: Iterable[free_times.FreeTime] = (), differs: Iterable[str] = ()
    ) -> None:
        self.detail, self.nearest, self.differs = str(why), nearest, differs


def _or_nearest(queue: Queue, at: datetime, act: Callable[[], Result]) -> Result:
    """What the act returns; where the time is not free, 409 with the free times nearest to it.

    They are looked up when the act's transaction is over, so that nobody waits for them.
    """
    try:
        return act()
    except places.NotFree as problem:
        raise _Refused(problem, nearest=free_times.nearest(queue, at)) from None
    except booking.CallDiffers as problem:
        raise _Refused(problem, differs=problem.differs) from None
    except changing.NotPossible as problem:
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
    """Why the field is wrong, in Swedish: pydantic says it in English."""
    told = error.get("ctx", {})
    return str(told["error"]) if error["type"] == "value_error" else REASONS.get(error["type"], WRONG).format(**told)


def _field(place: tuple[str | int, ...]) -> str:
    """The field's own name, from ninja's place of it: ("body", "wanted", "call_id") is "call_id"."""
    source, *names = place
    return ".".join(str(name) for name in (names[1:] if names[0] in ("wanted", "asked") else names)) or str(source)


@api.exception_handler(RequestDataTooBig)
def too_large(request: HttpRequest, problem: RequestDataTooBig) -> HttpResponse:
    return api.create_response(request, {"detail": "Anropet är för stort."}, status=413)


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, problem: Exception) -> HttpResponse:
    return api.create_response(request, {"detail": "Anropet går inte att läsa: skicka JSON."}, status=400)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def busy(request: HttpRequest, problem: Exception) -> HttpResponse:
    """503: somebody else holds a lock for too long, or the database can't be reached.

    Asking again does no harm, as the same call is the same callback.
    """
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


def _urls() -> tuple[list[URLResolver | URLPattern], str, str]:
    """The operations ask for their key instead of a login; the document and its page are open, as the source is."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        assert isinstance(pattern, URLPattern)
        login_not_required(pattern.callback)
    return patterns, app_name, namespace


urls = _urls()
