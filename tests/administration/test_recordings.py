"""Admin > Inspelningar: a sentence's words, its recording, and the one address that takes a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from consent.models import ConsentText
from telephony import recordings, shipped, wav
from telephony.models import Announcement, PatientsNumber, Recording
from telephony.sentences import CONSENT_QUESTION, said_in
from teleq.models import CareProvider
from tests.administration.forms import text_of
from tests.telephony.conftest import recorded, sound

pytestmark = pytest.mark.django_db

WAV = sound("Tack och hej då.")
MP3 = b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + b"\0" * 400
STEREO = wav.write(wav.Form(wav.PCM, 2, 44100, 16), b"\1\2\3\4" * 20)
TOO_LARGE = wav.write(wav.Form(wav.PCM, 1, 8000, 16), b"\0" * (2 * 2**20))


@pytest.fixture
def vera(client: Client, provider_administrator) -> Client:
    client.force_login(provider_administrator)
    return client


@pytest.fixture
def place(care_provider: CareProvider) -> Callable[[str, str], str]:
    def address(sentence: str = "", language: str = "sv") -> str:
        return f"/admin/recordings/{care_provider.pk}/{language}/" + (f"{sentence}/" if sentence else "")

    return address


def upload(client: Client, address: str, audio: bytes = WAV, name: str = "hej.wav", **fields: object):
    words = {"words": "Tack och hej då.", "save": "1"}
    return client.post(address, {**words, "audio": SimpleUploadedFile(name, audio, "audio/x-what-ever"), **fields})


def current(sentence: str, language: str = "sv") -> Recording:
    return Recording.objects.get(sentence=sentence, language=language, replaced_at=None)


def taken_away(*sentences: str) -> None:
    """As if never recorded."""
    Recording.objects.filter(sentence__in=sentences).update(replaced_at=timezone.now())


# A recording of one sentence -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audio", "content_type", "form"),
    [(WAV, "audio/wav", "PCM, 8000 Hz, 16 bit, mono"), (MP3, "audio/mpeg", "audio/mpeg")],
)
def test_a_recording_is_taken_in_with_the_words_that_are_said(
    audio, content_type, form, vera, place, provider_administrator
):
    answer = upload(vera, place("goodbye"), audio, words="Tack, hej!")
    assert (answer.status_code, answer["Location"]) == (302, f"{place()}#goodbye")
    recording = current("goodbye")
    assert (recording.words, bytes(recording.audio)) == ("Tack, hej!", audio)
    assert (recording.content_type, recording.form) == (content_type, form)
    assert recording.recorded_by == provider_administrator
    told = text_of(vera.get(place()))
    assert "Inspelningen är sparad." in told
    assert "Tack och hej då. Sägs: Tack, hej!" in told
    assert "Vera Vik" in told
    assert LogEntry.objects.get().user == provider_administrator


def test_it_can_be_listened_to_and_the_page_may_play_our_own_sounds_and_no_other_page_may(vera, place):
    upload(vera, place("goodbye"))
    shown = vera.get(place("goodbye"))
    [address] = re.findall(r'<audio controls[^>]*src="([^"]+)"', shown.content.decode())
    played = vera.get(address)
    assert (played.content, played["Content-Type"]) == (WAV, "audio/wav")
    assert "no-store" in played["Cache-Control"]
    assert "media-src 'self'" in shown["Content-Security-Policy"]
    assert "media-src 'self'" in vera.get(place())["Content-Security-Policy"]
    for other in ("/admin/", "/admin/recordings/", "/admin/rights/"):
        assert "media-src" not in vera.get(other)["Content-Security-Policy"]


def test_a_new_recording_takes_the_place_of_the_one_before(vera, place):
    upload(vera, place("goodbye"))
    first = current("goodbye")
    upload(vera, place("goodbye"), MP3, words="Hej då.", seen=first.pk)
    first.refresh_from_db()
    assert first.replaced_at
    assert current("goodbye").words == "Hej då."


def test_where_somebody_else_has_recorded_it_since_nothing_is_stored_and_what_was_typed_stays(
    vera, place, care_provider
):
    theirs = recorded(care_provider, "goodbye", "Tack för samtalet.")
    answer = upload(vera, place("goodbye"), words="Adjö!", seen="")
    assert answer.status_code == 409
    told = text_of(answer)
    assert "Någon annan har läst in meningen sedan sidan visades." in told
    assert "Tack för samtalet." in told
    assert "Adjö!" in told
    assert f'name="seen" value="{theirs.pk}"' in answer.content.decode()
    assert current("goodbye") == theirs


@pytest.mark.django_db(transaction=True)
def test_two_who_record_the_same_sentence_at_once_come_one_after_the_other(care_provider):
    def record(words: str) -> bool:
        try:
            recordings.record(care_provider, "sv", "goodbye", words=words, audio=WAV, by=None, seen=0)
        except recordings.RecordedMeanwhile:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as four:
        stored = list(four.map(record, ["ett", "två", "tre", "fyra"]))
    assert sorted(stored) == [False, False, False, True]
    assert Recording.objects.count() == 1


@pytest.mark.parametrize(
    ("audio", "why"),
    [
        (b"", "Filen är tom."),
        (b"<html><script>alert(1)</script></html>", "Välj en ljudfil i WAV eller MP3."),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 100, "Välj en ljudfil i WAV eller MP3."),
        (b"\xff\xf1\x50\x80" + b"x" * 100, "Välj en ljudfil i WAV eller MP3."),  # AAC
        (WAV[:50], "WAV-filen är avbruten: den har inget ljud, eller inte allt."),
        (wav.write(wav.Form(wav.PCM, 1, 96000, 16), b"xx"), "8 eller 16 bitar och 8–48 kHz."),
        (TOO_LARGE, "Filen är för stor: den får vara högst 2 MB."),
    ],
)
def test_what_is_no_sound_is_refused_at_the_field_and_the_words_stay(audio, why, vera, place):
    answer = upload(vera, place("goodbye"), audio, name="hej.wav", words="Tack, hej!")
    assert answer.status_code == 422
    [told] = answer.context["form"].errors["audio"]
    assert told.endswith(why)
    assert "Tack, hej!" in answer.content.decode()
    assert not Recording.objects.exists()


@given(st.binary(max_size=200), st.sampled_from([b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt ", b"\xff\xfb", b"ID3"]))
def test_of_any_bytes_it_is_said_what_they_are_or_why_they_are_no_sound(audio, begins):
    problem = ""
    try:
        content_type, form = recordings.kind(begins + audio)
    except recordings.NotSound as refused:
        problem = str(refused)
    assert problem or (content_type == "audio/mpeg") == (form == "audio/mpeg")
    assert problem or len(form) <= 40


def test_without_words_the_file_is_to_be_chosen_again(vera, place):
    answer = upload(vera, place("goodbye"), words=" ")
    told = text_of(answer)
    assert answer.status_code == 422
    assert "Skriv det som sägs i inspelningen." in told
    assert "Välj ljudfilen igen: den sparades inte." in told


def test_without_a_file_it_says_so(vera, place):
    answer = vera.post(place("goodbye"), {"words": "Hej då."})
    assert (answer.status_code, answer.context["form"].errors["audio"]) == (422, ["Välj en ljudfil i WAV eller MP3."])


def test_the_consent_question_gets_a_version_of_its_own_each_time(vera, place):
    upload(vera, place(CONSENT_QUESTION), words="Får vi skicka SMS? Tryck 1 för ja, 2 för nej.")
    first = current(CONSENT_QUESTION)
    upload(vera, place(CONSENT_QUESTION), words="Vill du ha SMS? Tryck 1 för ja, 2 för nej.", seen=first.pk)
    texts = ConsentText.objects.filter(recorded=True).order_by("pk")
    assert [text.text for text in texts] == [
        "Får vi skicka SMS? Tryck 1 för ja, 2 för nej.",
        "Vill du ha SMS? Tryck 1 för ja, 2 för nej.",
    ]
    assert current(CONSENT_QUESTION).consent_text == texts[1]
    assert upload(vera, place(CONSENT_QUESTION), words="x" * 501).status_code == 422


def test_one_can_go_on_to_the_next_that_is_missing(vera, place, care_provider):
    shipped.load(care_provider, "sv")
    taken_away("number_7", "emergency")
    answer = vera.post(
        place("goodbye"),
        {"words": "Hej.", "audio": SimpleUploadedFile("a.wav", WAV), "seen": current("goodbye").pk, "next": "1"},
    )
    assert answer["Location"] == place("number_7")
    answer = upload(vera, place("number_7"), next="1")
    assert answer["Location"] == place("emergency")
    assert upload(vera, place("emergency"), next="1")["Location"] == f"{place()}#emergency"


# The list ------------------------------------------------------------------------------------------------------------


def test_the_list_has_every_sentence_with_its_words_and_says_which_are_missing(vera, place, care_provider):
    announcement = Announcement.objects.create(
        care_provider=care_provider, words="Välkommen till Spindeln.", english="Welcome to Spindeln."
    )
    told = text_of(vera.get(place()))
    assert f"{len(said_in('sv')) + 1} av {len(said_in('sv')) + 1} saknar inspelning." in told
    assert "Välkommen till Spindeln. Saknas" in told
    assert "Vid livshotande tillstånd, lägg på och ring 112. Saknas" in told
    assert "tjugosjätte Saknas" in told
    assert "o'clock" not in told
    english = text_of(vera.get(place(language="en")))
    assert "Welcome to Spindeln. Saknas" in english
    assert "o'clock Saknas" in english
    upload(vera, place(announcement.sentence))
    assert "Välkommen till Spindeln." not in text_of(vera.get(f"{place()}?missing"))


def test_another_language_is_added_by_its_code(vera, place, care_provider):
    answer = vera.get("/admin/recordings/", {"care_provider": care_provider.pk, "language": "so"})
    assert answer["Location"] == place(language="so")
    assert "Inspelningar på somaliska" in text_of(vera.get(place(language="so")))
    upload(vera, place("goodbye", "so"), words="Mahadsanid, nabad gelyo.")
    assert current("goodbye", "so").words == "Mahadsanid, nabad gelyo."
    assert f"Somaliska 1 av {len(said_in('so'))}" in text_of(vera.get("/admin/recordings/"))


@pytest.mark.parametrize("code", ["", "S", "svenska", "1", "s v", "åä"])
def test_what_is_no_code_of_a_language_is_said_at_the_field(code, vera, care_provider):
    answer = vera.get("/admin/recordings/", {"care_provider": care_provider.pk, "language": code})
    assert answer.status_code == 422
    assert "Skriv språkets kod" in text_of(answer)


@pytest.mark.parametrize("path", ["SV/", "sv%0A/", "svenska/", "s/", "sv/nothing/", "sv/announcement:999999/"])
def test_what_is_no_language_or_sentence_is_not_found(path, vera, care_provider):
    assert vera.get(f"/admin/recordings/{care_provider.pk}/{path}").status_code == 404


def test_the_test_voice_is_taken_in_for_what_is_missing_and_called_what_it_is(vera, place):
    upload(vera, place("goodbye"))
    vera.post(place())
    told = text_of(vera.get(place()))
    count = len(said_in("sv")) - 1
    assert f"Provrösten säger nu {count} meningar och ord." in told
    assert f"teleQ:s provröst säger {count} av dem. Den är en maskinröst för att pröva menyn." in told
    assert told.count("teleQ:s provröst") >= count
    assert "Ta in teleQ:s provröst" not in told
    assert current("goodbye").recorded_by


def test_there_is_no_test_voice_in_other_languages(vera, place):
    assert "provröst" not in text_of(vera.get(place(language="so")))
    assert vera.post(place(language="so")).status_code == 404


def test_files_of_different_forms_are_said_to_sound_uneven(vera, place):
    upload(vera, place("goodbye"))
    assert "ojämnt" not in text_of(vera.get(place()))
    upload(vera, place("booked"), STEREO)
    upload(vera, place("moved"), MP3)
    assert (
        "det låter ojämnt när de spelas efter varandra. Spara alla ljudfiler på samma sätt, helst WAV med en kanal,"
        " 8 kHz och 16 bitar. Nu finns: MP3; PCM, 44100 Hz, 16 bit, stereo; PCM, 8000 Hz, 16 bit, mono."
    ) in text_of(vera.get(place()))


def test_the_list_costs_the_same_statements_however_much_is_recorded(
    vera, place, care_provider, provider_administrator
):
    vera.get(place())

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert vera.get(place()).status_code == 200
        return len(queries)

    none = statements()
    shipped.load(care_provider, "sv", provider_administrator)
    assert statements() == none


# Whose it is ---------------------------------------------------------------------------------------------------------


def test_only_the_care_providers_own_administrator_hears_and_changes_it(
    client, place, care_provider, administrator, nurse, operator, log_reviewer, other_provider_administrator
):
    recording = recorded(care_provider, "goodbye", "Hej då.")
    addresses = ["/admin/recordings/", place(), place("goodbye"), f"/admin/recordings/audio/{recording.pk}/"]
    for user, status in ((administrator, 403), (nurse, 403), (operator, 403), (log_reviewer, 403)):
        client.force_login(user)
        assert [client.get(address).status_code for address in addresses] == [status] * 4
        assert upload(client, place("goodbye")).status_code == status
    client.force_login(other_provider_administrator)
    assert [client.get(address).status_code for address in addresses] == [200, 404, 404, 404]
    assert upload(client, place("goodbye")).status_code == 404
    assert upload(Client(), place("goodbye")).status_code == 302
    assert list(Recording.objects.all()) == [recording]


def test_another_care_providers_announcement_has_no_page(vera, place, other_care_provider):
    theirs = Announcement.objects.create(care_provider=other_care_provider, words="Hos oss.")
    assert vera.get(place(theirs.sentence)).status_code == 404


# What a number lacks -------------------------------------------------------------------------------------------------


@pytest.fixture
def number(care_provider, queue) -> PatientsNumber:
    greeting = Announcement.objects.create(care_provider=care_provider, words="Välkommen till Spindeln.")
    return PatientsNumber(
        care_provider=care_provider, number="+46846500450", greeting=greeting, queue=queue, languages=["sv", "en"]
    )


def test_what_a_number_lacks_is_said_by_its_words(number, care_provider):
    for language in ("sv", "en"):
        shipped.load(care_provider, language)
    recorded(care_provider, number.greeting.sentence, "Välkommen till Spindeln.")
    assert recordings.missing_in_words(number) == ["engelska: ”Välkommen till Spindeln.”"]
    taken_away("goodbye", "number_10")
    assert recordings.missing_in_words(number) == [
        "svenska: ”Tack och hej då.”, ”tio”",
        "engelska: ”Thank you and goodbye.”, ”ten”, ”Välkommen till Spindeln.”",
    ]
    recorded(care_provider, number.greeting.sentence, "Welcome.", "en")
    for language in ("sv", "en"):
        shipped.load(care_provider, language)
    assert recordings.missing_in_words(number) == []


def test_of_many_the_first_are_named_and_the_others_counted(number):
    [swedish, _] = recordings.missing_in_words(number)
    assert swedish.startswith("svenska: ”Vid livshotande tillstånd, lägg på och ring 112.”, ”Telefonen är stängd")
    assert swedish.endswith(
        f" och {len(said_in('sv')) - 1 + 1 - 5} till"
    )  # without the consent question, with greeting


def test_the_consent_question_is_needed_where_it_is_asked(number, care_provider):
    for language in ("sv", "en"):
        shipped.load(care_provider, language)
        recorded(care_provider, number.greeting.sentence, "Välkommen.", language)
    taken_away(CONSENT_QUESTION)
    assert recordings.missing(number) == []
    number.asks_consent = True
    assert recordings.missing(number) == [("sv", CONSENT_QUESTION), ("en", CONSENT_QUESTION)]


# The one address that takes a file -----------------------------------------------------------------------------------


def addresses(resolver=None, before: str = "/") -> Iterator[tuple[str, object]]:
    for each in (resolver or get_resolver()).url_patterns:
        route = before + re.sub(r"[\^$]|\\Z", "", str(each.pattern))
        if hasattr(each, "url_patterns"):
            yield from addresses(each, route)
        else:
            yield route, each.callback


def test_one_address_takes_a_file_and_every_other_refuses_it(vera, place):
    takes = [route for route, view in addresses() if hasattr(view, "takes_a_file_of")]
    assert takes == ["/admin/recordings/<int:provider_id>/<str:language>/<str:sentence>/"]
    routes = {route for route, _ in addresses()} - set(takes)
    assert len(routes) > 100
    for route in sorted(routes):
        address = re.sub(r"<(\w+:)?\w+>|\(\?P<\w+>.*?\)", "1", route)
        answer = vera.post(address, {"words": "x", "audio": SimpleUploadedFile("a.wav", WAV)})
        assert answer.status_code == 413, address


def test_two_files_are_refused_there_too(vera, place):
    answer = vera.post(
        place("goodbye"),
        {"words": "x", "audio": SimpleUploadedFile("a.wav", WAV), "more": SimpleUploadedFile("b.wav", WAV)},
    )
    assert answer.status_code == 413


def test_a_form_that_is_larger_than_any_file_taken_is_refused_before_it_is_read(vera, place):
    read = []

    class Body(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            read.append(size)
            return b""

    answer = vera.generic(
        "POST",
        place("goodbye"),
        b"--b",
        content_type="multipart/form-data; boundary=b",
        CONTENT_LENGTH=str(3 * 2**20),
        **{"wsgi.input": Body()},
    )
    assert (answer.status_code, read) == (413, [])


def test_what_is_typed_beside_the_file_has_the_limit_of_every_form(vera, place):
    assert upload(vera, place("goodbye"), more="x" * 600_000).status_code == 413


def test_a_form_that_is_cut_off_is_answered_in_words(vera, place):
    body = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\nRIFF'
    answer = vera.post(place("goodbye"), body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code in (400, 422)
    assert not Recording.objects.exists()
