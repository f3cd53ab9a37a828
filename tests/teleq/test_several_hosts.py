"""Several hosts on one PostgreSQL and one Valkey, each in a network namespace of its own, and their clocks two minutes
apart. One is killed whole, one is cut off and comes back, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from access.second_factor import encrypt_secret
from access.session_store import ACTIVE_AT, SessionStore
from administration.models import Sign
from cases.models import Case
from consent import register
from consent.models import Answer, Consent
from local.servers import WORKER
from sms import gateway
from sms.models import Message, Unsettled
from sms.states import State
from teleq.clock import database_now
from teleq.models import CareProvider, User
from tests.access.authenticator_app import code
from tests.concurrency import wait_until
from tests.conftest import PASSWORD
from tests.database_roles import address_as
from tests.hosts import Browser, Host, answers, form_with, host_behind
from tests.network import NoRight, cable
from tests.race.provider import Provider, opened
from tests.race.town import NUMBERS
from tests.sms.minutes import minutes_pass
from tests.upgrade.load import Balancer, Load
from tests.upgrade.test_next_release import BY_HAND, a_town

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

AHEAD, BEHIND = "+60", "-60"
"""Seconds by which a host's clock differs from PostgreSQL's."""
LESS = timedelta(seconds=40)
"""By less than a host's clock is wrong, and longer than a page takes."""
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
def host(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Connects a host to this machine, by its name and its clock."""
    with ExitStack() as connected:

        def connect(name: str, clock: str, **environment: str) -> Host:
            try:
                laid = connected.enter_context(cable())
            except NoRight:
                pytest.skip("there is no right to make a network namespace here")
            made = host_behind(laid, name, tmp_path, clock, **environment)
            connected.callback(made.kill)
            return made

        yield connect


# Their clocks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ahead_and_behind(host) -> tuple[Host, Host]:
    """Two web hosts, whose clocks are two minutes apart."""
    hosts = host("ahead", AHEAD), host("behind", BEHIND)
    for each in hosts:
        each.start_web()
    for each in hosts:
        wait_until(lambda each=each: answers(each), 120)
    return hosts


@pytest.fixture
def anna(nurse: User) -> User:
    """Signs in with a password and an app."""
    nurse.password = PBKDF2PasswordHasher().encode(PASSWORD, "0" * 22)
    nurse.save()
    Authenticator.objects.create(user=nurse, type=Authenticator.Type.TOTP, data={"secret": encrypt_secret(KEY)})
    return nurse


def test_postgresqls_clock_decides_whichever_host_is_asked(ahead_and_behind, anna, book, lapsing, care_provider):
    ahead, behind = ahead_and_behind
    browser = Browser()

    # A code from an app counts at each; whoever is signed in at one is signed in at the other.
    assert browser.sign_in(ahead, "anna", code(KEY)).url.endswith(f":{ahead.door}/")
    assert browser.open(behind, "/").status_code == 200
    assert Browser().sign_in(behind, "anna", code(KEY, 1)).url.endswith(f":{behind.door}/")

    # An answer counts till PostgreSQL says that it has lapsed.
    lapsing(Answer.YES, NUMBERS[0], LESS / timedelta(days=1))
    lapsing(Answer.YES, NUMBERS[1], -LESS / timedelta(days=1))
    still, no_more = book(phone_number=NUMBERS[0]), book(phone_number=NUMBERS[1])
    assert answer_shown(browser, ahead, still) == "yes"
    assert answer_shown(browser, behind, no_more) == "unset"

    # A callback is late from then on, and not before.
    now = database_now()
    soon, late = book(callback_at=now + LESS), book(callback_at=now - LESS)
    assert ">Försenad<" not in browser.open(ahead, f"/cases/{soon.pk}/").text
    assert ">Försenad<" in browser.open(behind, f"/cases/{late.pk}/").text

    # Fourteen months are counted from then on.
    for each in ahead_and_behind:
        case = book(phone_number=NUMBERS[2 + ahead_and_behind.index(each)])
        form = form_with(browser.open(each, f"/cases/{case.pk}/").text, "answer")
        before = database_now()
        assert browser.post(each, f"/cases/{case.pk}/consent/", form, answer="yes").status_code == 200
        stored = Consent.objects.get(phone_number=case.phone_number)
        assert before < stored.answered_at < database_now()
        assert stored.valid_until == fourteen_months_after(stored.answered_at)

    # A session ends by it.
    was_active(browser, timedelta(minutes=30) - LESS)
    assert browser.open(ahead, "/konto/session/").status_code == 200
    assert browser.open(behind, "/konto/session/").status_code == 200
    was_active(browser, timedelta(minutes=30) + LESS)
    assert browser.open(behind, "/").status_code == 302


def answer_shown(browser: Browser, host: Host, case: Case) -> str:
    return form_with(browser.open(host, f"/cases/{case.pk}/").text, "answer").fields["answer"]


def fourteen_months_after(at: datetime) -> datetime:
    """By PostgreSQL's calendar."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (%s AT TIME ZONE 'Europe/Stockholm' + interval '14 months') AT TIME ZONE 'Europe/Stockholm'", [at]
        )
        until: datetime = cursor.fetchone()[0]
        return until


def was_active(browser: Browser, ago: timedelta) -> None:
    session = SessionStore(browser.key)
    session[ACTIVE_AT] = (database_now() - ago).timestamp()
    session.save()


# Lost hosts ----------------------------------------------------------------------------------------------------------

A_WHILE = 10
SAY_NEJ = [number for number in NUMBERS[::7] if number not in BY_HAND]


def test_one_is_killed_one_is_cut_off_and_nothing_is_lost_or_doubled_or_sent_after_a_nej(host):
    open_queues, key, cases = a_town()
    with opened(Provider(Random(1))) as provider:
        provider.is_calm = True
        told = {"SMS_PROVIDERS": "kannel", "KANNEL_URL": f"{provider.url}/kannel", "KANNEL_USERNAME": "u"}
        told |= {"KANNEL_PASSWORD": "p", "LOOK_EVERY_SECONDS": "2", "WEB_CONCURRENCY": "1"}
        web, other_web = host("web-ahead", AHEAD, **told), host("web-behind", BEHIND, **told)
        workers, other_workers = host("workers-ahead", AHEAD, **told), host("workers-behind", BEHIND, **told)
        for each in (web, other_web):
            each.start_web()
        for each in (workers, other_workers):
            each.start_workers("manual", "bulk")
        workers.start_beat()
        wait_until(lambda: answers(web) and answers(other_web) and signs() == 4, 180)

        patients = iter([(queue.pk, number) for queue in open_queues for number in NUMBERS if number not in BY_HAND])
        balancer = Balancer([web.door, other_web.door])
        load = Load(balancer, key, patients, next_full_hour(), [case.pk for case in cases], address_as(WORKER))
        with load.going_on():
            a_while(load, provider)
            workers.kill()  # and beat with them
            said_nej = say_nej()
            a_while(load, provider)

            workers.start_workers("manual", "bulk")
            wait_until(lambda: begun_since(said_nej) == 2, 180)
            other_workers.laid.cut()
            a_while(load, provider)
            other_workers.laid.heal()
            workers.kill()
            a_while(load, provider)  # by those that were cut off

            web.kill()
            last = database_now()
            a_while(load, provider)
        wait_until(lambda: those_alive_are_done(last), 180)
        settle()

    assert load.failures == []
    assert {status for _, status in load.statuses} <= {200, 201, 503}  # 503: whoever waits for a lock is asked to wait
    nothing_is_lost_or_doubled(load, provider, last)
    nothing_left_after_a_nej(provider)


def signs() -> int:
    """How many workers have told that they are there."""
    return Sign.objects.filter(kind=Sign.Kind.WORKER).count()


def begun_since(at: datetime) -> int:
    return Sign.objects.filter(kind=Sign.Kind.WORKER, began_at__gt=at).count()


def next_full_hour() -> datetime:
    return (timezone.now() + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)


def a_while(load: Load, provider: Provider) -> None:
    """Until some more have booked, some more were sent an SMS by hand, and as many more SMS have left."""
    booked, posts, pressed = len(load.booked), len(provider.posts), load.pressed

    def over() -> bool:
        assert load.failures == []
        return (
            len(load.booked) >= booked + A_WHILE
            and load.pressed >= pressed + A_WHILE
            and len(provider.posts) >= posts + 2 * A_WHILE
        )

    wait_until(over, 180)


def say_nej() -> datetime:
    """Some of those who go on booking say Nej, for good. Returns when they all have."""
    anna, provider = User.objects.get(username="anna"), CareProvider.objects.get()
    for number in SAY_NEJ:
        seen = register.current(provider.pk, number).event_id
        register.answer_in_case(provider, number, Answer.NO, by=anna, case_id=1, seen_event=seen)
    return database_now()


def those_alive_are_done(last: datetime) -> bool:
    """`last` is when all that were to be lost were lost. What is under way since then is theirs who live."""
    messages = Message.objects.filter(Q(state=State.QUEUED) | Q(state=State.SENDING, claimed_at__gt=last))
    return not messages.exists()


def settle() -> None:
    """What dead hosts held is given up. Minutes that it would take are not waited for: the rows' times are moved."""

    def is_settled() -> bool:
        minutes_pass()
        gateway.sweep()
        return not Unsettled.objects.exclude(lane="").exists()

    wait_until(is_settled, 120)


def nothing_is_lost_or_doubled(load: Load, provider: Provider, last: datetime) -> None:
    confirmations = Message.objects.filter(kind="confirmation")
    confirmed = list(confirmations.values_list("case_message__case", flat=True))
    assert len(confirmed) == len(set(confirmed))
    assert set(load.booked) <= set(confirmed)
    assert Message.objects.filter(kind="manual").count() == load.pressed

    handed_over = [post.message_id for post in provider.posts]
    assert len(handed_over) == len(set(handed_over))
    states = dict(Message.objects.values_list("pk", "state"))
    assert set(states.values()) <= {State.SENT, State.DELIVERED, State.REFUSED, State.UNKNOWN}
    assert {pk for pk, state in states.items() if state in (State.SENT, State.DELIVERED)} <= set(handed_over)
    # Only what a lost host had begun.
    assert not Message.objects.filter(state=State.UNKNOWN, claimed_at__gt=last).exists()


def nothing_left_after_a_nej(provider: Provider) -> None:
    said = dict(Consent.objects.filter(answer=Answer.NO).values_list("phone_number", "answered_at"))
    assert {str(number) for number in said} == set(SAY_NEJ)
    to_them = Message.objects.filter(to_number__in=SAY_NEJ)
    assert to_them.filter(state=State.REFUSED).exists()
    claimed = dict(to_them.values_list("pk", "claimed_at"))
    for post in provider.posts:
        if post.message_id in claimed:
            assert claimed[post.message_id] < said[post.to]
