"""Admin > Pågående ärenden: who has cases, and release for those who are absent."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from access.models import AccessEntry
from cases import acts, history, presence
from cases.models import Case
from teleq.clock import database_now
from tests.cases.desk import desk_of

ADDRESS = "/admin/held-cases/"
RELEASE = "Släpp ärendena"


@pytest.fixture
def held(book, colleague) -> list[Case]:
    cases = [book() for _ in range(2)]
    for case in cases:
        acts.take(case, by=colleague)
    Case.objects.filter(pk=cases[0].pk).update(taken_at=database_now() - timedelta(days=1))
    return cases


@pytest.mark.parametrize("who", ["administrator", "provider_administrator"])
def test_it_says_who_has_how_many_in_which_queue_and_since_when_and_no_patient(who, held, request):
    page = desk_of(request.getfixturevalue(who)).open(ADDRESS)
    [row] = page.rows
    assert re.match(r"Karim Noor VC Spindeln Rådgivning 2 igår \d\d\.\d\d", row)
    assert "Arbetar" not in row
    for of_patient in ("Berit", "070-174 06 05", "+46701740605"):
        assert of_patient not in page.html


def test_whoever_works_in_one_now_is_marked(held, administrator, colleague):
    presence.note(colleague, held[0])
    assert "Arbetar i ett ärende nu" in desk_of(administrator).open(ADDRESS).rows[0]


def test_they_are_released_on_record(held, administrator):
    page = desk_of(administrator).open(ADDRESS).press(RELEASE)
    assert "Karim Noor: 2 ärenden är släppta." in page.text
    assert "Ingen har något ärende i dina köer." in page.text
    assert not Case.objects.filter(assignee__isnull=False).exists()
    for case in held:
        entry = history.acts(case)[-1]
        assert (entry.sentence, entry.who) == ("Släppte ärendet.", "Maria Ek")
        assert AccessEntry.objects.filter(act=AccessEntry.Act.CHANGE, user=administrator, case_id=case.pk).count() == 1


def test_whoever_had_them_is_told_in_the_case(held, administrator, colleague):
    desk_of(administrator).open(ADDRESS).press(RELEASE)
    assert re.search(r"Maria Ek släppte ärendet \d\d\.\d\d\.", desk_of(colleague).case(held[0]).text)


def test_a_call_without_result_stays_with_whoever_made_it(held, administrator, colleague):
    Case.objects.filter(pk=held[0].pk).update(call_began_at=database_now())
    page = desk_of(administrator).open(ADDRESS)
    assert "2, varav 1 med ett samtal utan resultat" in page.rows[0]
    page = page.press(RELEASE)
    assert "Karim Noor: 1 ärende är släppt." in page.text
    assert "Karim Noor: 1 ärende har ett samtal utan resultat och släpptes inte." in page.text
    assert list(Case.objects.filter(assignee=colleague)) == [held[0]]


def test_only_what_the_page_showed_is_released(held, book, administrator, colleague):
    page = desk_of(administrator).open(ADDRESS)
    taken_since = book()
    acts.take(taken_since, by=colleague)
    page.press(RELEASE)
    assert list(Case.objects.filter(assignee=colleague)) == [taken_since]


def test_what_is_not_theirs_any_more_stays_with_whoever_has_it(held, administrator, colleague, nurse):
    page = desk_of(administrator).open(ADDRESS)
    for case in held:
        acts.take_over(case, by=nurse)
    assert "Ingenting gjordes: ärendena är inte kvar hos den som hade dem." in page.press(RELEASE).text
    assert Case.objects.filter(assignee=nurse).count() == 2


def test_another_units_administrator_neither_sees_nor_releases_them(held, outsider, colleague, queue):
    desk = desk_of(outsider)
    page = desk.open(ADDRESS)
    assert page.rows == []
    assert "Karim" not in page.html
    cases = " ".join(str(case.pk) for case in held)
    asked = {"queue": queue.pk, "user": colleague.pk, "cases": cases}
    assert desk.client.post(ADDRESS, asked).status_code == 404
    assert Case.objects.filter(assignee=colleague).count() == 2


def test_the_number_of_queries_is_the_same_however_many_hold_cases(
    held, book, office, nurse, administrator, django_assert_max_num_queries
):
    with django_assert_max_num_queries(20):
        office.get(ADDRESS)
    for user in (nurse, administrator):
        for _ in range(5):
            acts.take(book(), by=user)
    with django_assert_max_num_queries(20):
        office.get(ADDRESS)
