"""Finding: one box for number, personnummer and name, and what is kept of a search."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from access.models import AccessEntry
from administration.log_review.telling import sentences
from cases import callbacks, finding, protected
from cases.models import Case, Status
from tests.cases.desk import OTHER_MOBILE, Desk, Page, desk_of
from tests.cases.protecting import mark
from tests.conftest import LANDLINE, MOBILE

PERSONNUMMER, OTHER_PERSON = "191212121212", "201505054385"
TOO_LITTLE = "Skriv minst två bokstäver av namnet, eller tre siffror av numret."
NO_SUCH_NUMBER, NO_SUCH_NAME = "Inget ärende i dina köer har det numret.", "Inget ärende i dina köer har det namnet."


def search(desk: Desk, query: str) -> Page:
    return desk.work_list().press("Sök", query=query)


def patients(page: Page) -> list[str]:
    """Who is found, in order, by the names that the test has given them."""
    return [name for row in page.rows for name in NAMES if name in row]


NAMES = [
    *("Agda Andersson", "Åsa Ek", "Örjan Ek", "Ärla Ek", "Zeb Ek", "anders ek", "Anna-Karin af Ugglas", "André Dahl"),
    *("Berit Testsson", "Cecilia Testsson", "Łukasz Żak", "M-60", "M30", "M60"),
]


@pytest.fixture
def called(book) -> Callable[..., list[Case]]:
    """A case for each of these names, on numbers of their own, each called back an hour after the one before."""

    def booked(*names: str, **columns: object) -> list[Case]:
        now = timezone.now()
        return [
            book(name=name, phone_number=f"+467017406{n + 10}", callback_at=now + timedelta(hours=n + 1), **columns)
            for n, name in enumerate(names)
        ]

    return booked


# By number and personnummer ------------------------------------------------------------------------------------------

WHOLE = [
    *("0701740605", "070-174 06 05", "+46701740605", "+46 (0)70 174 06 05", "0046701740605", " 070-174 06 05\u202c"),
    *("191212121212", "19121212-1212", "121212+1212", "08-465 004 11", "tel:+46701740605"),
]
PARTS = [
    *("070", "0701", "070-174", "(070) 174 06", "0605", "174 06", "174-06", "06 05", "7406", "+46 70", "+46 (0)70-174"),
    *("0046 70", "46701", "tel:070174", "08-465", "08-465 004", "00411", "4650", "０７０１"),
]
BIRTHDAYS = ["19121212", "121212", "1912-12-12", "19121212-", "19121212-12", "121212-12", "121212+12", "191212121"]


@pytest.mark.parametrize("query", [*WHOLE, *PARTS, *BIRTHDAYS])
def test_a_case_is_found_by_number_a_nummer_and_personnummer_whole_or_in_part(query, book, desk):
    book(personal_identity_number=PERSONNUMMER, a_number=LANDLINE)
    book(name="Cecilia Testsson", phone_number="+46735550055", personal_identity_number=OTHER_PERSON)
    page = search(desk, query)
    assert page.status == 200
    assert patients(page) == ["Berit Testsson"]
    assert "1 ärende." in page.text


@pytest.mark.parametrize("query", ["19810829-SU", "810829-SU3A", "19810829 su3", "19810829"])
def test_a_reserve_number_is_found_by_its_beginning(query, book, desk):
    book(personal_identity_number="19810829SU3A")
    assert patients(search(desk, query)) == ["Berit Testsson"]


@pytest.mark.parametrize("query", ["0706", "+457", "606", "05 06", "191213", "1212", "20121212", "19121212-13"])
def test_what_stands_nowhere_in_them_finds_nothing(query, book, desk):
    book(personal_identity_number=PERSONNUMMER)
    page = search(desk, query)
    assert (page.status, page.rows) == (200, [])
    assert NO_SUCH_NUMBER in page.text


def test_a_whole_number_that_is_the_beginning_of_another_finds_both(book, desk):
    book(phone_number="+468465004")
    book(name="Cecilia Testsson", phone_number=LANDLINE)
    assert sorted(patients(search(desk, "08-465 004"))) == ["Berit Testsson", "Cecilia Testsson"]


def test_closed_cases_are_found_too_with_their_outcome_the_latest_first(book, desk):
    now = timezone.now()
    early, *_ = [book(name=f"M{each}", callback_at=now + timedelta(minutes=each)) for each in (-60, 60, 30)]
    desk.case(early).press("Råd givet")
    Case.objects.filter(pk=early.pk).update(outcome="advice")
    page = search(desk, MOBILE)
    assert patients(page) == ["M60", "M30", "M-60"]
    assert "Klart Råd givet" in page.rows[-1]


def test_a_personnummer_that_can_not_be_one_is_said(case, desk):
    assert "Personnumret kan inte stämma. Kontrollera siffrorna." in search(desk, "19121212-1213").text
    assert "Kontrollera siffrorna" not in search(desk, "070-174 06 99").text


@pytest.mark.django_db
@given(st.data())
def test_any_three_digits_or_more_in_a_row_of_a_number_find_it(data):
    digits = "0701740605"
    start = data.draw(st.integers(0, len(digits) - 3))
    part = digits[start : data.draw(st.integers(start + 3, len(digits)))]
    gaps = data.draw(st.lists(st.sampled_from(["", " ", "-"]), min_size=len(part), max_size=len(part)))
    sought = finding.read("".join(gap + digit for gap, digit in zip(gaps, part, strict=True)))
    assert sought
    number = sought.number.as_e164 if sought.number else ""
    assert number == MOBILE or sought.digits in MOBILE or MOBILE.startswith(sought.beginning or "no")


# By name -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("and ag", ["Agda Andersson"]),
        ("AGDA", ["Agda Andersson"]),
        ("andersson, agda", ["Agda Andersson"]),
        ("an", ["Agda Andersson", "anders ek", "André Dahl", "Anna-Karin af Ugglas"]),
        ("ek", ["anders ek", "Zeb Ek", "Åsa Ek", "Ärla Ek", "Örjan Ek"]),
        ("å e", ["Åsa Ek"]),
        ("as", []),
        ("A\u030asa", ["Åsa Ek"]),
        ("åsa\u200b ek", ["Åsa Ek"]),
        ("ån", []),
        ("orjan", []),
        ("ørjan", ["Örjan Ek"]),
        ("andre", ["André Dahl"]),
        ("ándré", ["André Dahl"]),
        ("karin", ["Anna-Karin af Ugglas"]),
        ("anna karin", ["Anna-Karin af Ugglas"]),
        ("lukasz zak", ["Łukasz Żak"]),
        ("gda", []),
        ("agda andersson berg", []),
        ("%a", []),
        ("\\ek", []),
        ("%' OR 1=1 --", []),
    ],
)
def test_the_beginnings_of_words_find_a_name_in_swedish_order(query, found, called, desk):
    called("Örjan Ek", "Zeb Ek", "Åsa Ek", "Agda Andersson", "Ärla Ek", "anders ek", "Anna-Karin af Ugglas")
    called("André Dahl", "Łukasz Żak")
    page = search(desk, query)
    assert page.status == 200
    assert patients(page) == found
    assert found or NO_SUCH_NAME in page.text


def test_a_name_that_was_stored_letter_by_letter_is_found_too(called, desk):
    called("A\u030asa Ek")
    assert len(search(desk, "åsa").rows) == 1
    assert search(desk, "as").rows == []


def test_of_the_same_name_the_latest_is_first(called, desk):
    first, second = called("Zeb Ek", "Zeb Ek")
    page = search(desk, "zeb")
    links = [link for link in page.links if "/cases/" in link and link.split("/")[2].isdigit()]
    assert links == [reverse("cases:case", args=[each.pk]) for each in (second, first)]


def test_of_very_many_the_latest_are_shown_and_that_there_are_more_is_said(called, desk, monkeypatch):
    monkeypatch.setattr(finding, "FOUND_AT_MOST", 2)
    called("anders ek", "Zeb Ek", "Åsa Ek", "Ärla Ek")
    page = search(desk, "ek")
    assert patients(page) == ["Åsa Ek", "Ärla Ek"]
    assert "De 2 senaste ärendena visas. Det finns fler: skriv mer av namnet för att hitta dem." in page.text


# Whom it doesn't find ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["berit", "07017406", "0605", "121212"])
def test_a_patient_with_protected_data_is_not_found_by_a_part(query, book, desk, nurse):
    case = book(personal_identity_number=PERSONNUMMER)
    assert len(search(desk, query).rows) == 1
    mark(case, nurse)
    page = search(desk, query)
    assert page.rows == []
    assert "En patient med skyddade personuppgifter hittas bara på hela telefonnumret eller personnumret." in page.text
    for whole in (MOBILE, PERSONNUMMER):
        [row] = search(desk, whole).rows
        assert "Skyddade personuppgifter" in row
        assert "Berit" not in row
    assert protected.is_protected(case)


@pytest.mark.parametrize("query", ["berit", "0605", "121212", MOBILE, PERSONNUMMER])
def test_nothing_is_found_in_anothers_queue(query, book, desk, outsider):
    book(personal_identity_number=PERSONNUMMER)
    assert len(search(desk, query).rows) == 1
    assert search(desk_of(outsider), query).rows == []


# What can't be searched for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "Skriv ett namn, ett telefonnummer eller ett personnummer."),
        ("07", TOO_LITTLE),
        ("0 7", TOO_LITTLE),
        ("b", TOO_LITTLE),
        ("?!", TOO_LITTLE),
        ("\u202c", TOO_LITTLE),
        ("0701740605\x00", "Null-tecken är inte tillåtna."),
        ("a" * 101, "högst 100 tecken"),
    ],
)
@pytest.mark.parametrize("whence", ["work list", "case"])
def test_what_can_not_be_searched_for_is_said_and_kept(query, message, whence, case, desk):
    page = (desk.work_list() if whence == "work list" else desk.case(case)).press("Sök", query=query)
    assert page.status == 422
    assert message in page.text
    if "\x00" not in query:
        assert page.typed("query", beside="Sök") == query


# What is kept of a search --------------------------------------------------------------------------------------------


def found_at(desk: Desk, query: str) -> str:
    response = desk.client.post(reverse("cases:search"), {"query": query})
    assert response.status_code == 302
    return response["Location"]


def test_the_address_holds_nothing_of_it_and_can_be_opened_again(case, desk):
    address = found_at(desk, "Berit")
    assert "erit" not in address
    for _ in range(2):
        page = desk.open(address)
        assert patients(page) == ["Berit Testsson"]
        assert page.typed("query", beside="Sök") == "Berit"
    assert "Berit" not in page.title


def test_it_shows_what_there_is_now(case, desk, book):
    address = found_at(desk, MOBILE)
    book(name="Cecilia Testsson")
    assert len(desk.open(address).rows) == 2


@pytest.mark.parametrize("whose", ["another session of the nurse's", "a colleague's", "nobody's"])
def test_another_sessions_search_shows_nothing(whose, case, desk, nurse, colleague):
    address = found_at(desk, "Berit") if whose != "nobody's" else reverse("cases:found", args=["x-Y_1234"])
    page = desk_of(colleague if whose == "a colleague's" else nurse).open(address)
    assert page.status == 404
    assert "Sökningen finns inte kvar. Sök igen." in page.text
    assert page.rows == []
    assert "Berit" not in page.html
    assert patients(page.press("Sök", query="Berit")) == ["Berit Testsson"]


def test_the_latest_ten_are_kept_and_the_same_is_kept_once(case, desk):
    first, again = found_at(desk, "Berit"), found_at(desk, "Berit")
    assert first == again
    others = [found_at(desk, f"Berit {n}") for n in range(9)]
    assert desk.open(first).status == 200
    found_at(desk, "Cecilia")
    assert [desk.open(each).status for each in (first, others[0])] == [404, 200]


def test_it_ends_with_the_session(case, nurse):
    client = Client()
    client.force_login(nurse)
    address = client.post(reverse("cases:search"), {"query": "Berit"})["Location"]
    client.post(reverse("account_logout"))
    client.force_login(nurse)
    assert client.get(address).status_code == 404


# On record -----------------------------------------------------------------------------------------------------------


def noted() -> list[tuple[str, str, str, str]]:
    acts = AccessEntry.Act
    entries = AccessEntry.objects.filter(act__in=(acts.SEARCH, acts.HIT)).order_by("id")
    return list(entries.values_list("act", "phone_number", "person", "why"))


def test_a_part_is_noted_as_it_was_typed_and_once_within_the_hour(book, desk):
    book(personal_identity_number=PERSONNUMMER)
    address = found_at(desk, "and ber")
    assert noted() == []
    desk.open(address)
    desk.open(address)
    assert noted() == [("search", "", "", "and ber")]
    desk.open(found_at(desk, "ber"))
    desk.open(found_at(desk, "0605"))
    assert noted()[1:] == [("search", "", "", "ber"), ("hit", MOBILE, PERSONNUMMER, ""), ("search", "", "", "0605")]


def test_a_whole_number_is_noted_as_that(case, desk):
    search(desk, "070-174 06 05")
    assert noted() == [("search", MOBILE, "", ""), ("hit", MOBILE, "", "")]


def test_a_reviewer_reads_what_was_typed(case, desk):
    for query in ("and ber", "0605", "070-174 06 05"):
        search(desk, query)
    searches = AccessEntry.objects.filter(act=AccessEntry.Act.SEARCH).order_by("id")
    [name, part, whole] = [" ".join(sentences(entry)) for entry in searches]
    assert "sökte på ”and ber”" in name
    assert "sökte på ”0605”" in part
    assert "sökte på 070-174 06 05" in whole
    assert "Patienten hade" not in name + part
    assert "Angiven anledning" not in name + part + whole


# Queries -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [MOBILE, "berit", "0605"])
def test_a_search_that_finds_forty_takes_as_many_queries_as_one_that_finds_one(query, book, desk):
    def found() -> int:
        with CaptureQueriesContext(connection) as captured:
            desk.open(address)
        return len(captured)

    book()
    address = found_at(desk, query)
    found()
    once = found()
    for minute in range(2, 41):
        book(callback_at=timezone.now() + timedelta(minutes=minute))
    assert found() == once <= 12


# Tidigare ärenden ----------------------------------------------------------------------------------------------------


def earlier(page: Page) -> str:
    """What the case shows of the patient's earlier cases."""
    if 'id="earlier-heading"' not in page.html:
        return ""
    section = page.html[page.html.index('id="earlier"') :]
    return " ".join(section[: section.index("</section>")].split())


@pytest.fixture
def closed(book, nurse) -> Callable[..., Case]:
    """A case of last week's, that is done."""

    def done(days: int = 7, **columns: object) -> Case:
        case = book(callback_at=timezone.now() - timedelta(days=days), **columns)
        Case.objects.filter(pk=case.pk).update(status=Status.DONE, outcome="booked")
        return case

    return done


def test_a_case_shows_the_patients_earlier_ones_with_outcome(book, closed, desk, plain_queue):
    before = closed(
        personal_identity_number=PERSONNUMMER, phone_number=OTHER_MOBILE, queue=plain_queue, reason="Recept"
    )
    page = desk.case(book(personal_identity_number=PERSONNUMMER))
    told = earlier(page)
    assert reverse("cases:case", args=[before.pk]) in page.links
    assert [word for word in ("Klart", "Tid bokad", plain_queue.name, "Recept") if word not in told] == []
    assert "samma nummer" not in told
    assert "Visa alla" not in told


def test_those_on_the_number_alone_are_marked_and_named(book, closed, desk):
    closed(name="Cecilia Testsson", personal_identity_number=OTHER_PERSON)
    closed(name="Zeb Ek", phone_number=OTHER_MOBILE, a_number=MOBILE)
    told = earlier(desk.case(book(personal_identity_number=PERSONNUMMER)))
    assert told.count("samma nummer") == 2
    assert "Cecilia Testsson" in told
    assert "Zeb Ek" in told


def test_another_open_case_of_the_patient_on_another_number_is_there_too(book, desk):
    book(personal_identity_number=PERSONNUMMER, phone_number=OTHER_MOBILE)
    on_number = book(name="Cecilia Testsson")
    page = desk.case(book(personal_identity_number=PERSONNUMMER))
    assert "Väntar" in earlier(page)
    assert "Cecilia" not in earlier(page)  # under "Fler ärenden på samma nummer"
    assert reverse("cases:case", args=[on_number.pk]) in page.links


def test_two_cases_without_personnummer_are_not_of_the_same_patient(book, closed, desk):
    closed(phone_number=OTHER_MOBILE)
    assert earlier(desk.case(book())) == ""


def test_its_sms_are_told_with_how_the_latest_went(book, closed, desk, say, nurse):
    before = closed(personal_identity_number=PERSONNUMMER)
    callbacks.send_sms(before, "Hej!", token="1", shown=MOBILE, by=nurse)
    told = earlier(desk.case(book(personal_identity_number=PERSONNUMMER)))
    assert "SMS, senast SMS: Samtycke till SMS saknas" in told


def test_five_are_shown_and_all_are_searched_for_by_what_is_not_in_the_address(book, closed, desk):
    for day in range(1, 7):
        closed(day, personal_identity_number=PERSONNUMMER)
    page = desk.case(book(personal_identity_number=PERSONNUMMER))
    assert earlier(page).count("<li>") == 5
    found = page.press("Visa alla tidigare ärenden")
    assert len(found.rows) == 7
    assert found.address.startswith("/cases/found/")
    assert [link for link in page.links if "1212" in link] == []


def test_the_patients_own_stand_before_those_on_the_number(book, closed, desk):
    for day in range(1, 7):
        closed(day, name="Cecilia Testsson")
    own = closed(30, personal_identity_number=PERSONNUMMER)
    page = desk.case(book(personal_identity_number=PERSONNUMMER))
    assert earlier(page).index(reverse("cases:case", args=[own.pk])) < earlier(page).index("samma nummer")
    assert len(page.press("Visa alla tidigare ärenden").rows) == 8  # on the number, as those left out are


def test_somebody_elses_that_is_protected_is_hidden(book, closed, desk, nurse):
    before = closed(
        name="Cecilia Testsson", reason="Recept", personal_identity_number=OTHER_PERSON, phone_number=OTHER_MOBILE
    )
    mark(before, nurse)
    Case.objects.filter(pk=before.pk).update(a_number=MOBILE)
    told = earlier(desk.case(book(personal_identity_number=PERSONNUMMER)))
    assert "Skyddade personuppgifter" in told
    assert "Cecilia" not in told
    assert "Recept" not in told


def test_those_of_anothers_queue_are_not_told_of(book, closed, desk, other_queue):
    closed(personal_identity_number=PERSONNUMMER, queue=other_queue)
    assert earlier(desk.case(book(personal_identity_number=PERSONNUMMER))) == ""


def test_whom_it_shows_is_on_record_as_shown_beside(book, closed, desk):
    before = closed(personal_identity_number=PERSONNUMMER, phone_number=OTHER_MOBILE)
    desk.case(book(personal_identity_number=PERSONNUMMER))
    entry = AccessEntry.objects.get(case_id=before.pk)
    assert (entry.act, entry.person) == (AccessEntry.Act.RELATED, PERSONNUMMER)
