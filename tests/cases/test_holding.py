"""Who has a case: who else has it open, taking over, what is left behind, and all of one's own at a shift's end."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from access.models import AccessEntry
from cases import acts, callbacks, history, holding, presence, tasks
from cases.changing import NotPossible
from cases.models import Case, CaseEvent, Presence, Status
from teleq.clock import database_now
from teleq.models import Membership, Queue, User
from tests.cases.desk import Desk, Page, at_once, desk_of, said
from tests.concurrency import in_another_connection
from tests.database_roles import past_the_triggers

MINUTE = timedelta(minutes=1)
CLOCK = r"\d\d\.\d\d( \((sommar|vinter)tid\))?"


@pytest.fixture
def colleagues_desk(colleague) -> Desk:
    return desk_of(colleague)


def banner(page: Page) -> str:
    part = page.html.split('<div id="banner" data-part>')[1].split("</div>")[0]
    words = re.sub(r"<[^>]+>", " ", re.sub("</?bdi>", "", part))
    return re.sub(r"\s+", " ", words).strip()


def has_it(case: Case) -> User | None:
    case.refresh_from_db()
    return case.assignee


def told(case: Case) -> list[str]:
    return [entry.sentence for entry in history.acts(case)]


def since(case: Case, minutes: float) -> None:
    """As if all that has been done in the case had been done this long ago."""
    ago = database_now() - minutes * MINUTE
    Case.objects.filter(pk=case.pk, assignee__isnull=False).update(taken_at=ago)
    Presence.objects.filter(case=case).update(seen_at=ago)
    with past_the_triggers():
        CaseEvent.objects.filter(case=case).update(at=ago)


# Who else has it open ------------------------------------------------------------------------------------------------


def test_a_case_says_at_whom_else_it_is_open_and_not_as_a_notice(case, desk, colleagues_desk):
    assert "Öppet hos" not in desk.case(case).text
    assert banner(colleagues_desk.case(case)) == "Öppet hos Anna Lind"
    page = desk.case(case)
    assert banner(page) == "Öppet hos Karim Noor"
    assert said(page) == ""


def test_whoever_has_left_is_shown_no_more(case, desk, colleagues_desk):
    colleagues_desk.case(case)
    assert colleagues_desk.client.post(f"/cases/{case.pk}/leave/").status_code == 204
    assert banner(desk.case(case)) == ""


def test_whoever_is_not_heard_of_is_shown_no_more_after_a_minute(case, desk, colleagues_desk):
    colleagues_desk.case(case)
    Presence.objects.update(seen_at=database_now() - MINUTE)
    assert banner(desk.case(case)) == ""


def test_leaving_takes_away_nobody_else(case, desk, colleague, colleagues_desk):
    colleagues_desk.case(case)
    desk.client.post(f"/cases/{case.pk}/leave/")
    assert presence.who(case) == [colleague]


def test_whoever_leaves_the_page_has_not_left_the_case_behind(left, colleague, colleagues_desk):
    """They had it open for longer than the queue's half hour, and did nothing in it that left a trace."""
    case = left(40)
    colleagues_desk.case(case)
    colleagues_desk.client.post(f"/cases/{case.pk}/leave/")
    assert presence.who(case) == []
    assert holding.release_left_behind() == 0
    assert has_it(case) == colleague


def test_whoever_only_posts_is_there_too(case, nurse, colleague, desk):
    page = desk.case(case)
    Presence.objects.update(seen_at=database_now() - 10 * MINUTE)
    page.press("Spara uppgifterna", personal_identity_number="hej")
    assert presence.who(case) == [nurse]


def test_what_is_not_asked_for_any_more_is_removed_each_minute(case, book, nurse, colleague):
    presence.note(nurse, case)
    presence.note(colleague, case)
    Presence.objects.filter(user=nurse).update(seen_at=database_now() - timedelta(hours=25))
    tasks.release_left_behind()
    assert [each.user for each in Presence.objects.all()] == [colleague]


# Taking over ---------------------------------------------------------------------------------------------------------


def test_a_colleagues_case_says_since_when_and_is_taken_over_by_one_press(case, desk, nurse, colleague):
    acts.take(case, by=colleague)
    page = desk.case(case)
    assert re.fullmatch(rf"Karim Noor har ärendet sedan {CLOCK}\. Ta över ärendet", banner(page))
    after = page.press("Ta över ärendet")
    assert said(after) == "Du har tagit över ärendet."
    assert has_it(case) == nurse
    assert case.status == Status.ONGOING
    assert told(case)[-1] == "Tog över ärendet från Karim Noor."
    assert "Tog över ärendet från Karim Noor." in after.text


def test_in_a_colleagues_case_one_only_takes_over_writes_and_sends(case, desk, colleague):
    acts.take(case, by=colleague)
    page = desk.case(case)
    for act in ("Ta ärendet", "Släpp ärendet", "Fick svar", "Inget svar", "Råd givet", "Avboka"):
        assert not page.has_button(act)
    page = page.press("Spara anteckningen", note_text="Ringer igen.")
    assert "Anteckningen är sparad." in said(page)
    assert page.has_button("Skicka SMS")
    assert has_it(case) == colleague


@pytest.mark.parametrize("act", ["release", "reached", "no_answer", "cancel"])
def test_by_hand_neither(act, case, desk, colleague):
    acts.take(case, by=colleague)
    seen = {"seen_event": case.events.latest_act().pk}
    desk.client.post(f"/cases/{case.pk}/act/", {"act": act, **seen})
    desk.client.post(f"/cases/{case.pk}/done/", seen)
    assert has_it(case) == colleague
    assert case.events.latest_act().kind == "taken"


@pytest.mark.parametrize("works", ["has it open", "has a call in it"])
def test_whoever_works_in_it_is_interrupted_only_after_a_question(works, case, desk, nurse, colleague):
    acts.take(case, by=colleague)
    if works == "has it open":
        presence.note(colleague, case)
    else:
        Case.objects.update(call_began_at=database_now() - 10 * MINUTE)
    asked = desk.case(case).press("Ta över ärendet")
    assert asked.status == 422
    assert "Ta över ärendet från Karim Noor? Karim Noor kan vara mitt i ett samtal." in banner(asked)
    assert has_it(case) == colleague
    assert f"/cases/{case.pk}/" in asked.links  # Nej
    after = asked.press("Ja, ta över")
    assert "Du har tagit över ärendet." in said(after)
    assert has_it(case) == nurse
    assert (case.call_began_at is None) == (works == "has it open")  # whoever has it now says how the call went


def test_nothing_is_asked_where_the_colleague_has_left_the_case(case, desk, colleague, nurse):
    acts.take(case, by=colleague)
    presence.note(colleague, case)
    Presence.objects.update(seen_at=database_now() - MINUTE)
    desk.case(case).press("Ta över ärendet")
    assert has_it(case) == nurse


def test_whoever_lost_it_is_told_by_whom_and_when(case, desk, nurse, colleague, colleagues_desk):
    acts.take(case, by=colleague)
    acts.take_over(case, by=nurse)
    assert re.match(rf"Anna Lind tog över ärendet {CLOCK}\. Ta över ärendet", banner(colleagues_desk.case(case)))
    assert banner(desk.case(case)) == "Öppet hos Karim Noor"


def test_a_press_on_a_page_from_before_changes_nothing_and_says_what_stands(
    case, desk, nurse, colleague, administrator
):
    acts.take(case, by=colleague)
    left_open = desk.case(case)
    acts.take_over(case, by=administrator)
    page = left_open.press("Ta över ärendet")
    assert "Inget ändrades: Maria Ek tog över ärendet" in said(page)
    assert has_it(case) == administrator


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_it_over_at_the_same_time_exactly_one_does(case, nurse, colleague, administrator):
    acts.take(case, by=colleague)
    pages = [desk_of(user).case(case) for user in (nurse, administrator)]
    at_once(case, *[lambda page=page: page.press("Ta över ärendet") for page in pages])
    assert case.events.filter(kind="taken_over").count() == 1
    assert case.events.get(kind="taken_over").user == has_it(case)


def test_nobodys_case_and_ones_own_are_not_taken_over(case, nurse):
    with pytest.raises(NotPossible):
        acts.take_over(case, by=nurse)
    acts.take(case, by=nurse)
    with pytest.raises(NotPossible):
        acts.take_over(case, by=nurse)


def test_a_call_is_under_way_for_whoever_took_the_case_over(case, nurse, colleague):
    acts.take(case, by=colleague)
    assert acts.call_began(nurse) is None
    acts.take_over(case, by=nurse)
    assert acts.call_began(nurse) == case.events.latest_act().at
    assert acts.call_began(colleague) is None


# Left behind ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def left(case, colleague) -> Callable[[float], Case]:
    """A case that the colleague took so many minutes ago, and has not touched since."""

    def leave(minutes: float) -> Case:
        acts.take(case, by=colleague)
        since(case, minutes)
        case.refresh_from_db()
        return case

    return leave


@pytest.mark.parametrize(("minutes", "released"), [(29.5, False), (30.5, True)])
def test_it_is_released_after_half_an_hour_with_a_line_in_its_history(minutes, released, left):
    case = left(minutes)
    assert holding.release_left_behind() == released
    assert (has_it(case) is None) == released
    if released:
        assert case.status == Status.WAITING
        entry = history.acts(case)[-1]
        assert (entry.sentence, entry.who) == (
            "Ärendet släpptes, eftersom ingen arbetade i det på 30 minuter.",
            "Automatiskt",
        )
    assert holding.release_left_behind() == 0


def test_after_how_long_is_the_queues_own(left, queue):
    case = left(6)
    Queue.objects.filter(pk=queue.pk).update(release_minutes=5)
    assert holding.release_left_behind() == 1
    assert told(case)[-1] == "Ärendet släpptes, eftersom ingen arbetade i det på 5 minuter."


def test_what_was_called_without_answer_is_that_again(left):
    case = left(31)
    Case.objects.update(attempts=2)
    holding.release_left_behind()
    assert has_it(case) is None
    assert case.status == Status.NO_ANSWER


@pytest.mark.parametrize("how", ["a call is open", "has it open", "had it open", "reached the patient", "taken anew"])
def test_not_while_a_call_is_open_and_counted_from_when_its_holder_was_there_last(how, left, colleague):
    case = left(40)
    match how:
        case "a call is open":
            Case.objects.update(call_began_at=database_now() - 40 * MINUTE)
        case "has it open":
            presence.note(colleague, case)
        case "had it open":
            presence.note(colleague, case)
            Presence.objects.update(seen_at=database_now() - 29 * MINUTE)
        case "reached the patient":
            acts.record_attempt(case, reached=True, by=colleague)
        case "taken anew":
            Case.objects.update(taken_at=database_now() - MINUTE)
    assert holding.release_left_behind() == 0
    assert has_it(case) == colleague


def test_that_somebody_else_has_it_open_or_writes_in_it_keeps_it_for_nobody(left, nurse):
    case = left(31)
    presence.note(nurse, case)
    callbacks.add_note(case, "Ringer igen.", by=nurse)
    assert holding.release_left_behind() == 1
    assert has_it(case) is None


def test_its_holder_is_warned_in_the_case_from_five_minutes_before(left, colleague, colleagues_desk):
    case = left(26)
    at, latest = database_now(), case.events.latest_act()
    assert holding.told(case, colleague, latest, at)["releases_at"] == pytest.approx(at + 4 * MINUTE, abs=MINUTE / 2)
    since(case, 24)
    assert holding.told(case, colleague, latest, database_now())["releases_at"] is None
    since(case, 26)
    assert "släpps" not in banner(colleagues_desk.case(case))  # who opens it works in it


def test_its_holders_list_says_when_it_is_released_and_nobody_elses(left, desk, colleagues_desk):
    left(26)
    assert re.search(rf"Pågår – Karim Noor Släpps {CLOCK}", colleagues_desk.work_list().rows[0])
    assert "Släpps" not in desk.work_list().rows[0]


def warned_at(case: Case, user: User) -> datetime | None:
    return Case.objects.values_list(holding.warned_at(user.pk), flat=True).get(pk=case.pk)


def test_nobody_is_warned_of_anothers_case_or_of_one_with_a_call_in_it(left, colleague, nurse):
    case = left(26)
    assert warned_at(case, colleague) == pytest.approx(database_now() + 4 * MINUTE, abs=MINUTE / 2)
    assert warned_at(case, nurse) is None
    Case.objects.update(call_began_at=database_now())
    assert warned_at(case, colleague) is None


def test_a_queue_with_a_short_time_warns_nobody_who_is_there(case, colleague, queue):
    Queue.objects.filter(pk=queue.pk).update(release_minutes=5)
    acts.take(case, by=colleague)
    assert warned_at(case, colleague) is None
    since(case, 1)
    assert warned_at(case, colleague) == pytest.approx(database_now() + 4 * MINUTE, abs=MINUTE / 2)


def test_whoever_comes_back_too_late_is_told(left, colleagues_desk):
    case = left(31)
    page = colleagues_desk.case(case)
    since(case, 31)
    holding.release_left_behind()
    assert re.search(
        rf"Inget ändrades: ärendet släpptes {CLOCK}, eftersom ingen arbetade i det\.", said(page.press("Släpp ärendet"))
    )
    assert re.fullmatch(
        rf"Ärendet släpptes {CLOCK}, eftersom ingen arbetade i det\.", banner(colleagues_desk.case(case))
    )


@pytest.mark.django_db(transaction=True)
def test_a_holder_who_comes_back_at_the_same_instant_keeps_it(left, colleague):
    """Their page says so, and is not stored yet, when the sweep comes to the case."""
    case = left(31)
    presence.note(colleague, case)
    since(case, 31)
    with transaction.atomic():
        presence.note(colleague, case)
        assert in_another_connection(holding.release_left_behind).result(timeout=30) == 0
    assert holding.release_left_behind() == 0
    assert has_it(case) == colleague


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("opened_before", [True, False])
def test_a_holder_who_opens_it_while_it_is_being_released_waits_for_nobody_and_is_told(opened_before, left, colleague):
    case = left(31)
    if opened_before:
        presence.note(colleague, case)
        since(case, 31)
    with transaction.atomic():
        assert holding.release_left_behind() == 1
        opened = in_another_connection(lambda: desk_of(colleague).case(case)).result(timeout=30)
    version = re.search(r'"version": "(\w+)"', opened.html)[1]
    asked = desk_of(colleague).open(f"/cases/{case.pk}/live/?version={version}")
    assert re.fullmatch(rf"Ärendet släpptes {CLOCK}, eftersom ingen arbetade i det\.", banner(asked))


@pytest.mark.django_db(transaction=True)
def test_a_holder_who_acts_at_the_same_instant_keeps_it(left, colleague):
    case = left(31)
    with transaction.atomic():
        acts.record_attempt(case, reached=True, by=colleague)
        assert in_another_connection(holding.release_left_behind).result(timeout=30) == 0
    assert holding.release_left_behind() == 0
    assert has_it(case) == colleague


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_release_each_case_once(left, book, colleague):
    cases = [left(31)]
    for _ in range(5):
        cases.append(book())
        acts.take(cases[-1], by=colleague)
        since(cases[-1], 31)
    sweeps = [in_another_connection(holding.release_left_behind) for _ in range(3)]
    assert sum(sweep.result(timeout=30) for sweep in sweeps) + holding.release_left_behind() == 6
    assert CaseEvent.objects.filter(kind="left").count() == 6


def test_more_than_a_batch_are_all_released(left, book, colleague, monkeypatch):
    monkeypatch.setattr(holding, "BATCH", 2)
    left(31)
    for _ in range(4):
        case = book()
        acts.take(case, by=colleague)
        since(case, 31)
    assert holding.release_left_behind() == 5
    assert not Case.objects.filter(assignee__isnull=False).exists()


# All of one's own ----------------------------------------------------------------------------------------------------


def test_all_of_ones_own_are_released_at_the_end_of_a_shift(book, desk, nurse, colleague):
    mine, theirs = [book() for _ in range(3)], book()
    for case in mine:
        acts.take(case, by=nurse)
    acts.take(theirs, by=colleague)
    page = desk.work_list().press("Släpp alla mina ärenden (3)")
    assert said(page) == "3 ärenden är släppta."
    assert "Släpp alla mina ärenden" not in page.text
    assert [has_it(case) for case in (*mine, theirs)] == [None, None, None, colleague]
    assert told(mine[0])[-1] == "Släppte ärendet."
    noted = AccessEntry.objects.filter(act=AccessEntry.Act.CHANGE, user=nurse).values_list("case_id", flat=True)
    assert sorted(noted) == sorted(case.pk for case in mine)


def test_those_with_a_call_without_result_stay_and_are_told_of(book, desk, nurse):
    called, free = book(), book()
    for case in (called, free):
        acts.take(case, by=nurse)
    Case.objects.filter(pk=called.pk).update(call_began_at=database_now())
    page = desk.work_list().press("Släpp alla mina ärenden (2)")
    assert said(page).splitlines() == [
        "1 ärende är släppt.",
        "1 ärende har ett samtal utan resultat och släpptes inte.",
    ]
    assert [has_it(case) for case in (called, free)] == [nurse, None]


def test_the_same_press_again_says_that_there_are_none(case, desk, nurse):
    acts.take(case, by=nurse)
    page = desk.work_list()
    page.press("Släpp alla mina ärenden (1)")
    assert said(page.press("Släpp alla mina ärenden (1)")) == "Du har inga ärenden att släppa."


def test_a_case_in_a_queue_that_one_has_left_is_not_ones_own_any_more(case, desk, nurse, queue):
    acts.take(case, by=nurse)
    page = desk.work_list()
    Membership.objects.filter(user=nurse, queue=queue).delete()
    page.press("Släpp alla mina ärenden (1)")
    assert has_it(case) == nurse
