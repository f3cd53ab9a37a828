"""The fault table tells what is wrong: how it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.faults.tally import Answered, Claimed, Evidence, Refused, Sms, Switched, row
from tests.race.provider import Post

TO, OTHER = "+46701740605", "+46701740606"
TICKED, PLAIN = 1, 2
CARE_PROVIDER = 7


def post(message: int, at: float, answer: str = "201", to: str = TO) -> Post:
    return Post("simulator", message, "teleQ", to, "Hej!", answer=answer, at=at, token=f"t{message}")


def sent(message: int, queue: int = TICKED, state: str = "sent") -> dict[tuple[int, str], Sms]:
    return {(message, f"t{message}"): Sms(f"reminder:{message}:1", state, queue)}


YES, NO = Answered((CARE_PROVIDER, TO), "yes", 0.0), Answered((CARE_PROVIDER, TO), "no", 50.0)


@pytest.fixture
def well() -> Evidence:
    """A message before the fault and one after it, both as they should be. The fault is from 10 to 20."""
    return Evidence(
        care_providers={TICKED: CARE_PROVIDER, PLAIN: CARE_PROVIDER},
        before=[YES, Switched(TICKED, True), Switched(PLAIN, False)],
        changes=[Claimed(1, TICKED, TO), Claimed(2, TICKED, TO)],
        accepted={"reminder:1:1", "reminder:2:1"},
        messages=sent(1) | sent(2),
        posts=[post(1, 9.0), post(2, 23.0)],
        began=10.0,
        ended=20.0,
        in_flight=1,
    )


def test_where_all_is_well_nothing_is_told(well):
    told = row(well)
    assert told.kept
    assert (told.messages, told.lost, told.doubled, told.after_nej, told.unknown) == (2, 0, 0, 0, 0)
    assert (told.first, told.normal) == (3.0, 3.0)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"accepted": {"reminder:1:1", "reminder:2:1", "manual:3:x"}}, "accepted, and not there"),
        ({"messages": sent(1) | sent(2, state="queued")}, "queued in the end"),
        ({"messages": sent(1) | sent(2, state="sending")}, "sending in the end"),
        ({"messages": sent(1) | sent(2, state="failed"), "posts": [post(1, 9.0)]}, "failed in the end"),
        ({"messages": sent(1) | sent(2, state="expired"), "posts": [post(1, 9.0)]}, "expired in the end"),
        ({"messages": sent(1) | sent(2, state="cancelled"), "posts": [post(1, 9.0)]}, "cancelled in the end"),
        ({"posts": [post(1, 9.0)]}, "the provider hasn't got it"),
        ({"posts": [post(1, 9.0), post(2, 23.0, "503")]}, "the provider hasn't got it"),
    ],
)
def test_what_is_lost_is_told(well, changed, why):
    told = row(replace(well, **changed))
    assert told.lost == 1
    assert not told.kept
    assert why in told.examples[0]


def test_a_message_that_came_again_after_it_may_have_been_had_is_doubled(well):
    for answer in ("201", "hang", "cut"):
        assert row(replace(well, posts=[post(1, 8.0, answer), post(1, 9.0), post(2, 23.0)])).doubled == 1


def test_a_message_that_was_turned_away_may_come_again(well):
    assert row(replace(well, posts=[post(1, 8.0, "503"), post(1, 9.0), post(2, 23.0)])).doubled == 0


def test_a_reminder_of_the_same_booking_by_a_restored_copy_is_doubled(well):
    again = {(102, "t102"): Sms("reminder:2:1", "sent", TICKED)}
    assert row(replace(well, messages=well.messages | again, posts=[*well.posts, post(102, 30.0)])).doubled == 1


@pytest.mark.parametrize(("queue", "answer", "wrong"), [
    (TICKED, "no", 1), (PLAIN, "no", 1), (TICKED, "unset", 1), (PLAIN, "unset", 0), (TICKED, "yes", 0),
])  # fmt: skip
def test_a_claim_is_judged_by_what_was_committed_before_it(well, queue, answer, wrong):
    changes = [Answered((CARE_PROVIDER, TO), answer, 20.0), Claimed(1, queue, TO)]
    handed_over = replace(well, posts=[post(1, 9.0)])
    assert row(replace(handed_over, changes=changes)).after_nej == wrong
    assert row(replace(handed_over, changes=changes[::-1])).after_nej == 0


@pytest.mark.parametrize(("queue", "answer", "wrong"), [
    (TICKED, "no", 0), (PLAIN, "no", 0), (TICKED, "unset", 0),
    (PLAIN, "unset", 1), (TICKED, "yes", 1), (PLAIN, "yes", 1),
])  # fmt: skip
def test_a_refusal_is_judged_by_what_was_committed_before_it_too(well, queue, answer, wrong):
    """Else a product that refuses everything would lose nothing."""
    changes = [*well.changes, Answered((CARE_PROVIDER, TO), answer, 20.0), Refused(3, queue, TO)]
    refused = well.messages | {(3, "t3"): Sms("reminder:3:1", "refused", queue)}
    assert row(replace(well, messages=refused, changes=changes)).lost == wrong


def test_a_message_that_was_handed_over_without_a_claim_is_told(well):
    assert row(replace(well, changes=[Claimed(1, TICKED, TO)])).after_nej == 1
    turned_away = [post(1, 8.0, "503"), post(1, 9.0), post(2, 23.0)]
    assert row(replace(well, posts=turned_away)).after_nej == 1
    assert row(replace(well, posts=turned_away, changes=[*well.changes, Claimed(1, TICKED, TO)])).after_nej == 0


def test_a_nej_of_another_number_or_a_switch_that_is_on_again_is_told_apart(well):
    well = replace(well, posts=[post(1, 9.0)])
    of_another = [Answered((CARE_PROVIDER, OTHER), "no", 8.0), Claimed(1, TICKED, TO)]
    assert row(replace(well, changes=of_another)).after_nej == 0
    unset = Answered((CARE_PROVIDER, TO), "unset", 20.0)
    off = [unset, Switched(TICKED, False), Claimed(1, TICKED, TO)]
    assert row(replace(well, changes=off)).after_nej == 0
    assert row(replace(well, changes=[*off, Switched(TICKED, True), Claimed(2, TICKED, TO)])).after_nej == 1


def test_a_message_that_leaves_long_after_a_nej_is_told_though_it_was_claimed_before(well):
    assert row(replace(well, changes=[*well.changes, NO], posts=[post(1, 9.0), post(2, 55.0)])).after_nej == 0
    assert row(replace(well, changes=[*well.changes, NO], posts=[post(1, 9.0), post(2, 75.0)])).after_nej == 1


def test_of_the_unknown_it_is_told_how_many_the_provider_had(well):
    told = row(
        replace(well, messages=sent(1, state="unknown") | sent(2, state="unknown"), posts=[post(1, 9.0, "hang")])
    )
    assert (told.unknown, told.unknown_received, told.lost) == (2, 1, 0)
