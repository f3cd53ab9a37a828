"""Reservrutin: each queue's open callbacks as a page that the care provider alone can open, when teleQ is down.

What stands in a list is told by the nurse's own work list, which must say the same.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pyrage
import pytest
from django.db import DatabaseError, connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access import access_log
from access.access_log import Act, Look
from access.models import AccessEntry
from administration import reserve
from administration.models import ReserveKey, WrittenReserveList
from administration.tasks import write_reserve_lists
from cases.models import Case, Priority, Status
from consent.models import Answer
from teleq.models import CareProvider, Queue, User
from tests.administration.forms import text_of
from tests.cases.protecting import mark
from tests.conftest import MOBILE
from tests.database_roles import as_owner, past_the_triggers

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/reserve/"
OTHER = "+46701740606"
PERSON = "201505054385"
QUARTER = timedelta(minutes=15)


@pytest.fixture
def private() -> pyrage.x25519.Identity:
    """What the care provider keeps, and teleQ never has."""
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def folder(tmp_path: Path, settings: SimpleNamespace) -> Path:
    settings.RESERVE_FOLDER = str(tmp_path)
    return tmp_path


@pytest.fixture
def chosen(care_provider: CareProvider, provider_administrator: User, private: pyrage.x25519.Identity) -> None:
    """The care provider has chosen its key."""
    choose(care_provider, private, provider_administrator)


def choose(provider: CareProvider, private: pyrage.x25519.Identity, by: User) -> None:
    reserve.choose(provider, [str(private.to_public())], by=by, seen=0)


def a_quarter_goes_by() -> None:
    WrittenReserveList.objects.update(written_at=F("written_at") - QUARTER)
    write_reserve_lists()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def of(queue: Queue, folder: Path) -> Path:
    """The queue's latest file."""
    [*_, latest] = sorted(folder.glob(f"*/*-{queue.pk}_*.html.age"), key=lambda path: path.stat().st_mtime)
    return latest


def opened(path: Path, private: pyrage.x25519.Identity) -> str:
    return pyrage.decrypt(path.read_bytes(), [private]).decode()


def words(page: str) -> str:
    """As it is read: without marks and style."""
    text = re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    return re.sub(r"\s+", " ", unescape(text))


@pytest.fixture
def berit(book: Callable[..., Case], say: Callable[..., object], nurse: User) -> Case:
    say(Answer.NO)
    return book(
        reason="Hosta i tre veckor",
        personal_identity_number=PERSON,
        interpreter_language="arabiska",
        speak_with="läkare",
        priority=Priority.URGENT,
        attempts=1,
        assignee=nurse,
        status=Status.ONGOING,
        taken_at=timezone.now(),
    )


# What stands in it ---------------------------------------------------------------------------------------------------


def test_the_file_opens_with_the_private_key_and_shows_what_the_work_list_shows(
    berit, book, queue, folder, chosen, private, desk
):
    late = timezone.localtime() - timedelta(minutes=20)
    book(name="", phone_number=OTHER, callback_at=late)
    write_reserve_lists()
    page = words(opened(of(queue, folder), private))
    is_today = late.date() == timezone.localdate()  # it is not where the test is run shortly after midnight
    for told in (
        *("Berit Testsson", "070-174 06 05", "Hosta i tre veckor", "Tolk: arabiska", "Önskar tala med: läkare"),
        *("20150505-4385", "Brådskande", "Pågår – Anna", "1 av 3", "Nej", "Namn saknas", "070-174 06 06", "Försenade"),
        *(
            "20 min försenad" if is_today else "från igår",
            "Ej valt",
            "2 öppna återuppringningar",
            "Anteckna vem som har läst listan",
        ),
    ):
        assert told in page
    listed = words(desk.client.get("/").content.decode())
    order = re.findall("Berit Testsson|Namn saknas", listed)
    assert order == ["Namn saknas", "Berit Testsson"]
    assert re.findall("Berit Testsson|Namn saknas", page) == order


def test_it_says_when_it_was_taken_out(berit, queue, folder, chosen, private):
    write_reserve_lists()
    at = timezone.localtime(WrittenReserveList.objects.get(queue=queue).written_at)
    assert f"Uttaget {at:%H.%M}" in words(opened(of(queue, folder), private))


def test_what_is_closed_and_what_is_another_queues_is_not_in_it(
    berit, book, queue, plain_queue, folder, chosen, private
):
    book(name="Klar Testsson", phone_number=OTHER, status=Status.DONE)
    book(name="Annan Kö", phone_number=OTHER, queue=plain_queue)
    write_reserve_lists()
    page = opened(of(queue, folder), private)
    assert "Berit Testsson" in page
    assert "Klar Testsson" not in page
    assert "Annan Kö" not in page
    assert "Annan Kö" in opened(of(plain_queue, folder), private)


def test_a_patient_with_protected_personal_data_is_marked_and_nothing_is_told_of_them(
    berit, nurse, queue, folder, chosen, private
):
    mark(berit, nurse)
    write_reserve_lists()
    page = words(opened(of(queue, folder), private))
    assert "Skyddade personuppgifter" in page
    for hidden in ("Berit", "070-174 06 05", "Hosta", "arabiska", "läkare", "20150505"):
        assert hidden not in page


def test_what_patients_have_written_is_text_and_nothing_else(book, queue, folder, chosen, private):
    book(name="<script>alert(1)</script>", reason="<img src=x>")
    write_reserve_lists()
    page = opened(of(queue, folder), private)
    assert "<script" not in page
    assert "<img" not in page


def test_the_file_asks_nothing_of_any_network(berit, queue, folder, chosen, private):
    write_reserve_lists()
    assert re.findall(r"(?:href|src|url|@import)\s*[=(]", opened(of(queue, folder), private)) == []


def test_an_empty_queue_has_a_list_that_says_so(queue, folder, chosen, private):
    write_reserve_lists()
    assert "Kön hade inga öppna återuppringningar." in opened(of(queue, folder), private)


# Who can read it -----------------------------------------------------------------------------------------------------


def test_nothing_is_readable_without_the_key(berit, queue, folder, chosen):
    write_reserve_lists()
    for path in files(folder):
        assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
        for word in (b"Berit", b"0701740605", b"701740605", b"Hosta", b"20150505"):
            assert word not in path.read_bytes()
        assert "Berit" not in str(path)


def test_another_care_providers_key_opens_none_of_it(
    berit, other_queue, folder, chosen, private, other_care_provider, other_provider_administrator, queue
):
    others = pyrage.x25519.Identity.generate()
    choose(other_care_provider, others, other_provider_administrator)
    write_reserve_lists()
    with pytest.raises(pyrage.DecryptError):
        opened(of(queue, folder), others)
    with pytest.raises(pyrage.DecryptError):
        opened(of(other_queue, folder), private)
    assert "Kön hade inga" in opened(of(other_queue, folder), others)


def test_each_of_several_keys_opens_it(berit, queue, folder, care_provider, provider_administrator):
    pair = [pyrage.x25519.Identity.generate() for _ in range(2)]
    reserve.choose(care_provider, [str(each.to_public()) for each in pair], by=provider_administrator, seen=0)
    write_reserve_lists()
    assert ["Berit" in opened(of(queue, folder), each) for each in pair] == [True, True]


def test_without_a_key_nothing_is_written(berit, queue, other_queue, folder):
    write_reserve_lists()
    assert files(folder) == []
    assert not AccessEntry.objects.filter(act="reserve").exists()


def test_a_key_that_is_removed_ends_the_lists(berit, queue, folder, chosen, care_provider, provider_administrator):
    write_reserve_lists()
    before = files(folder)
    reserve.choose(care_provider, [], by=provider_administrator, seen=ReserveKey.objects.get().pk)
    a_quarter_goes_by()
    assert files(folder) == before


def test_only_the_owner_of_the_process_may_read_files_and_folders(berit, folder, chosen):
    write_reserve_lists()
    for path in files(folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


# On record -----------------------------------------------------------------------------------------------------------


def entries(**columns) -> list[tuple[int | None, str]]:
    found = AccessEntry.objects.filter(act="reserve", **columns).order_by("id")
    return [(entry.case_id, entry.why) for entry in found]


def test_each_list_is_on_record_with_its_queue_and_how_many_and_each_patient_once_a_day(
    berit, book, queue, folder, chosen
):
    write_reserve_lists()
    assert entries(queue=queue) == [(None, "Reservlista, antal ärenden: 1"), (berit.pk, "")]
    later = book(phone_number=OTHER)
    a_quarter_goes_by()
    a_quarter_goes_by()
    assert entries(queue=queue)[2:] == [
        *((None, "Reservlista, antal ärenden: 2"), (later.pk, "")),
        (None, "Reservlista, antal ärenden: 2"),
    ]
    entry = AccessEntry.objects.get(case_id=berit.pk, act="reserve")
    assert (entry.user, entry.who, entry.person, entry.phone_number) == (None, "teleQ", PERSON, MOBILE)


def test_a_patient_who_gets_another_number_is_noted_with_that_too(berit, queue, folder, chosen):
    write_reserve_lists()
    Case.objects.filter(pk=berit.pk).update(phone_number=OTHER)
    a_quarter_goes_by()
    assert [entry.phone_number for entry in AccessEntry.objects.filter(case_id=berit.pk, act="reserve")] == [
        MOBILE,
        OTHER,
    ]


def test_only_a_reserve_list_is_on_record_without_anybody(queue, care_provider):
    with pytest.raises(access_log.NotNoted):
        access_log.note_all(None, [Look(Act.VIEW, care_provider.pk, queue.pk)])


def test_a_list_that_can_not_be_noted_is_not_written(berit, folder, chosen, monkeypatch):
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("REVOKE INSERT ON access_accessentry FROM teleq_product")
    with pytest.raises(DatabaseError):
        write_reserve_lists()
    assert files(folder) == []


# The folder ----------------------------------------------------------------------------------------------------------


def test_a_list_is_there_whole_or_not_at_all(folder):
    path = folder / "a"
    reserve.put_in_place(path, b"first")
    held = path.open("rb")  # by somebody who copies it just now
    reserve.put_in_place(path, b"second")
    assert (held.read(), path.read_bytes(), files(folder)) == (b"first", b"second", [path])
    held.close()


def test_a_list_that_can_not_be_put_in_place_leaves_nothing_behind(folder):
    (folder / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        reserve.put_in_place(folder / "taken", b"list")
    assert files(folder) == []


def test_files_a_day_old_are_removed_and_nothing_else(berit, queue, folder, chosen):
    write_reserve_lists()
    old, begun, others = of(queue, folder), of(queue, folder).parent / ".reserve-x1", folder / "annat" / "viktigt.txt"
    others.parent.mkdir()
    for path in (begun, others):
        path.write_text("x")
    newer = old.with_name(old.name.replace("-" + str(queue.pk), "-9999"))
    newer.write_bytes(b"x")
    for path, hours in ((old, 24.1), (begun, 24.1), (others, 24.1), (newer, 23.9)):
        at = time.time() - hours * 3600
        os.utime(path, (at, at))
    reserve.remove_old(folder)
    assert not old.exists()
    assert not begun.exists()
    assert others.exists()
    assert newer.exists()


def broken(folder: Path, settings: SimpleNamespace, provider: CareProvider, how: str) -> None:
    if how == "a file in its place":
        (folder / f"{reserve.slugify(str(provider))}-{provider.pk}").write_text("x")
    elif how == "gone":
        settings.RESERVE_FOLDER = str(folder / "gone")
    else:
        settings.RESERVE_FOLDER = ""


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("a file in its place", "Något annat gick fel. Det står i driftens logg."),
        ("gone", "Mappen finns inte, eller är inte vald."),
        ("not chosen", "Mappen finns inte, eller är inte vald."),
    ],
)
def test_what_can_not_be_written_is_one_line_in_the_log_and_stands_in_admin(
    how,
    told,
    berit,
    plain_queue,
    folder,
    chosen,
    settings,
    care_provider,
    logged,
    client,
    operator,
    provider_administrator,
):
    broken(folder, settings, care_provider, how)
    write_reserve_lists()
    [line] = [line for line in logged.getvalue().splitlines() if "Reserve lists" in line]
    assert line.startswith("ERROR administration.reserve Reserve lists: 2 of 2 not written: ")
    for who in (operator, provider_administrator):
        client.force_login(who)
        assert "har inte skrivits sedan idag" in text_of(client.get("/admin/"))
        assert told in text_of(client.get("/admin/"))
        assert told in text_of(client.get(ADDRESS))


def test_a_full_disk_is_told_as_one(berit, queue, folder, chosen):
    """The kernel's own: writing to /dev/full fails as writing to a full disk does."""
    with pytest.raises(OSError, match="No space") as full, Path("/dev/full").open("wb", buffering=0) as disk:
        disk.write(b"x")
    assert reserve.problem_of(full.value).label == "Disken är full."


def test_one_care_providers_trouble_is_not_anothers(
    berit,
    folder,
    chosen,
    care_provider,
    other_queue,
    other_care_provider,
    other_provider_administrator,
    settings,
    client,
):
    others = pyrage.x25519.Identity.generate()
    choose(other_care_provider, others, other_provider_administrator)
    broken(folder, settings, care_provider, "a file in its place")
    write_reserve_lists()
    assert "Kön hade inga" in opened(of(other_queue, folder), others)
    client.force_login(other_provider_administrator)
    assert "har inte skrivits" not in text_of(client.get("/admin/"))


def test_trouble_that_is_over_is_told_of_no_more(berit, queue, folder, chosen, settings, client, operator):
    settings.RESERVE_FOLDER = ""
    write_reserve_lists()
    settings.RESERVE_FOLDER = str(folder)
    write_reserve_lists()
    client.force_login(operator)
    assert "har inte skrivits" not in text_of(client.get("/admin/"))
    assert of(queue, folder).exists()


def test_lists_that_nobody_writes_any_more_are_told_of(berit, folder, chosen, client, operator):
    write_reserve_lists()
    WrittenReserveList.objects.update(written_at=F("written_at") - timedelta(minutes=41))
    with past_the_triggers():
        ReserveKey.objects.update(chosen_at=F("chosen_at") - timedelta(days=1))
    client.force_login(operator)
    assert "Ingen skriver dem." in text_of(client.get("/admin/"))


# How often, and what it costs ----------------------------------------------------------------------------------------


def test_runs_that_piled_up_write_one_list(berit, queue, folder, chosen):
    for _ in range(3):
        write_reserve_lists()
    assert entries(case_id=None, queue=queue) == [(None, "Reservlista, antal ärenden: 1")]


def test_a_queues_list_costs_as_many_queries_however_many_cases_it_has(queue, folder, chosen, book, nurse):
    def counted() -> int:
        with CaptureQueriesContext(connection) as queries:
            a_quarter_goes_by()
        return len(queries)

    book()
    a_quarter_goes_by()
    first = counted()
    for number in range(607, 627):
        book(phone_number=f"+46701740{number}", assignee=nurse, status=Status.ONGOING, taken_at=timezone.now())
    assert counted() == first


# Admin ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def vera(client: Client, provider_administrator: User) -> Client:
    client.force_login(provider_administrator)
    return client


def form(provider: CareProvider, keys: str, seen: int | str = "", **more: str) -> dict[str, object]:
    return {"care_provider": provider.pk, "keys": keys, "seen": seen, **more}


def test_the_care_providers_administrator_chooses_the_key_and_the_page_keeps_who_chose_which(
    vera, care_provider, private, queue
):
    assert "Ingen nyckel är vald. Inga listor skrivs." in text_of(vera.get(ADDRESS))
    public = str(private.to_public())
    page = vera.post(ADDRESS, form(care_provider, f" {public} \n"), follow=True)
    assert "Nyckeln är sparad." in text_of(page)
    first = ReserveKey.objects.get()
    another = str(pyrage.x25519.Identity.generate().to_public())
    page = vera.post(ADDRESS, form(care_provider, another, first.pk), follow=True)
    text = text_of(page)
    assert text.index("Nycklar som har valts") < text.rindex(another) < text.rindex(public)
    assert "Vera Vik" in text
    page = vera.post(ADDRESS, form(care_provider, another, ReserveKey.objects.first().pk, remove="1"), follow=True)
    assert "Nyckeln är borttagen. Inga fler listor skrivs." in text_of(page)
    assert "Ingen nyckel är vald." in text_of(page)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "Skriv den publika nyckeln."),
        ("age1qqqq", "”age1qqqq” är ingen publik nyckel från age."),
        ("ssh-ed25519 AAAA", "”ssh-ed25519” är ingen publik nyckel från age."),
    ],
)
def test_what_is_no_public_key_is_refused_and_what_was_typed_is_kept(typed, told, vera, care_provider):
    page = vera.post(ADDRESS, form(care_provider, typed))
    assert page.status_code == 422
    assert told in text_of(page)
    assert typed in page.content.decode()
    assert not ReserveKey.objects.exists()


def test_a_private_key_is_refused_and_not_sent_back(vera, care_provider, private):
    page = vera.post(ADDRESS, form(care_provider, str(private)))
    assert "Det här är en privat nyckel" in text_of(page)
    assert str(private) not in page.content.decode()


def test_a_page_that_was_left_open_undoes_no_later_choice(vera, care_provider, chosen, private):
    page = vera.post(ADDRESS, form(care_provider, str(pyrage.x25519.Identity.generate().to_public())), follow=True)
    assert "Någon annan har ändrat nyckeln." in text_of(page)
    assert ReserveKey.objects.get().keys == str(private.to_public())


def test_the_operator_sees_how_it_stands_and_can_choose_no_key(client, operator, care_provider, chosen, queue):
    client.force_login(operator)
    page = client.get(ADDRESS)
    assert care_provider.name in text_of(page)
    assert 'name="keys"' not in page.content.decode()
    key = str(pyrage.x25519.Identity.generate().to_public())
    assert client.post(ADDRESS, form(care_provider, key, ReserveKey.objects.get().pk)).status_code == 404
    assert ReserveKey.objects.count() == 1


def test_another_care_providers_administrator_sees_and_chooses_nothing(
    client, other_provider_administrator, care_provider, chosen, private
):
    client.force_login(other_provider_administrator)
    assert care_provider.name not in text_of(client.get(ADDRESS))
    assert client.post(ADDRESS, form(care_provider, str(private.to_public()))).status_code == 404


def test_an_administrator_of_a_queue_only_does_not_get_there(office):
    assert office.get(ADDRESS).status_code == 403


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_product_can_neither_change_nor_remove_what_was_chosen(act, chosen):
    keys = ReserveKey.objects.all()
    with pytest.raises(DatabaseError, match="permission denied"):
        keys.update(keys="") if act == "update" else keys.delete()
