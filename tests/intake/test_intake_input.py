"""What the intake API is given that it can't use, and who may not use it: each is told what was wrong."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from cases.models import Case
from consent.models import Consent
from intake.models import IntakeCall, IntakeKey
from tests.cases.desk import OTHER_MOBILE
from tests.conftest import MOBILE, ROOT
from tests.intake.telephone_system import at, connect, keep_open

NUMBER = "Skriv ett giltigt telefonnummer, till exempel 070-174 06 05."
IDENTITY = "Skriv ett giltigt personnummer, samordningsnummer eller reservnummer, till exempel 19121212-1212."
CHARACTERS = "Texten innehåller tecken som inte går att använda, eller är tom."
WITHHELD = "Numret är dolt. Ange det telefonnummer som patienten vill bli uppringd på."
NO_FIELD = "Uppgiften finns inte här."
PASSED, TOO_FAR = "Tiden har redan passerat.", "Tiden är mer än ett år bort."
LIKE = "Skriv dagen som 2026-11-26, och en tid som 2026-11-26T10:30:00+01:00."
TIME = "Skriv tiden som 2026-11-26T10:30:00+01:00."
WITH_ZONE = "Skriv tiden med tidszon, till exempel 2026-11-26T10:30:00+01:00."
NOT_FOUND = {"detail": "Finns inte hos vårdgivaren."}
NO_KEY = {"detail": "Nyckeln saknas eller gäller inte."}
UNREADABLE = {"detail": "Anropet går inte att läsa: skicka JSON."}


@pytest.fixture
def eight(day):
    return at(day, "08:00")


def assert_nothing_was_done():
    assert not Case.objects.exists()
    assert not IntakeCall.objects.exists()


# Numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["0701740605", "070-174 06 05", " 070 174 06 05 ", "+46701740605", "0046701740605", "+46 (0)70-174 06 05"],
)
@pytest.mark.parametrize("field", ["phone_number", "a_number"])
def test_a_number_may_be_written_in_many_ways(field, written, open_queue, eight, telephones):
    assert telephones.book(open_queue, eight, **{"phone_number": MOBILE, field: written}).status == 201
    assert getattr(Case.objects.get(), field).as_e164 == MOBILE


@pytest.mark.parametrize("written", ["08-465 004 11", "+47 22 86 44 00"])
def test_landlines_and_foreign_numbers_can_be_called_back(written, open_queue, eight, telephones):
    assert telephones.book(open_queue, eight, phone_number=written).status == 201


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("070", NUMBER),
        ("070-174 06 0", NUMBER),
        ("070-174 06 05 05 05", NUMBER),
        ("112", NUMBER),
        ("+46", NUMBER),
        ("++++", NUMBER),
        ("+999 123 456", NUMBER),
        ("", CHARACTERS),
        ("070-174 06 05\u202c", CHARACTERS),
        ("070\u00a0174 06 05", CHARACTERS),
        ("070-174 06 05\x00", CHARACTERS),
        ("٠٧٠١٧٤٠٦٠٥", CHARACTERS),
        ("anonymous", CHARACTERS),
        ("tel:+46701740605", CHARACTERS),
        ("0" * 41, "Texten är för lång: högst 40 tecken."),
        (46701740605, "Skriv en text."),
        ([MOBILE], "Skriv en text."),
    ],
)
@pytest.mark.parametrize("field", ["phone_number", "a_number"])
def test_a_number_that_is_none_is_refused(field, written, reason, open_queue, eight, telephones):
    """Where it is the one to call: an A-number beside one costs nothing."""
    answer = telephones.book(open_queue, eight, **{field: written})
    assert (answer.status, answer.reasons) == (422, {field: reason})
    assert_nothing_was_done()


@pytest.mark.parametrize(
    "written",
    [
        *("4711", "070", "112", "123456789012345", "999999999999999", "+999 123 456", "++++", ""),
        *(
            "anonymous",
            "Växeln",
            "sip:4711@10.0.0.1;user=phone",
            "070-174 06 05\u202c",
            "٠٧٠١٧٤٠٦٠٥",
            "\x00",
            "0" * 5000,
        ),
    ],
)
def test_an_a_number_that_can_not_be_read_does_not_cost_the_booking(written, open_queue, eight, telephones):
    answer = telephones.book(open_queue, eight, phone_number=MOBILE, a_number=written)
    assert (answer.status, answer.body["a_number"]) == (201, "unreadable")
    assert (Case.objects.get().phone_number, Case.objects.get().a_number) == (MOBILE, None)


@pytest.mark.parametrize(
    ("said", "told"),
    [({"a_number": "070-174 06 06"}, "taken"), ({"a_number": None}, "withheld"), ({"a_number": "4711"}, "unreadable")],
)
def test_the_answer_says_what_became_of_the_a_number(said, told, open_queue, eight, telephones):
    answers = [telephones.book(open_queue, eight, call_id="a", phone_number=MOBILE, **said) for _ in range(2)]
    assert [(answer.status, answer.body["a_number"]) for answer in answers] == [(201, told), (200, told)]


def test_the_a_number_is_called_where_no_other_was_given(open_queue, eight, telephones):
    telephones.book(open_queue, eight, a_number=MOBILE)
    case = Case.objects.get()
    assert case.phone_number == case.a_number == MOBILE


def test_the_given_number_is_called_where_the_a_number_is_another_or_withheld(open_queue, eight, telephones):
    telephones.book(open_queue, eight, a_number=None, phone_number=OTHER_MOBILE)
    case = Case.objects.get()
    assert (case.phone_number, case.a_number) == (OTHER_MOBILE, None)


@pytest.mark.parametrize("said", [{"a_number": None}, {"a_number": None, "phone_number": None}])
def test_a_withheld_number_without_a_given_one_is_refused_in_clear_words(said, open_queue, eight, telephones):
    answer = telephones.book(open_queue, eight, **said)
    assert (answer.status, answer.reasons) == (422, {"phone_number": WITHHELD})
    assert_nothing_was_done()


# Personnummer --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("19121212-1212", "191212121212"),
        ("191212121212", "191212121212"),
        ("121212+1212", "191212121212"),
        ("19701063-2391", "197010632391"),  # a samordningsnummer: the day and 60
        (None, ""),
    ],
)
def test_a_personnummer_or_samordningsnummer_is_stored_with_twelve_digits(
    written, stored, open_queue, eight, telephones
):
    assert telephones.book(open_queue, eight, personal_identity_number=written).status == 201
    assert Case.objects.get().personal_identity_number == stored


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("19121212-1213", IDENTITY),
        ("19701063-2392", IDENTITY),
        ("19121232-1212", IDENTITY),
        ("121212", IDENTITY),
        ("1" * 13, IDENTITY),
        ("", CHARACTERS),
        ("19121212 1212", CHARACTERS),
        ("١٩١٢١٢١٢-١٢١٢", CHARACTERS),
        ("19121212-1212\x00", "Texten är för lång: högst 13 tecken."),
        (191212121212, "Skriv en text."),
    ],
)
def test_a_wrong_one_is_refused(written, reason, open_queue, eight, telephones):
    answer = telephones.book(open_queue, eight, personal_identity_number=written)
    assert (answer.status, answer.reasons) == (422, {"personal_identity_number": reason})
    assert_nothing_was_done()


# Times ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def times():
    now = timezone.now()
    return {
        "a second ago": (now - timedelta(seconds=1)).isoformat(),
        "366 days and a minute": (now + timedelta(days=366, minutes=1)).isoformat(),
    }


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("a second ago", PASSED),
        ("0001-01-01T00:00:00+23:59", PASSED),
        ("366 days and a minute", TOO_FAR),
        ("9999-12-31T23:59:59-23:59", TOO_FAR),
        ("2099-01-01T08:00:00", WITH_ZONE),
        ("2099-01-01", WITH_ZONE),
        ("2099-13-01T08:00:00Z", TIME),
        ("2099-01-01T25:00:00Z", TIME),
        ("2099-01-01T08:00:00Europe/Stockholm", TIME),
        ("i morgon", LIKE),
        ("", LIKE),
        ("4070908800", LIKE),
        (4070908800, LIKE),
        (None, LIKE),
    ],
)
@pytest.mark.parametrize("act", ["book", "move"])
def test_a_time_that_is_none_is_refused(act, written, reason, times, open_queue, eight, telephones, book):
    written = times.get(written, written)
    if act == "book":
        answer = telephones.book(open_queue, eight, callback_at=written)
    else:
        answer = telephones.post(f"/callbacks/{book().pk}/move", {"callback_at": written})
    assert (answer.status, answer.reasons) == (422, {"callback_at": reason})


@pytest.mark.parametrize(
    ("query", "reasons"),
    [
        ({"first": "1900000000"}, {"first": LIKE}),
        ({"first": ""}, {"first": LIKE}),
        ({"first": "2026-02-30"}, {"first": "Skriv dagen som 2026-11-26."}),
        ({"first": "2026-11-26T10:30:00"}, {"first": "Skriv dagen som 2026-11-26."}),
        ({"first": "9999-12-31"}, {"first": "Dagen är mer än ett år bort."}),
        ({"first": "0001-01-01"}, {"first": "Dagen är mer än ett år bort."}),
        ({"days": "0"}, {"days": "Skriv ett tal som är minst 1."}),
        ({"days": "61"}, {"days": "Skriv ett tal som är högst 60."}),
        ({"days": "många", "first": "x"}, {"days": "Skriv ett heltal.", "first": LIKE}),
    ],
)
def test_days_that_are_none_are_refused(query, reasons, open_queue, telephones):
    answer = telephones.get(f"/queues/{open_queue.pk}/free-times", **query)
    assert (answer.status, answer.reasons) == (422, reasons)


# The rest ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"queue": "1"}, "Skriv ett heltal."),
        ({"queue": True}, "Skriv ett heltal."),
        ({"queue": 1.5}, "Skriv ett heltal."),
        ({"queue": None}, "Skriv ett heltal."),
        ({"call_id": ""}, CHARACTERS),
        ({"call_id": "två ord"}, CHARACTERS),
        ({"call_id": "a\x00"}, CHARACTERS),
        ({"call_id": "x" * 101}, "Texten är för lång: högst 100 tecken."),
        ({"call_id": 7}, "Skriv en text."),
        ({"name": "x" * 101}, "Texten är för lång: högst 100 tecken."),
        ({"name": "Berit\nTestsson"}, CHARACTERS),
        ({"name": "\x00"}, CHARACTERS),
        ({"name": "\ud800"}, "Uppgiften har fel form."),
        ({"name": None}, "Skriv en text."),
        ({"reason": "x" * 201}, "Texten är för lång: högst 200 tecken."),
        ({"interpreter_language": "x" * 51}, "Texten är för lång: högst 50 tecken."),
        ({"interpreter_language": "arabiska\nkurdiska"}, CHARACTERS),
        ({"interpreter_language": True}, "Skriv en text."),
        ({"speak_with": "x" * 101}, "Texten är för lång: högst 100 tecken."),
        ({"speak_with": "läkare\n"}, CHARACTERS),
        ({"speak_with": None}, "Skriv en text."),
        ({"samtycke": "Ja"}, NO_FIELD),
        ({"consent": True}, NO_FIELD),
        ({"consent_given": False}, NO_FIELD),
        ({"status": "done"}, NO_FIELD),
        ({"wanted": 1}, NO_FIELD),
    ],
)
def test_what_is_wrong_is_told_with_its_field_and_the_reason(said, reason, open_queue, eight, telephones):
    answer = telephones.book(open_queue, eight, **said)
    assert (answer.status, answer.reasons) == (422, {next(iter(said)): reason})
    assert_nothing_was_done()


@pytest.mark.parametrize("field", ["queue", "call_id", "callback_at"])
def test_what_is_missing_is_told(field, open_queue, eight, telephones):
    said = {"queue": open_queue.pk, "call_id": "a", "callback_at": eight.isoformat(), "a_number": MOBILE}
    del said[field]
    answer = telephones.post("/callbacks", said)
    assert (answer.status, answer.reasons) == (422, {field: "Uppgiften saknas."})


def test_all_that_is_wrong_is_told_at_once(telephones):
    answer = telephones.post("/callbacks", {"phone_number": "070", "personal_identity_number": "1", "samtycke": "Ja"})
    assert answer.reasons.keys() == {
        *("queue", "call_id", "callback_at", "phone_number", "personal_identity_number", "samtycke")
    }


def test_a_move_takes_nothing_but_a_time(open_queue, eight, telephones, book):
    answer = telephones.post(
        f"/callbacks/{book().pk}/move", {"callback_at": eight.isoformat(), "samtycke": "Ja", "name": "x"}
    )
    assert answer.reasons == {"samtycke": NO_FIELD, "name": NO_FIELD}


@pytest.mark.parametrize(
    "body",
    [b"{", b"queue=1&call_id=a", b"\xff\xfe", b"[" * 100_000, b"<booking/>"],
    ids=lambda body: f"{body[:10]} {len(body)}",
)
def test_what_is_no_json_is_a_bad_request(body, telephones):
    answer = telephones.post("/callbacks", body)
    assert (answer.status, answer.body) == (400, UNREADABLE)


def test_what_is_too_large_is_told_so(telephones):
    answer = telephones.post("/callbacks", b"{}" + b" " * 3_000_000)
    assert (answer.status, answer.body) == (413, {"detail": "Anropet är för stort."})


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"1", b'"x"', b"NaN"])
def test_json_that_is_no_object_is_told_so(body, telephones):
    answer = telephones.post("/callbacks", body)
    assert (answer.status, set(answer.reasons)) == (422, {"body"})


@pytest.mark.parametrize("number", ["x", "²", "1;2", "9" * 5000], ids=lambda number: number[:5])
@pytest.mark.parametrize("address", ["/callbacks/{}", "/queues/{}/free-times"])
def test_an_id_that_is_none_is_told_so(address, number, telephones):
    answer = telephones.get(address.format(number))
    assert (answer.status, len(answer.reasons)) == (422, 1)


# Whose it is ---------------------------------------------------------------------------------------------------------


def test_another_care_providers_queue_is_not_found(open_queue, other_queue, eight, telephones):
    keep_open(other_queue)
    answers = [telephones.book(other_queue, eight), telephones.get(f"/queues/{other_queue.pk}/free-times")]
    assert [(answer.status, answer.body) for answer in answers] == [(404, NOT_FOUND)] * 2
    assert_nothing_was_done()


def test_another_care_providers_callback_is_not_found(open_queue, eight, telephones, other_telephones):
    callback = telephones.book(open_queue, eight).body["id"]
    before = Case.objects.values().get()
    answers = [
        other_telephones.read(callback),
        other_telephones.move(callback, eight + timedelta(minutes=15)),
        other_telephones.cancel(callback),
    ]
    assert [(answer.status, answer.body) for answer in answers] == [(404, NOT_FOUND)] * 3
    assert Case.objects.values().get() == before


def test_a_queue_or_callback_that_there_is_none_of_is_not_found(telephones):
    for number in (0, -1, 10**6, 10**40):
        answers = [
            telephones.read(number),
            telephones.cancel(number),
            telephones.move(number, timezone.now() + timedelta(days=1)),
            telephones.get(f"/queues/{number}/free-times"),
            telephones.post(
                "/callbacks",
                {
                    "queue": number,
                    "call_id": "a",
                    "a_number": MOBILE,
                    "callback_at": (timezone.now() + timedelta(days=1)).isoformat(),
                },
            ),
        ]
        assert [(answer.status, answer.body) for answer in answers] == [(404, NOT_FOUND)] * 5


def test_a_care_providers_queues_are_its_own(queue, plain_queue, other_queue, telephones, other_telephones):
    assert telephones.get("/queues").body == [
        {"id": queue.pk, "unit": "VC Spindeln", "name": "Rådgivning"},
        {"id": plain_queue.pk, "unit": "VC Spindeln", "name": "Tidbokning"},
    ]
    assert [each["id"] for each in other_telephones.get("/queues").body] == [other_queue.pk]


# The key -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ask(open_queue, eight, book):
    """Every operation, with these headers."""
    callback, time = book().pk, eight.isoformat()
    wanted = {"queue": open_queue.pk, "call_id": "a", "callback_at": time, "a_number": OTHER_MOBILE}

    def with_headers(headers):
        client = Client(headers=headers)
        post = {"content_type": "application/json"}
        return [
            client.get("/api/v1/queues"),
            client.get(f"/api/v1/queues/{open_queue.pk}/free-times"),
            client.get(f"/api/v1/callbacks/{callback}"),
            client.post("/api/v1/callbacks", wanted, **post),
            client.post(f"/api/v1/callbacks/{callback}/move", {"callback_at": time}, **post),
            client.post(f"/api/v1/callbacks/{callback}/cancel", **post),
        ]

    return with_headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer teleq_wrong"},
        {"Authorization": "Bearer åäö"},
        {"Authorization": "Basic dGVsZVE6"},
        {"X-Api-Key": "teleq_wrong"},
    ],
)
def test_without_a_key_that_counts_nothing_is_told_or_done(headers, ask):
    before = list(Case.objects.values())
    for response in ask(headers):
        assert (response.status_code, response.json()) == (401, NO_KEY)
        assert response["WWW-Authenticate"] == "Bearer"
    assert list(Case.objects.values()) == before


def test_a_login_is_no_key(nurse, client):
    client.force_login(nurse)
    assert client.get("/api/v1/queues").status_code == 401


def test_a_digest_is_no_key(ask, telephones):
    digest = IntakeKey.objects.get().digest
    assert {response.status_code for response in ask({"Authorization": f"Bearer {digest}"})} == {401}


def test_a_revoked_key_is_none_from_that_moment_and_the_others_are_still_good(
    ask, telephones, care_provider, administrator
):
    other = connect(care_provider, by=administrator, name="Den andra växeln")
    key = {"Authorization": f"Bearer {telephones.key}"}
    assert 401 not in {response.status_code for response in ask(key)}
    IntakeKey.objects.filter(pk=min(IntakeKey.objects.values_list("pk", flat=True))).update(revoked_at=timezone.now())
    for response in ask(key):
        assert (response.status_code, response.json()) == (401, NO_KEY)
    assert other.get("/queues").status == 200


# What is told of the patient -----------------------------------------------------------------------------------------

SECRETS = ("1740699", "174 06 99", "900101", "Berit", "Testsson", "Recept", "tigrinska", "kuratorn")
PATIENT = {
    "phone_number": "070-174 06 99",
    "personal_identity_number": "19900101-0017",
    "name": "Berit Testsson",
    "reason": "Recept",
    "interpreter_language": "tigrinska",
    "speak_with": "kuratorn",
}


def test_neither_answers_nor_logs_carry_the_patients_data(open_queue, eight, telephones, logged):
    booked = telephones.book(open_queue, eight, **PATIENT)
    callback = booked.body["id"]
    answers = [
        booked,
        telephones.book(open_queue, eight, call_id="call-1", **PATIENT),
        telephones.read(callback),
        telephones.move(callback, eight + timedelta(minutes=15)),
        telephones.book(open_queue, eight + timedelta(minutes=5), **PATIENT),
        telephones.book(open_queue, eight, **PATIENT | {"personal_identity_number": "19900101-0018"}),
        telephones.book(open_queue, eight, **PATIENT | {"phone_number": "070-174 06 99 99 99"}),
        telephones.book(open_queue, eight, **PATIENT | {"name": "Berit Testsson\x00"}),
        telephones.book(open_queue, eight, **PATIENT | {"interpreter_language": "tigrinska\n"}),
        telephones.book(open_queue, eight, call_id="call-1", **PATIENT | {"speak_with": "kuratorn igen"}),
        telephones.cancel(callback),
        telephones.post("/callbacks", str(PATIENT).encode()),
    ]
    assert {answer.status for answer in answers} == {200, 201, 400, 409, 422}
    assert [secret for secret in SECRETS for answer in answers if secret in str(answer.body)] == []
    assert [secret for secret in SECRETS if secret in logged.getvalue()] == []


# Consent -------------------------------------------------------------------------------------------------------------


def test_nothing_that_is_booked_leaves_an_answer(open_queue, eight, telephones):
    callback = telephones.book(open_queue, eight, **PATIENT).body["id"]
    telephones.move(callback, eight + timedelta(minutes=15))
    telephones.book(open_queue, eight, reason="Samtycke: Ja", **{k: v for k, v in PATIENT.items() if k != "reason"})
    telephones.cancel(callback)
    assert not Consent.objects.exists()
    assert not Consent.history().exists()


@pytest.mark.parametrize("module", ["intake/api", "intake/schemas", "intake/booking", "cases/free_times"])
def test_the_intake_knows_nobody_who_can_write_an_answer(module):
    tree = ast.parse(Path(ROOT, f"{module}.py").read_text())
    known = {
        f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name for name in known if name.startswith(("consent", "sms"))} == set()
