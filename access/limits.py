"""Limits on guessing: passwords, codes, keys. Counted in the record of sign-ins, in PostgreSQL, for all processes.

1. Whoever has guessed wrong too often is turned away before what they show is looked at.
2. What is shown is looked at. That may take long (a password's hash is slow on purpose), so no lock is held.
3. The outcome is written under a lock that the account and the address share, and the limits are asked once more there:
   of many guesses at once, only as many as the limit allows are answered, whichever of them is right.

Source: OWASP ASVS 5, 6.3.1 and 6.1.1; and that one person's mistakes must not shut out a ward behind one address, nor a
stranger's guesses somebody who signs in from where they always do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import TypeVar

from django.db import models, transaction
from django.db.models import Max
from django.db.models.functions import Coalesce, Now
from prometheus_client import Counter

from access.models import SignIn
from teleq import locks
from teleq.locks import Lock
from teleq.models import User

T = TypeVar("T")
What, Method = SignIn.What, SignIn.Method


FAILURES = Counter(
    "teleq_sign_in_failures_total",
    "Wrong passwords, codes, keys and signatures (failed), and those that were not looked at (limited), by method.",
    ["method", "what"],
)
NOT_LET_IN = (What.FAILED, What.LIMITED)


def _begin_at_nought() -> None:
    """What has not happened yet is told as 0: Prometheus doesn't see the first of a series that wasn't there before."""
    for method, what in product(Method, NOT_LET_IN):
        FAILURES.labels(method.value, what.value)


_begin_at_nought()


@dataclass(frozen=True)
class Limit:
    most: int
    """Wrong ones; when there are this many, the next is not looked at."""
    within: timedelta


ACCOUNT_AT_ADDRESS = Limit(5, timedelta(minutes=15))
ACCOUNT = Limit(30, timedelta(hours=1))
"""Over all addresses. Doesn't hold for an address that the account has signed in from lately."""
ACCOUNTS_AT_ADDRESS = Limit(20, timedelta(hours=1))
"""Different accounts that were guessed at from one address, and have not signed in from it since. Nor does this."""
LATELY = timedelta(days=30)
CODES = (Limit(5, timedelta(minutes=15)), Limit(20, timedelta(days=1)))
"""Of one account, over all addresses: who comes so far has its password."""
KEYS = Limit(20, timedelta(minutes=15))
"""Of one address: a telephone system's key, an SMS provider's password."""
MACHINES = {Method.INTAKE_KEY, Method.WEBHOOK}
"""What they show is long and made at random. The right one is not kept waiting for others' turns: it comes often."""


class TooMany(Exception):
    def __init__(self, until: datetime) -> None:
        super().__init__("too many wrong guesses")
        self.until = until


@dataclass(frozen=True)
class Guess:
    """Whose secret is shown, and from where."""

    method: SignIn.Method
    address: str
    account: str = ""
    """As `access.record.account_digest` makes it."""
    user: User | None = None
    why: str = ""
    """Why it was wrong, if it is."""


def judged(guess: Guess, look: Callable[[], T | None]) -> T | None:
    """What `look` returns: None where what was shown is wrong, which is written down. Raises TooMany."""
    try:
        _check(guess)
        found = look()
        if found is not None and guess.method in MACHINES:
            return found
        with transaction.atomic():
            _lock(guess)
            _check(guess)
            if found is None:
                _write(What.FAILED, guess)
    except TooMany:
        _note_limited(guess)
        raise
    return found


def _check(guess: Guess) -> None:
    """Raises TooMany, with the last of the times at which a limit lets go."""
    if over := [until for until in _limits_reached(guess) if until]:
        raise TooMany(max(over))


def _limits_reached(guess: Guess) -> Iterator[datetime | None]:
    if guess.method == Method.PASSWORD:
        yield _until(guess, ACCOUNT_AT_ADDRESS, account=guess.account, address=guess.address)
        if not _has_signed_in(guess):
            yield _until(guess, ACCOUNT, account=guess.account)
            yield _until_fewer_accounts(guess)
    elif guess.method == Method.CODE:
        for limit in CODES:
            yield _until(guess, limit, account=guess.account)
    else:
        yield _until(guess, KEYS, address=guess.address)


def _until(guess: Guess, limit: Limit, **whose: str) -> datetime | None:
    """When the limit lets go, if it is reached by the wrong guesses since the last sign-in."""
    signed_in = SignIn.objects.filter(what=What.SIGNED_IN, **whose)
    last = signed_in.order_by().values("what").annotate(last=Max("id")).values("last")
    wrong = SignIn.objects.filter(what=What.FAILED, method=guess.method, at__gt=Now() - limit.within, **whose)
    since = wrong.filter(id__gt=Coalesce(models.Subquery(last), 0)).order_by("-id")
    times: list[datetime] = list(since.values_list("at", flat=True)[: limit.most])
    return times[limit.most - 1] + limit.within if len(times) == limit.most else None


def _until_fewer_accounts(guess: Guess) -> datetime | None:
    limit = ACCOUNTS_AT_ADDRESS
    here = SignIn.objects.filter(address=guess.address, at__gt=Now() - limit.within)
    came_in = here.filter(what=What.SIGNED_IN, account=models.OuterRef("account"), id__gt=models.OuterRef("id"))
    wrong = here.filter(~models.Exists(came_in), what=What.FAILED, method=Method.PASSWORD).exclude(account="")
    latest = wrong.values("account").annotate(latest=Max("at")).order_by("-latest")
    others = latest.exclude(account=guess.account).values_list("latest", flat=True)
    times: list[datetime] = list(others[: limit.most])
    return times[limit.most - 1] + limit.within if len(times) == limit.most else None


def _has_signed_in(guess: Guess) -> bool:
    """Whether the account has signed in from this address lately."""
    here = SignIn.objects.filter(account=guess.account, address=guess.address)
    return here.filter(what=What.SIGNED_IN, at__gt=Now() - LATELY).exists()


def _lock(guess: Guess) -> None:
    """Until the transaction ends, others' guesses at the account, or from the address, wait to be written."""
    keys = sorted(filter(None, (f"account {guess.account}" if guess.account else "", f"address {guess.address}")))
    for key in keys:
        locks.hold(Lock.GUESSES, key)


def _note_limited(guess: Guess) -> None:
    """Once in a while: whoever goes on guessing must not fill the record."""
    with transaction.atomic():
        _lock(guess)
        noted = SignIn.objects.filter(what=What.LIMITED, method=guess.method, address=guess.address, user=guess.user)
        if not noted.filter(at__gt=Now() - ACCOUNT_AT_ADDRESS.within).exists():
            _write(What.LIMITED, guess)


def _write(what: SignIn.What, guess: Guess) -> None:
    FAILURES.labels(guess.method.value, what.value).inc()
    SignIn.objects.create(
        what=what,
        method=guess.method,
        user=guess.user,
        account=guess.account,
        address=guess.address,
        why=guess.why if what == What.FAILED else "",
    )
