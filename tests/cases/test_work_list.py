"""The work list: what is shown, in which order, and how it is filtered."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cases import callbacks, work_list
from cases.models import Case, Note, Presence, Status
from cases.work_list import reading
from consent.models import Answer
from sms.models import StandardText
from teleq.clock import database_now
from teleq.swedish import clock
from tests.cases.desk import OTHER_MOBILE
from tests.conftest import LANDLINE, MOBILE

PERSONNUMMER = "191212121212"


@pytest.fixture
def in_minutes(book):
    """Cases booked that many minutes from now, called after them."""

    def booked(*minutes: int, **columns):
        now = timezone.now()
        return [book(name=f"M{each}", callback_at=now + timedelta(minutes=each), **columns) for each in minutes]

    return booked


def names(page) -> list[str]:
    return [next(word for word in row.split() if word[0] == "M") for row in page.rows]


# Order and overdue ---------------------------------------------------------------------------------------------------


def test_cases_are_listed_by_their_time_whatever_their_queue(in_minutes, plain_queue, desk):
    in_minutes(30, 10)
    in_minutes(20, -5, queue=plain_queue)
    assert names(desk.work_list()) == ["M-5", "M10", "M20", "M30"]


def test_an_overdue_case_is_marked_in_words(in_minutes, desk):
    late, _ = in_minutes(-5, 5)
    overdue, in_time = desk.work_list().rows
    is_today = timezone.localdate(late.callback_at) == timezone.localdate()  # not shortly after midnight
    assert (" 5 min försenad " if is_today else "från igår") in overdue
    assert "försenad" not in in_time


def test_the_case_view_says_it_too(in_minutes, desk):
    overdue, in_time = in_minutes(-5, 5)
    assert "Försenad" in desk.case(overdue).text
    assert "Försenad" not in desk.case(in_time).text
    assert "Försenad" not in desk.case(overdue).press("Ej nådd").text


def test_a_closed_case_is_not_overdue(in_minutes, desk):
    [case] = in_minutes(-5)
    desk.case(case).press("Ej nådd")
    [row] = desk.work_list("?status=all").rows
    assert "Försenad" not in row


def test_a_row_has_time_number_patient_queue_status_and_attempts(book, desk, queue):
    at = timezone.localtime() + timedelta(days=1)
    case = book(callback_at=at, reason="Recept")
    desk.case(case).press("Inget svar", next_at="").press("Ta ärendet")
    [row] = desk.work_list().rows
    assert row.startswith(
        f"imorgon {at:%H.%M} 070-174 06 05 Berit Testsson Recept {queue.name} Pågår – Anna Lind 1 av 3"
    )


def test_a_name_with_markup_is_shown_as_text(book, desk):
    book(name="<script>alert(1)</script>")
    assert "<script>alert" not in desk.work_list().html


# Filters -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_of_each(in_minutes, colleague) -> None:
    for minute, status in enumerate(Status.values, start=1):
        [case] = in_minutes(minute)
        has_it = colleague if status == Status.ONGOING else None
        Case.objects.filter(pk=case.pk).update(status=status, assignee=has_it, taken_at=has_it and database_now())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["M1", "M2", "M3"]),
        ("?status=open", ["M1", "M2", "M3"]),
        ("?status=waiting", ["M1"]),
        ("?status=ongoing", ["M2"]),
        ("?status=no_answer", ["M3"]),
        ("?status=done", ["M4"]),
        ("?status=cancelled", ["M5"]),
        ("?status=all", ["M5", "M4", "M3", "M2", "M1"]),  # the latest first, where closed ones are among them
    ],
)
@pytest.mark.usefixtures("one_of_each")
def test_the_list_is_filtered_by_status(query, found, desk):
    page = desk.work_list(query)
    assert names(page) == found
    assert page.typed("status", beside="Visa") == (query.removeprefix("?status=") or "open")


def test_the_list_is_filtered_by_queue_and_keeps_the_queue_when_the_status_is_chosen(
    in_minutes, desk, queue, plain_queue
):
    in_minutes(1)
    in_minutes(2, queue=plain_queue)
    page = desk.work_list(f"?queue={plain_queue.pk}")
    assert names(page) == ["M2"]
    assert names(page.press("Visa", status="all")) == ["M2"]
    assert names(desk.work_list(f"?queue={queue.pk}")) == ["M1"]


def test_anothers_queue_in_the_address_reads_as_all_of_ones_own(in_minutes, desk, other_queue):
    in_minutes(1)
    in_minutes(2, queue=other_queue)
    page = desk.work_list(f"?queue={other_queue.pk}")
    assert names(page) == ["M1"]
    assert 'aria-current="true"><bdi>Alla köer' in page.html
    assert f'name="queue" value="{other_queue.pk}"' not in page.html


def test_the_tabs_count_each_queues_open_cases(in_minutes, desk, queue, plain_queue):
    in_minutes(1, 2)
    [closed] = in_minutes(3, queue=plain_queue)
    desk.case(closed).press("Ej nådd")
    text = desk.work_list(f"?queue={queue.pk}&status=done").text
    assert "Alla köer 2 öppna" in text
    assert f"{queue} 2 öppna" in text
    assert f"{plain_queue} 0 öppna" in text


@pytest.mark.parametrize(
    "query",
    [
        "?status=banana",
        "?status=",
        "?status=open%00",
        "?queue=x",
        "?queue=",
        "?queue=-1",
        "?queue=²",
        "?queue=9" + "9" * 30,
        "?queue=1%00",
        "?page=x",
        "?page=0",
        "?page=-1",
        "?page=" + "9" * 5000,
        "?page=%00",
        "?other=1",
    ],
    ids=lambda query: query[:20],
)
@pytest.mark.usefixtures("one_of_each")
def test_what_is_unknown_in_the_address_reads_as_the_default(query, desk):
    page = desk.work_list(query)
    assert (page.status, names(page)) == (200, ["M1", "M2", "M3"])


def test_the_list_comes_fifty_at_a_time_and_keeps_its_filter(in_minutes, desk, queue):
    in_minutes(*range(1, 52))
    first = desk.work_list(f"?queue={queue.pk}&status=waiting")
    assert names(first) == [f"M{minute}" for minute in range(1, 51)]
    assert "Sida 1 av 2" in first.text
    [to_next] = [link for link in first.links if "page=2" in link]
    assert f"queue={queue.pk}" in to_next
    assert "status=waiting" in to_next
    assert names(desk.open(to_next)) == ["M51"]
    assert names(desk.work_list("?page=99")) == ["M51"]


# Consent in the list -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "where_on", "where_off"), [("yes", "Ja", "–"), ("no", "Nej", "Nej"), ("unset", "Ej valt", "–")]
)
def test_each_row_shows_its_numbers_answer_and_where_the_function_is_off_only_a_nej(
    answer, where_on, where_off, in_minutes, plain_queue, desk, say
):
    say(Answer.YES if answer == "no" else Answer.NO)
    say(Answer(answer))
    say(Answer.YES, OTHER_MOBILE)
    in_minutes(1)
    in_minutes(2, queue=plain_queue)
    in_minutes(3, phone_number=OTHER_MOBILE)
    in_minutes(4, phone_number=LANDLINE)
    shown = [row.split("av 3 ")[1] for row in desk.work_list().rows]
    assert shown == [where_on, where_off, "Ja", "Ej valt Fråga patienten"]


def test_a_lapsed_answer_reads_as_ej_valt_and_where_the_function_is_off_as_nothing(
    in_minutes, plain_queue, desk, lapsed
):
    lapsed(Answer.NO)
    in_minutes(1)
    in_minutes(2, queue=plain_queue)
    assert [row.split("av 3 ")[1] for row in desk.work_list().rows] == ["Ej valt Fråga patienten", "–"]


def test_who_has_not_answered_is_to_be_asked_in_the_list_the_search_and_the_case_view(case, desk):
    for page in (desk.work_list(), desk.work_list().press("Sök", query=MOBILE)):
        [row] = page.rows
        assert "Ej valt Fråga patienten" in row
    assert "Inget svar är sparat för numret. Fråga patienten." in desk.case(case).text


def test_who_has_chosen_ej_valt_has_answered(case, desk, say):
    say(Answer.YES)
    say(Answer.UNSET)
    assert [row.split("av 3 ")[1] for row in desk.work_list().rows] == ["Ej valt"]
    assert "Fråga patienten" not in desk.case(case).text


def test_nobody_is_asked_in_a_case_that_is_closed(case, desk):
    desk.case(case).press("Ej nådd")
    [row] = desk.work_list("?status=all").rows
    assert row.endswith(" Ej valt")


# Several on a number -------------------------------------------------------------------------------------------------

MORE = "Fler ärenden på samma nummer"


def marked(page) -> list[str]:
    return [name for name, row in zip(names(page), page.rows, strict=True) if MORE in row]


def test_open_cases_of_one_number_say_so_whichever_queue_is_shown(in_minutes, desk, queue, plain_queue):
    in_minutes(1)
    in_minutes(2, queue=plain_queue)
    in_minutes(3, phone_number=OTHER_MOBILE)
    assert marked(desk.work_list()) == ["M1", "M2"]
    assert marked(desk.work_list(f"?queue={queue.pk}")) == ["M1"]
    assert marked(desk.work_list().press("Sök", query=MOBILE)) == ["M2", "M1"]


def test_the_case_view_leads_to_the_others_with_time_name_and_queue(in_minutes, desk, plain_queue):
    case, other = in_minutes(1, 2)
    [nameless] = in_minutes(3, queue=plain_queue)
    Case.objects.filter(pk=nameless.pk).update(name="")
    page = desk.case(case)
    assert f"{MORE} M2 {clock(other.callback_at)}, {other.queue}" in page.text
    assert f"Namn saknas {clock(nameless.callback_at)}, {plain_queue}" in page.text
    for each in (other, nameless):
        assert reverse("cases:case", args=[each.pk]) in page.links
    assert MORE in desk.case(other).text


def test_a_closed_case_is_not_one_of_several(in_minutes, desk):
    case, closed = in_minutes(1, 2)
    desk.case(closed).press("Ej nådd")
    page = desk.work_list("?status=all")
    assert (names(page), marked(page)) == (["M2", "M1"], [])
    assert MORE not in desk.case(case).text


def test_a_number_alone_says_nothing(case, desk, book):
    book(phone_number=OTHER_MOBILE, a_number=MOBILE)
    assert MORE not in desk.work_list().text
    assert MORE not in desk.case(case).text


def test_another_number_shows_that_numbers_others(in_minutes, desk):
    [case] = in_minutes(1)
    in_minutes(2, phone_number=OTHER_MOBILE)
    after = desk.case(case).press("Spara numret", phone_number="070-174 06 06")
    assert f"{MORE} M2" in after.text


def test_of_very_many_the_first_ten_are_shown(in_minutes, desk):
    case, *others = in_minutes(*range(1, 13))
    page = desk.case(case)
    shown = [other for other in others if reverse("cases:case", args=[other.pk]) in page.links]
    assert shown == others[:10]
    assert "Det finns fler. Sök på numret för att se alla." in page.text


# Nothing personal where it would be kept -----------------------------------------------------------------------------


def test_neither_titles_nor_addresses_tell_of_patients(book, desk):
    case = book(personal_identity_number=PERSONNUMMER, reason="Recept", a_number=LANDLINE)
    after_search = desk.work_list().press("Sök", query=MOBILE)
    not_found = desk.work_list().press("Sök", query="070174060699")
    wrong = desk.case(case).press("Spara numret", phone_number="070-174")
    for page in (desk.work_list(), desk.case(case), after_search, not_found, wrong, desk.case(case).press("Ej nådd")):
        assert page.title.endswith("teleQ")
        addresses = [link for link in page.links if not link.startswith("tel:")]
        for told in (*addresses, page.title, page.address):
            for secret in ("Berit", "Testsson", "Recept", "1740", "46500", "1212"):
                assert secret not in told


def test_no_browser_or_proxy_keeps_a_page(case, desk):
    for address in ("/", reverse("cases:case", args=[case.pk])):
        assert "no-store" in desk.client.get(address).headers["Cache-Control"]


def test_a_search_can_not_be_asked_for_in_an_address(desk):
    assert desk.open(reverse("cases:search") + "?query=0701740605").status == 405


# Queries -------------------------------------------------------------------------------------------------------------


def queries(desk, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert desk.open(address).status == 200
    return [query["sql"] for query in captured]


def test_of_very_many_the_latest_are_listed_and_the_rest_is_searched_for(in_minutes, desk, monkeypatch):
    for module in (work_list, reading):
        monkeypatch.setattr(module, "LISTED_AT_MOST", 3)
    told = "Det finns fler. Sök på namn, nummer eller personnummer för att hitta dem."
    in_minutes(1, 2)
    assert told not in desk.work_list("?status=all").text
    in_minutes(3, 4)
    page = desk.work_list("?status=all")
    assert names(page) == ["M4", "M3", "M2"]
    assert told in page.text


def test_forty_cases_take_as_many_queries_as_one(in_minutes, desk, say, plain_queue, colleague):
    in_minutes(1)
    once = queries(desk, "/?status=all")
    in_minutes(*range(2, 20))
    for minute in range(20, 41):
        number = f"+467017406{minute}"
        has_it = {"status": Status.ONGOING, "assignee": colleague, "taken_at": database_now()}
        in_minutes(minute, phone_number=number, queue=plain_queue, **has_it)
        say(Answer.NO, number)
    assert len(desk.work_list("?status=all").rows) == 40
    assert len(queries(desk, "/?status=all")) == len(once) <= 13  # one of them asks whether all sending is stopped


def test_a_case_with_a_long_history_takes_as_many_queries_as_a_new_one(
    case, book, desk, say, queue, plain_queue, colleague
):
    address = reverse("cases:case", args=[case.pk])
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Hej!")
    desk.case(case).press("Spara anteckningen", note_text="Ringer igen.")
    Presence.objects.update(seen_at=database_now() + timedelta(hours=1))  # that it is open is written now and then only
    book(queue=plain_queue)  # where the patient has none but this, it takes fewer
    once = queries(desk, address)
    for number in range(40):
        StandardText.objects.create(queue=queue, name=f"text {number}", text="Hej!")
        Note.objects.create(case=case, text="Ringer igen.", author=colleague)
        say(Answer.NO if number % 2 else Answer.YES, renew=True)
        callbacks.send_sms(case, "Hej!", token=str(number), shown=MOBILE, by=colleague)
    for _ in range(3):
        book(queue=plain_queue)
    assert len(queries(desk, address)) == len(once) <= 28  # one of them asks whether all sending is stopped


# There and back ------------------------------------------------------------------------------------------------------


def test_a_case_leads_back_to_the_same_place_in_the_same_list_whatever_is_done_in_it(in_minutes, desk, queue):
    *_, last = in_minutes(*range(1, 52))
    chosen = f"?queue={queue.pk}&status=waiting&page=2"
    [to_case] = [link for link in desk.work_list(chosen).links if f"/cases/{last.pk}/" in link]
    page = desk.open(to_case)
    back = f"{reverse('cases:work_list')}{chosen}#case-{last.pk}"
    assert back in page.links
    for press, typed in (
        ("Inget svar", {}),
        ("Spara uppgifterna", {"reason": "Recept"}),
        ("Spara numret", {"phone_number": "070-174 06 06"}),
        ("Spara anteckningen", {"note_text": "Ringer igen."}),
        ("Skicka SMS", {"text": "Hej"}),
        ("Råd givet", {}),
    ):
        page = page.press(press, by_hand=True, **typed)
        assert back in page.links, press


def test_a_case_that_was_not_opened_from_a_list_leads_to_it_in_the_list_as_it_is_by_default(case, desk):
    assert f"{reverse('cases:work_list')}#case-{case.pk}" in desk.case(case).links


def test_what_is_no_choice_is_not_carried_along(case, desk):
    page = desk.open(reverse("cases:case", args=[case.pk]) + "?status=banana&page=0&next=//evil.example")
    assert f"{reverse('cases:work_list')}#case-{case.pk}" in page.links
