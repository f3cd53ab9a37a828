"""What a nurse's day needs beside the town: cases, colleagues, answers that lapsed, and a desk."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from django.utils import timezone

from cases import callbacks
from cases.models import Case
from consent.models import Consent
from teleq.logs import Formatter
from teleq.models import Membership, Queue, User
from tests.cases.desk import Desk, desk_of
from tests.cases.telephone_system import TelephoneSystem, an_open_day, connect, keep_open
from tests.conftest import MOBILE


@pytest.fixture
def colleague(make_user, queue, plain_queue) -> User:
    user = make_user("karim", "Karim", "Noor")
    Membership.objects.bulk_create(Membership(user=user, queue=each) for each in (queue, plain_queue))
    return user


@pytest.fixture
def superuser(db) -> User:
    return User.objects.create_superuser("drift")


@pytest.fixture
def desk(nurse) -> Desk:
    return desk_of(nurse)


@pytest.fixture
def book(queue) -> Callable[..., Case]:
    """The patient books a callback in an hour, unless said otherwise."""

    def booked(**columns) -> Case:
        soon = (timezone.now() + timedelta(hours=1)).replace(second=0, microsecond=0)
        values = {"queue": queue, "phone_number": MOBILE, "name": "Berit Testsson", "callback_at": soon} | columns
        return callbacks.create(Case(**values), by=None)

    return booked


@pytest.fixture
def case(book) -> Case:
    return book()


@pytest.fixture
def lapsed(lapsing) -> Callable[..., Consent]:
    """An answer that stopped to count a second ago, and that the purge has not come to."""
    return lambda answer, number=MOBILE: lapsing(answer, number, days_left=-1 / 86_400)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that the product writes to its log, in the words it writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter("%(levelname)s %(name)s %(message)s"))
    loggers = [logging.getLogger(), logging.getLogger("django")]  # the second doesn't tell the first
    for logger in loggers:
        logger.addHandler(handler)
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)


# The telephone system ------------------------------------------------------------------------------------------------


@pytest.fixture
def open_queue(queue) -> Queue:
    """Open from eight to four every day that is no holiday: a place each quarter of an hour."""
    keep_open(queue)
    return queue


@pytest.fixture
def day(open_queue) -> date:
    """A day in the coming week on which the queue is open."""
    return an_open_day(open_queue)


@pytest.fixture
def telephones(care_provider, administrator) -> TelephoneSystem:
    return connect(care_provider, by=administrator)


@pytest.fixture
def other_telephones(other_care_provider, outsider) -> TelephoneSystem:
    """Another care provider's."""
    return connect(other_care_provider, by=outsider)
