"""Reservrutin: each quarter of an hour every queue's open callbacks are written as an encrypted page into a folder that
outlives teleQ, for the day when teleQ can't be reached.

Two keep the key to it apart, and neither reads a list alone: the operator, who reads no patient's data, has the folder;
the care provider, whose patients they are, has the key. So its administrator chooses the public key, and nobody else
may; the private key is never in teleQ. Without a key nothing is written. docs/decisions/0044 says more.

Files are age's (age-encryption.org/v1), which any computer without a network can open.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyrage
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from administration.models import ReserveKey, ReserveProblem, WrittenReserveList
from cases.reserve_list import reserve_list
from teleq.clock import database_now
from teleq.models import CareProvider, Queue, User

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=15)
JUST_NOW = timedelta(minutes=10)
"""What was written so lately isn't written again: of the runs that piled up while no worker was there the first does it
all."""
KEPT_FOR = timedelta(days=1)
LATE_AFTER = timedelta(minutes=40)
"""Two runs missed: staff would print what is no longer so."""
KEYS_AT_MOST = 10

FILE = re.compile(r".+-\d+_\d{4}-\d\d-\d\d_\d{4}\.html\.age|\.reserve-.+")
"""Names of our files, also of those that were begun and never done: nothing else in the folder is touched."""


# The key -------------------------------------------------------------------------------------------------------------


def is_private_key(text: str) -> bool:
    return "AGE-SECRET-KEY-" in text.upper()


def is_public_key(text: str) -> bool:
    """Whether it is age's, for X25519: `age1` and 58 characters, with a sum that checks them."""
    try:
        pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        return False
    return True


def encrypted(text: str, keys: Iterable[str]) -> bytes:
    """As an age file, which each of the keys' private halves opens."""
    file: bytes = pyrage.encrypt(text.encode(), [pyrage.x25519.Recipient.from_str(key) for key in keys])
    return file


class ChosenMeanwhile(Exception):
    """Another key has been chosen since the page was shown. Nothing was done."""


@transaction.atomic
def choose(provider: CareProvider, keys: Iterable[str], *, by: User, seen: int) -> ReserveKey | None:
    """Have the care provider's lists encrypted with these public keys from now on; with none, have none written.

    `seen` is the id of the choice that the page showed, 0 where there was none. Returns None where it makes no
    difference. Raises ChosenMeanwhile.
    """
    CareProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    latest = ReserveKey.objects.filter(care_provider=provider).first()
    if (latest.pk if latest else 0) != seen:
        raise ChosenMeanwhile
    told = "\n".join(keys)
    if told == (latest.keys if latest else ""):
        return None
    return ReserveKey.objects.create(care_provider=provider, keys=told, chosen_by=by)


# Writing -------------------------------------------------------------------------------------------------------------


def write_lists() -> None:
    """Write the list of every queue whose care provider has a key, and remove files that are a day old.

    A queue whose list can't be written keeps no other from having its own. What went wrong is one line in the log and
    stands in Admin.
    """
    keys = {key.care_provider_id: key.as_list for key in ReserveKey.objects.current() if key.keys}
    at = database_now()
    queues = list(_due(keys, at))
    folder = Path(settings.RESERVE_FOLDER) if settings.RESERVE_FOLDER else None
    if folder:
        remove_old(folder)
    problems: Counter[tuple[ReserveProblem, str]] = Counter()
    for queue in queues:
        try:
            cases = _write(folder, queue, keys[queue.care_provider_id], at)
        except DatabaseError:
            raise  # no other queue would fare better
        except Exception as error:
            problem = problem_of(error)
            problems[problem, type(error).__name__] += 1
            _failed(queue, problem, at)
        else:
            done = {"written_at": at, "cases": cases, "problem": "", "problem_since": None}
            WrittenReserveList.objects.update_or_create(queue=queue, defaults=done)
    for (problem, error_name), count in problems.items():
        logger.error("Reserve lists: %s of %s not written: %s (%s)", count, len(queues), problem.value, error_name)


def _due(care_provider_ids: Iterable[int], at: datetime) -> QuerySet[Queue]:
    queues = Queue.objects.filter(care_provider__in=care_provider_ids).select_related("care_provider", "outgoing_sms")
    return queues.exclude(reserve_list__written_at__gt=at - JUST_NOW).order_by("pk")


def _write(folder: Path | None, queue: Queue, keys: list[str], at: datetime) -> int:
    """Returns how many cases the list has. Raises OSError: also before anybody is noted in the access log, where there
    is no folder."""
    if folder is None or not folder.is_dir():  # never made here: it may be a disk that isn't there
        raise FileNotFoundError(errno.ENOENT, "RESERVE_FOLDER")
    own = folder / _name(queue.care_provider, queue.care_provider_id)
    own.mkdir(mode=0o700, exist_ok=True)
    made = reserve_list(queue, at)
    when = timezone.localtime(at).strftime("%Y-%m-%d_%H%M")
    put_in_place(own / f"{_name(queue, queue.pk)}_{when}.html.age", encrypted(made.page, keys))
    return made.cases


def _name(of: CareProvider | Queue, key: int) -> str:
    """ "vc-spindeln-radgivning-3", which staff know their own by when teleQ is down."""
    return f"{slugify(str(of))[:80] or 'teleq'}-{key}"


def put_in_place(path: Path, content: bytes) -> None:
    """Whoever looks finds the whole file or none, also after a power cut. Raises OSError and leaves nothing then."""
    descriptor, unfinished = tempfile.mkstemp(prefix=".reserve-", dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_old(folder: Path) -> None:
    """Remove our files that are older than KEPT_FOR. What can't be removed now is tried again at the next run."""
    oldest = time.time() - KEPT_FOR.total_seconds()
    try:
        for path in folder.glob("*/*"):
            if FILE.fullmatch(path.name) and path.lstat().st_mtime < oldest:
                path.unlink(missing_ok=True)
    except OSError as error:
        logger.error("Reserve lists: old ones can't be removed: %s", errno.errorcode.get(error.errno or 0, "?"))


def problem_of(error: Exception) -> ReserveProblem:
    if not isinstance(error, OSError):
        return ReserveProblem.OTHER
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ReserveProblem.FULL
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ReserveProblem.NO_RIGHT
    return ReserveProblem.NO_FOLDER if error.errno in (errno.ENOENT, errno.ENOTDIR) else ReserveProblem.OTHER


def _failed(queue: Queue, problem: ReserveProblem, at: datetime) -> None:
    WrittenReserveList.objects.get_or_create(queue=queue)
    since = Coalesce(F("problem_since"), Value(at))
    WrittenReserveList.objects.filter(queue=queue).update(problem=problem, problem_since=since)


# How it stands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """How a care provider's reserve lists stand."""

    care_provider: CareProvider
    key: ReserveKey | None
    """The latest choice."""
    late_since: datetime | None
    """When its lists were last written, or the key chosen, where that is too long ago."""
    problem: str
    """Why, as far as that is known."""

    @property
    def is_on(self) -> bool:
        return self.key is not None and bool(self.key.keys)


def standings(providers: QuerySet[CareProvider]) -> list[Standing]:
    """By the care provider's name. Three queries, however many they are."""
    keys = {key.care_provider_id: key for key in ReserveKey.objects.current().filter(care_provider__in=providers)}
    written = WrittenReserveList.objects.filter(queue__care_provider__in=keys)
    by_provider = written.order_by().values_list("queue__care_provider").annotate(Max("written_at"), Max("problem"))
    lists = {provider: (at, problem) for provider, at, problem in by_provider}
    now = timezone.now()
    with_queues = providers.annotate(has_queue=Exists(Queue.objects.filter(care_provider=OuterRef("pk"))))
    return [
        _standing(each, keys.get(each.pk), *lists.get(each.pk, (None, "")), now)
        if each.has_queue
        else Standing(each, keys.get(each.pk), None, "")  # nothing to write
        for each in with_queues.order_by("name")
    ]


def _standing(
    provider: CareProvider, key: ReserveKey | None, written_at: datetime | None, problem: str, now: datetime
) -> Standing:
    if key is None or not key.keys:
        return Standing(provider, key, None, "")
    since = max(filter(None, (written_at, key.chosen_at)))
    told = str(ReserveProblem(problem).label) if problem else ""
    late = since < now - LATE_AFTER
    return Standing(provider, key, since if late or told else None, told or (_("Ingen skriver dem.") if late else ""))


def late(providers: QuerySet[CareProvider]) -> list[Standing]:
    """Those whose lists can't be written, or have not been for LATE_AFTER."""
    return [each for each in standings(providers) if each.late_since]


def in_trouble(user: User) -> list[Standing]:
    """For the first page of Admin: the operator's are all care providers, others' those that they administer."""
    return late(CareProvider.objects.all() if user.is_superuser else CareProvider.objects.administered_by(user))
