"""Promise 12, the reviewer's side: a sample of the access log is drawn, read, judged and closed (Loggkontroll)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.access_log import Act
from access.models import AccessEntry
from administration.log_review import reviews, rules, telling
from administration.log_review.rules import Period
from administration.log_review.sample import draw
from administration.models import LogReview, LogReviewInterval, ReviewedEntry
from cases.models import ClosedDay, TelephoneHours
from teleq.changes import Change
from teleq.models import CareProvider, Membership, ProviderRole, Queue, User
from tests.administration.forms import text_of
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.fixtures.admin import with_role
from tests.teleq.test_promise_12_every_look import a_log_that_takes_nothing

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

REVIEWS = "/admin/log-reviews/"
PERSON = "191212121212"
OTHER, THIRD = "+46701740606", "+46701740607"
Rule = LogReview.Rule
MONDAY, SATURDAY = date(2026, 11, 23), date(2026, 11, 21)
EPIPHANY = date(2026, 1, 6)
"""A Tuesday, and a public holiday."""


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(hour, minute)))


@pytest.fixture
def looked(nurse, queue) -> Callable[..., AccessEntry]:
    """Somebody has opened a case; a moment ago, unless said otherwise."""

    def look(user: User | None = nurse, place: Queue = queue, **columns) -> AccessEntry:
        values = {"act": Act.VIEW, "phone_number": MOBILE, "at": timezone.now(), "roles": "Medarbetare", **columns}
        return AccessEntry.objects.create(user=user, queue=place, care_provider=place.care_provider, **values)

    return look


@pytest.fixture
def find(care_provider, log_reviewer) -> Callable[..., dict[int, str]]:
    """All that a rule finds in these days, by the entry's id, with why."""

    def found(rule: Rule, first: date | None = None, last: date | None = None, **options) -> dict[int, str]:
        today = timezone.localdate()
        period = Period(first or today - timedelta(days=1), last or first or today)
        options = {"with_lists": False, "reviewer": log_reviewer, **options}
        return {each.entry_id: each.because for each in draw(rules.find(rule, care_provider, period, **options), 1000)}

    return found


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def reviewer(log_reviewer) -> Client:
    return browser(log_reviewer)


@pytest.fixture
def second(make_user, care_provider) -> Client:
    """Another Loggranskare's browser."""
    return browser(with_role(make_user("lisa", "Lisa", "Logg"), care_provider, ProviderRole.LOG_REVIEWER))


def begin(client: Client, **chosen) -> Any:
    today = timezone.localdate()
    press = client.get(REVIEWS).context["begin"]["press"].value()
    data = {"rule": Rule.RANDOM, "since": today - timedelta(days=1), "until": today, "size": 10, "press": press}
    return client.post(REVIEWS, {**data, **chosen})


@pytest.fixture
def begun(reviewer, looked) -> str:
    """The address of a review of three looks."""
    for number in (MOBILE, OTHER, THIRD):
        looked(phone_number=number, had_case=True)
    address: str = begin(reviewer)["Location"]
    return address


def shown(page: Any) -> dict[str, str]:
    """What a browser would post if the review were saved as it is shown."""
    posted = {}
    for form in [page.context["whole"], *(row["form"] for row in page.context["rows"] if row["form"])]:
        for field in form:
            posted[field.html_name] = posted[field.html_initial_name] = field.value() or ""
    return posted


def save(client: Client, address: str, changed: dict[str, str]) -> Any:
    return client.post(address, {**shown(client.get(address)), **changed})


def outcome(place: int, judged: ReviewedEntry.Outcome, note: str = "") -> dict[str, str]:
    return {f"entry-{place}-outcome": judged, f"entry-{place}-note": note}


JUSTIFIED, UNCLEAR, UNJUSTIFIED = ReviewedEntry.Outcome
ALL_JUSTIFIED = outcome(1, JUSTIFIED) | outcome(2, JUSTIFIED) | outcome(3, JUSTIFIED)
CLOSE = {"whole-outcome": LogReview.Outcome.NOTHING, "close": "1"}


def stored() -> list[tuple[str, str]]:
    return list(ReviewedEntry.objects.order_by("place").values_list("outcome", "note"))


# From sample to outcome ----------------------------------------------------------------------------------------------


def test_a_review_goes_from_sample_to_outcome_and_says_when_the_next_is_due(reviewer, begun, log_reviewer):
    LogReviewInterval.objects.create(care_provider=log_reviewer.provider_roles.get().care_provider, days=30)
    said = text_of(reviewer.get(begun))
    assert said.count("Anna Lind, Medarbetare i VC Spindeln Rådgivning, öppnade ärendet för") == 3
    assert "0 av 3 bedömda." in said
    answer = save(reviewer, begun, outcome(1, JUSTIFIED) | outcome(3, UNCLEAR, "Fråga") | {"save": "3"})
    assert answer["Location"] == f"{begun}#entry-3"
    assert "2 av 3 bedömda." in text_of(reviewer.get(begun))
    action = {"whole-outcome": LogReview.Outcome.TO_FOLLOW_UP, "whole-action": "Samtal med Anna."}
    assert save(reviewer, begun, outcome(2, UNJUSTIFIED, "Granne") | action | {"close": "1"}).status_code == 302
    assert stored() == [(JUSTIFIED, ""), (UNJUSTIFIED, "Granne"), (UNCLEAR, "Fråga")]
    review = LogReview.objects.get()
    assert (review.outcome, review.action, review.closed_by) == ("to_follow_up", "Samtal med Anna.", log_reviewer)
    said = text_of(reviewer.get(begun))
    due = timezone.localdate() + timedelta(days=30)
    assert f"Nästa loggkontroll senast {due.day} " in said
    assert "Samtal med Anna." in said
    assert "Spara" not in said


def test_the_sample_stays_as_it_was_drawn_and_another_reviewer_may_take_it_up(reviewer, second, begun, looked):
    looked(phone_number="+46701740699")
    page = second.get(begun)
    assert len(page.context["rows"]) == 3
    assert "070-174 06 99" not in text_of(page)
    assert save(second, begun, outcome(1, JUSTIFIED)).status_code == 302
    assert ReviewedEntry.objects.get(place=1).decided_by.username == "lisa"


@pytest.mark.parametrize(
    ("judged", "whole", "why"),
    [
        ({}, "", "Välj ett resultat"),
        (outcome(1, JUSTIFIED), "nothing", "2 av 3 åtkomster är inte bedömda."),
        ({**ALL_JUSTIFIED, **outcome(2, UNCLEAR)}, "nothing", "resultatet kan inte vara Inget att anmärka"),
        (ALL_JUSTIFIED, "to_follow_up", "Skriv under Åtgärd vad som görs"),
        ({}, "broken_off", "Skriv under Åtgärd varför den avbryts"),
    ],
)
def test_it_is_not_closed_before_it_is_done_and_nothing_typed_is_lost(judged, whole, why, reviewer, begun):
    answer = save(reviewer, begun, {**judged, "whole-outcome": whole, "close": "1"})
    assert answer.status_code == 422
    assert why in text_of(answer)
    assert LogReview.objects.get().closed_at is None
    assert {outcome for outcome, _ in stored()} == {""}
    typed = shown(answer)
    assert {name: typed[name] for name in judged} == judged
    assert typed["whole-outcome"] == whole


def test_unjustified_says_why(reviewer, begun):
    answer = save(reviewer, begun, outcome(2, UNJUSTIFIED))
    assert answer.status_code == 422
    assert "Skriv varför åtkomsten är obefogad." in text_of(answer)


def test_one_that_is_broken_off_does_not_count_as_done(reviewer, begun, care_provider):
    broken_off = {"whole-outcome": LogReview.Outcome.BROKEN_OFF, "whole-action": "Fel period.", "close": "1"}
    assert save(reviewer, begun, broken_off).status_code == 302
    [due] = reviews.dues(CareProvider.objects.filter(pk=care_provider.pk))
    assert due.last is None


def test_the_same_press_draws_one_sample(reviewer, looked):
    looked()
    press = "5f0d1f3e-6d4a-4c3c-9d0e-0d0b1f9f9a12"
    assert begin(reviewer, press=press)["Location"] == begin(reviewer, press=press)["Location"]
    assert (LogReview.objects.count(), ReviewedEntry.objects.count()) == (1, 1)


def test_where_the_rule_finds_nothing_no_review_is_begun(reviewer, looked):
    looked(had_case=True)
    answer = begin(reviewer, rule=Rule.NO_CASE)
    assert answer.status_code == 422
    assert "Regeln hittade ingenting i perioden." in text_of(answer)
    assert not LogReview.objects.exists()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"since": ""}, "Välj en dag."),
        ({"until": "i går"}, "Skriv en dag."),
        ({"since": "2020-01-01"}, "högst tre månader bort"),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "Välj samma dag som den första eller en senare"),
        ({"until": "2999-01-01"}, "Dagen har inte varit än."),
    ],
)
def test_a_period_that_is_none_is_told_of(chosen, said, reviewer, looked):
    looked()
    answer = begin(reviewer, **chosen)
    assert answer.status_code == 422
    assert said in text_of(answer)


# Promise 11 ----------------------------------------------------------------------------------------------------------


def test_promise_11_what_another_reviewer_judged_meanwhile_is_not_undone(reviewer, second, begun):
    left_open = shown(reviewer.get(begun))
    save(second, begun, outcome(1, UNJUSTIFIED, "Granne"))
    answer = reviewer.post(begun, {**left_open, **outcome(2, JUSTIFIED)})
    assert answer.status_code == 302
    assert stored() == [(UNJUSTIFIED, "Granne"), (JUSTIFIED, ""), ("", "")]


def test_promise_11_what_both_judged_stops_the_save_and_says_what_stands(reviewer, second, begun):
    left_open = shown(reviewer.get(begun))
    save(second, begun, outcome(1, UNJUSTIFIED, "Granne"))
    answer = reviewer.post(begun, {**left_open, **outcome(1, JUSTIFIED), **outcome(2, JUSTIFIED)})
    assert answer.status_code == 409
    assert "Ändrat av Lisa Logg till Obefogad. Du angav Befogad. Ingenting är sparat." in text_of(answer)
    assert stored() == [(UNJUSTIFIED, "Granne"), ("", ""), ("", "")]
    assert reviewer.post(begun, {**shown_again(answer)}).status_code == 302
    assert stored()[0][0] == JUSTIFIED


def shown_again(page: Any) -> dict[str, str]:
    """What a browser would post of a page that came back, with what it says that stands."""
    posted = {}
    for form in [page.context["whole"], *(row["form"] for row in page.context["rows"])]:
        for field in form:
            posted[field.html_name] = field.value() or ""
            posted[field.html_initial_name] = form.data.get(field.html_initial_name, "")
    return posted


def test_promise_11_a_page_left_open_does_not_change_what_was_closed(reviewer, second, begun):
    left_open = shown(reviewer.get(begun))
    assert save(second, begun, ALL_JUSTIFIED | CLOSE).status_code == 302
    answer = reviewer.post(begun, {**left_open, **outcome(1, UNCLEAR)})
    assert answer.status_code == 409
    assert "Lisa Logg har avslutat loggkontrollen. Ingenting sparades" in text_of(answer)
    assert stored()[0][0] == JUSTIFIED


@pytest.mark.django_db(transaction=True)
def test_promise_11_who_saves_while_another_closes_changes_nothing(reviewer, begun, log_reviewer):
    pressed = {**shown(reviewer.get(begun)), **outcome(1, UNCLEAR)}
    review = LogReview.objects.get()
    with transaction.atomic():
        broken_off = {"outcome": Change("", "broken_off"), "action": Change("", "Fel period.")}
        reviews.save(review, broken_off, {}, by=log_reviewer, closing=True)
        answer = in_another_connection(lambda: reviewer.post(begun, pressed))
        wait_until_a_connection_waits_for_a_lock()
    assert answer.result(20).status_code == 409
    assert stored()[0][0] == ""


@pytest.mark.django_db(transaction=True)
def test_promise_11_of_two_who_judge_at_the_same_moment_the_second_is_told(reviewer, begun, second):
    pressed = {**shown(reviewer.get(begun)), **outcome(1, UNCLEAR)}
    review, lisa = LogReview.objects.get(), User.objects.get(username="lisa")
    with transaction.atomic():
        judged = {review.entries.get(place=1).pk: {"outcome": Change("", JUSTIFIED)}}
        reviews.save(review, {}, judged, by=lisa)
        answer = in_another_connection(lambda: reviewer.post(begun, pressed))
        wait_until_a_connection_waits_for_a_lock()
    assert answer.result(20).status_code == 409
    assert "Ändrat av Lisa Logg till Befogad." in text_of(answer.result())
    assert stored()[0][0] == JUSTIFIED


@pytest.mark.django_db(transaction=True)
def test_a_press_that_arrives_twice_at_the_same_moment_draws_one_sample(log_reviewer, care_provider, looked):
    looked()
    today, press = timezone.localdate(), uuid4()

    def drawn() -> int:
        chosen = {"rule": Rule.RANDOM, "since": today - timedelta(days=1), "until": today, "size": 10}
        review = LogReview(care_provider=care_provider, made_by=log_reviewer, press=press, **chosen)
        begun = reviews.begin(review)
        assert begun is not None
        return begun.pk

    with transaction.atomic():
        first = drawn()
        again = in_another_connection(drawn)
        wait_until_a_connection_waits_for_a_lock()
    assert again.result(20) == first
    assert ReviewedEntry.objects.count() == 1


# What is on record ---------------------------------------------------------------------------------------------------


def test_that_the_sample_was_read_is_in_the_access_log_itself_and_within_the_hour_once(reviewer, begun, log_reviewer):
    for _ in range(3):
        reviewer.get(begun)
    noted = AccessEntry.objects.filter(act=Act.REVIEW)
    assert sorted(noted.values_list("phone_number", flat=True)) == [MOBILE, OTHER, THIRD]
    assert {(entry.user, entry.roles) for entry in noted} == {(log_reviewer, "Loggranskare")}


def test_a_patient_who_is_in_the_sample_twice_is_noted_once(reviewer, looked):
    for act in (Act.VIEW, Act.CHANGE):
        looked(act=act, person=PERSON, case_id=7, had_case=True)
    begun = begin(reviewer)["Location"]
    save(reviewer, begun, outcome(2, UNJUSTIFIED))
    save(reviewer, begun, outcome(1, JUSTIFIED))
    reviewer.get(begun)
    assert AccessEntry.objects.filter(act=Act.REVIEW).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_sample_or_an_extract_that_can_not_be_noted_shows_nothing(reviewer, begun):
    with a_log_that_takes_nothing():
        answers = [reviewer.get(begun), reviewer.post("/admin/log-extract/", {"query": MOBILE})]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert not any("174 06" in text_of(answer) for answer in answers)
    assert reviewer.get(begun).status_code == 200


def test_every_state_of_an_outcome_is_kept(reviewer, begun, log_reviewer):
    save(reviewer, begun, outcome(1, UNCLEAR, "Fråga"))
    save(reviewer, begun, outcome(1, JUSTIFIED, "Vikarie"))
    history = ReviewedEntry.pgh_event_model.objects.filter(place=1).order_by("pgh_id")  # type: ignore[attr-defined]
    states = list(history.values_list("outcome", "note", "decided_by"))
    assert states == [("", "", None), (UNCLEAR, "Fråga", log_reviewer.pk), (JUSTIFIED, "Vikarie", log_reviewer.pk)]


@pytest.mark.parametrize(
    "act",
    [
        "DELETE FROM administration_logreview",
        "DELETE FROM administration_reviewedentry",
        "TRUNCATE administration_reviewedentry",
        "UPDATE administration_reviewedentry SET entry_id = 1",
        "UPDATE administration_logreview SET rule = 'refused'",
        "UPDATE administration_reviewedentryevent SET note = 'x'",
        "DELETE FROM administration_logreviewevent",
        "UPDATE administration_logreview SET action = 'x' WHERE closed_at IS NOT NULL",
    ],
)
def test_the_database_keeps_what_was_drawn_and_closed(act, reviewer, begun):
    save(reviewer, begun, ALL_JUSTIFIED | CLOSE)
    with pytest.raises((InternalError, ProgrammingError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(act)


# What is read --------------------------------------------------------------------------------------------------------


def test_an_entry_is_told_in_words(looked, queue):
    entry = looked(at=at(date(2026, 11, 26), 10, 41), address="10.0.0.7", person=PERSON, had_case=True, protected=True)
    assert telling.sentences(entry) == [
        "Anna Lind, Medarbetare i VC Spindeln Rådgivning, öppnade ärendet för 070-174 06 05 (personnummer"
        " 19121212-1212) torsdag 26 november 2026 10.41 från 10.0.0.7.",
        "Patienten hade ett ärende i kön.",
        "Patienten hade skyddade personuppgifter.",
    ]


def test_what_a_telephone_system_was_refused_is_told_too(queue):
    entry = AccessEntry.objects.create(
        intake_key_id=1,
        intake_key_name="Växeln",
        act=Act.REFUSED,
        care_provider=queue.care_provider,
        case_id=7,
        at=at(MONDAY, 9),
        why="Ärende",
    )
    assert telling.sentences(entry) == [
        "Telefonsystem: Växeln, hos Vårdgivare 1, nekades åtkomst till ärende 7 måndag 23 november 2026 09.00.",
        "Gällde: Ärende.",
    ]


@pytest.mark.parametrize("act", Act)
def test_every_act_has_words(act, looked):
    told = telling.sentences(looked(act=act))[0]
    assert "070-174 06 05" in told
    assert "Anna Lind, Medarbetare i VC Spindeln Rådgivning, " in told


def test_beside_it_stands_what_the_user_did_with_the_patient_that_day(reviewer, looked, colleague, log_reviewer):
    now = timezone.now()
    looked(person=PERSON, act=Act.CHANGE, phone_number=OTHER, at=now)
    looked(person=PERSON, at=now)
    looked(phone_number=THIRD, at=now)
    looked(colleague, person=PERSON, at=now)
    looked(person=PERSON, at=now - timedelta(days=2))
    begin(reviewer)
    review = LogReview.objects.get()
    around = {
        (read.entry.user.username, read.entry.phone_number): [other.act for other in read.same_day]
        for read in reviews.read(review, by=log_reviewer)
    }
    assert around == {
        ("anna", OTHER): [Act.VIEW],
        ("anna", MOBILE): [Act.CHANGE],
        ("anna", THIRD): [],
        ("karim", MOBILE): [],
    }


def test_a_sample_of_any_size_is_a_fixed_number_of_queries(reviewer, looked):
    def queries(size: int) -> int:
        address = begin(reviewer, size=size)["Location"]
        reviewer.get(address)  # noted: from here on it is the same for both
        with CaptureQueriesContext(connection) as made:
            assert len(reviewer.get(address).context["rows"]) == size
        return len(made)

    for number in range(50):
        looked(phone_number=f"+467017406{number + 10}")
    assert queries(10) == queries(50)


# Whose it is ---------------------------------------------------------------------------------------------------------


def test_promise_9_another_care_providers_log_is_in_no_sample(reviewer, looked, other_queue, outsider):
    looked()
    looked(outsider, other_queue, phone_number=OTHER)
    page = reviewer.get(begin(reviewer)["Location"])
    assert len(page.context["rows"]) == 1
    assert "070-174 06 06" not in text_of(page)


def test_promise_9_another_care_providers_review_is_not_found_and_that_is_noted(
    begun, make_user, other_care_provider, reviewer
):
    stranger = with_role(make_user("olga", "Olga", "Annan"), other_care_provider, ProviderRole.LOG_REVIEWER)
    client = browser(stranger)
    assert client.get(begun).status_code == 404
    assert client.post(begun, ALL_JUSTIFIED | CLOSE).status_code == 404
    assert LogReview.objects.get().closed_at is None
    assert AccessEntry.objects.filter(user=stranger, act=Act.REFUSED, why="Loggkontroll").exists()
    assert "Ingen är påbörjad." in text_of(client.get(REVIEWS))


def test_nobody_judges_what_they_did_themselves(reviewer, second, log_reviewer, looked):
    looked()
    own = looked(log_reviewer, phone_number=OTHER, act=Act.LOG_EXTRACT)
    assert len(reviewer.get(begin(reviewer)["Location"]).context["rows"]) == 1
    begun = begin(second)["Location"]
    place = ReviewedEntry.objects.get(entry_id=own.pk).place
    page = reviewer.get(begun)
    assert "Din egen åtkomst: den bedömer en annan Loggranskare." in text_of(page)
    reviewer.post(begun, {**shown(page), **outcome(place, JUSTIFIED)})
    assert ReviewedEntry.objects.get(entry_id=own.pk).outcome == ""
    assert save(second, begun, outcome(place, JUSTIFIED)).status_code == 302
    assert ReviewedEntry.objects.get(entry_id=own.pk).outcome == JUSTIFIED


def test_the_care_providers_administrator_sees_when_and_with_what_result_and_no_patient(
    reviewer, begun, provider_administrator
):
    followed_up = {"whole-outcome": LogReview.Outcome.TO_FOLLOW_UP, "whole-action": "Samtal.", "close": "1"}
    save(reviewer, begun, ALL_JUSTIFIED | followed_up)
    office = browser(provider_administrator)
    said = text_of(office.get(REVIEWS))
    assert "Behöver följas upp" in said
    assert "Samtal." in said
    assert "070-174 06" not in said
    assert office.get(begun).status_code == 403
    assert office.post(REVIEWS, {"rule": "random"}).status_code == 403


# When the next is due ------------------------------------------------------------------------------------------------


def test_its_administrator_chooses_how_often_and_both_are_told_when_it_is_late(
    provider_administrator, reviewer, care_provider, operator
):
    office = browser(provider_administrator)
    name = f"interval-{care_provider.pk}-days"
    answer = office.post(REVIEWS, {name: 30, f"initial-{name}": 0, "interval": care_provider.pk})
    assert answer.status_code == 302
    due = timezone.localdate() + timedelta(days=30)
    assert f"Nästa loggkontroll senast {due.day} " in text_of(reviewer.get(REVIEWS))
    late = "Loggkontroll hos Vårdgivare 1 skulle ha gjorts senast"
    assert late not in text_of(reviewer.get("/admin/"))
    LogReviewInterval.objects.update(chosen_at=timezone.now() - timedelta(days=31))
    for client in (reviewer, office):
        assert late in text_of(client.get("/admin/"))
    assert late not in text_of(browser(operator).get("/admin/"))


def test_the_day_that_it_is_due_is_not_late_and_a_review_moves_it(reviewer, begun, care_provider):
    interval = LogReviewInterval.objects.create(care_provider=care_provider, days=30)
    for days, late in ((30, False), (31, True)):
        LogReviewInterval.objects.filter(pk=interval.pk).update(chosen_at=timezone.now() - timedelta(days=days))
        [due] = reviews.dues(CareProvider.objects.filter(pk=care_provider.pk))
        assert due.overdue == late
    save(reviewer, begun, ALL_JUSTIFIED | CLOSE)
    [due] = reviews.dues(CareProvider.objects.filter(pk=care_provider.pk))
    assert (due.by, due.overdue) == (timezone.localdate() + timedelta(days=30), False)


def test_promise_11_how_often_is_not_changed_back_by_a_page_left_open(provider_administrator, care_provider):
    office = browser(provider_administrator)
    name = f"interval-{care_provider.pk}-days"
    office.post(REVIEWS, {name: 30, f"initial-{name}": 0, "interval": care_provider.pk})
    answer = office.post(REVIEWS, {name: 90, f"initial-{name}": 0, "interval": care_provider.pk})
    assert answer.status_code == 409
    assert "Ändrat av Vera Vik till var trettionde dag. Du angav var nittionde dag." in text_of(answer)
    assert LogReviewInterval.objects.get().days == 30


# What the rules find -------------------------------------------------------------------------------------------------


def test_at_random_leaves_out_lists_refusals_and_telephone_systems(find, looked, queue):
    opened = looked()
    for act in (*AccessEntry.SHOWN, Act.REFUSED):
        looked(act=act)
    looked(None, act=Act.API_READ, intake_key_id=1, intake_key_name="Växeln")
    assert set(find(Rule.RANDOM)) == {opened.pk}
    assert len(find(Rule.RANDOM, with_lists=True)) == 1 + len(AccessEntry.SHOWN)


@pytest.mark.parametrize(
    ("name", "is_found"),
    [
        ("Ove Lind", True),
        ("Lind, Ove", True),
        ("LIND Ove", True),
        ("Ove Lindberg", False),
        ("Ove Björklind", False),
        ("Ove Lind-Berg", False),
        ("", False),
    ],
)
def test_a_patient_of_the_users_own_surname(name, is_found, find, looked, book):
    entry = looked(case_id=book(name=name).pk)
    assert set(find(Rule.SURNAME)) == ({entry.pk} if is_found else set())


def test_letters_that_are_not_english_are_as_good(find, looked, book, nurse):
    User.objects.filter(pk=nurse.pk).update(last_name="Öberg")
    entry = looked(case_id=book(name="Ove ÖBERG").pk)  # the first letter as O and its dots
    assert set(find(Rule.SURNAME)) == {entry.pk}


@pytest.mark.parametrize(
    ("name", "is_found"), [("Karim Noor", True), ("noor, karim", True), ("Karim Ali Noor", True), ("Sara Noor", False)]
)
def test_a_patient_of_a_colleagues_name(name, is_found, find, looked, book, colleague):
    case = book(name=name)
    entry = looked(case_id=case.pk)
    looked(colleague, case_id=case.pk)  # his own: that is the other rule's
    found = find(Rule.COLLEAGUE)
    assert found == ({entry.pk: "Patienten heter som Karim Noor."} if is_found else {})


def test_promise_9_whoever_works_for_another_care_provider_only_is_no_colleague(find, looked, book, outsider):
    looked(case_id=book(name="Olle Ute").pk)
    assert find(Rule.COLLEAGUE) == {}


def test_many_patients_in_a_day_are_at_least_twenty_and_twice_the_usual(find, looked, colleague, make_user):
    def patients(user: User, day: date, count: int) -> list[AccessEntry]:
        return [looked(user, at=at(day, 10), phone_number=f"+4670174{1000 + number}") for number in range(count)]

    days = [MONDAY + timedelta(days=number) for number in range(-4, 1)]
    for day in days[:4]:
        patients(colleague, day, 12)
    many = patients(colleague, MONDAY, 24)
    patients(make_user("few", "Få", "Patienter"), MONDAY, 19)
    found = find(Rule.MANY_PATIENTS, days[0], MONDAY)
    assert set(found) == {entry.pk for entry in many}
    assert set(found.values()) == {"24 patienter den dagen. En vanlig dag i perioden: 12."}


def test_the_same_patient_often_is_one_patient(find, looked):
    for _ in range(40):
        looked(at=at(MONDAY, 10))
    assert find(Rule.MANY_PATIENTS, MONDAY) == {}


@pytest.mark.parametrize(
    ("day", "hour", "minute", "outside"),
    [
        (MONDAY, 5, 59, True),
        (MONDAY, 6, 0, False),
        (MONDAY, 19, 59, False),
        (MONDAY, 20, 0, True),
        (SATURDAY, 12, 0, True),
        (EPIPHANY, 12, 0, True),
    ],
)
def test_outside_working_hours_where_the_queue_has_no_telephone_hours(day, hour, minute, outside, find, looked):
    entry = looked(at=at(day, hour, minute))
    assert set(find(Rule.OUTSIDE_HOURS, day)) == ({entry.pk} if outside else set())


@pytest.mark.parametrize(
    ("day", "hour", "minute", "outside"),
    [
        (MONDAY, 7, 59, True),
        (MONDAY, 8, 0, False),
        (MONDAY, 15, 59, False),
        (MONDAY, 16, 0, True),
        (SATURDAY, 21, 0, False),
        (MONDAY - timedelta(days=6), 9, 0, True),
        (MONDAY - timedelta(days=7), 9, 0, True),
    ],
)
def test_where_it_has_they_decide(day, hour, minute, outside, find, looked, queue):
    """Mondays eight to four, and Saturday nights; closed on the Monday a week before."""
    TelephoneHours.objects.create(queue=queue, weekday=0, opens=time(8), closes=time(16))
    TelephoneHours.objects.create(queue=queue, weekday=5, opens=time(20), closes=time(23))
    ClosedDay.objects.create(queue=queue, day=MONDAY - timedelta(days=7))
    entry = looked(at=at(day, hour, minute))
    assert set(find(Rule.OUTSIDE_HOURS, day)) == ({entry.pk} if outside else set())


def test_the_hours_are_stockholms_on_both_sides_of_the_change(find, looked):
    winter, summer = date(2026, 1, 26), date(2026, 6, 15)
    for day in (winter, summer):
        inside = looked(at=at(day, 6))
        assert inside.pk not in find(Rule.OUTSIDE_HOURS, day)


def test_without_a_case_protected_refused_and_in_another_queue(find, looked, nurse, plain_queue):
    plain = looked(had_case=True)
    without, protected = looked(had_case=False), looked(protected=True)
    refused = looked(act=Act.REFUSED, roles="")
    by_key = looked(None, act=Act.REFUSED, intake_key_id=1, intake_key_name="Växeln", roles="")
    elsewhere = looked(place=plain_queue, roles="", why="Patienten ringde fel kö")
    with_role_for_all = looked(roles="Administratör för hela vårdgivaren, Loggranskare")
    assert set(find(Rule.NO_CASE)) == {without.pk}
    assert set(find(Rule.PROTECTED)) == {protected.pk}
    assert set(find(Rule.REFUSED)) == {refused.pk, by_key.pk}
    assert set(find(Rule.OTHER_QUEUE)) == {elsewhere.pk, with_role_for_all.pk}
    assert plain.pk in find(Rule.RANDOM)


def test_a_period_is_whole_days_in_stockholm(find, looked):
    first = looked(at=at(MONDAY, 0))
    last = looked(at=at(MONDAY, 23, 59))
    looked(at=at(MONDAY, 0) - timedelta(minutes=1))
    looked(at=at(MONDAY + timedelta(days=1), 0))
    assert set(find(Rule.RANDOM, MONDAY)) == {first.pk, last.pk}


# Drawing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read_at_most", [1000, 5], ids=["all are read", "by random ids"])
def test_every_entry_is_as_likely_as_any_other(read_at_most, looked, log_reviewer, care_provider, queue, other_queue):
    """Each of 40 is to be in 10 of 40 samples: of 200, in 50, give or take 6.1. Here 35 either way: once in 10^7."""
    mine = []
    for number in range(40):
        mine.append(looked().pk)
        for _ in range(number % 7):  # what is between them is passed over, and makes none likelier
            looked(act=Act.LISTED)
    today = timezone.localdate()
    finding = rules.find(Rule.RANDOM, care_provider, Period(today, today), with_lists=False, reviewer=log_reviewer)
    samples = [draw(finding, 10, read_at_most=read_at_most) for _ in range(200)]
    assert {len({each.entry_id for each in sample}) for sample in samples} == {10}
    drawn = Counter(each.entry_id for sample in samples for each in sample)
    assert set(drawn) == set(mine)
    assert min(drawn.values()) > 15
    assert max(drawn.values()) < 85


def test_a_membership_that_has_ended_is_still_a_colleague(find, looked, book, colleague):
    Membership.objects.filter(user=colleague).update(until=timezone.localdate() - timedelta(days=1))
    entry = looked(case_id=book(name="Karim Noor").pk)
    assert set(find(Rule.COLLEAGUE)) == {entry.pk}
