"""The test voice that teleQ ships with: whole, of one form, and even, as far as a machine can tell."""

from __future__ import annotations

import pytest

from consent.models import ConsentText
from demo.announcements import ANNOUNCEMENTS
from telephony import shipped, voices, wav
from telephony.models import Recording
from telephony.sentences import CONSENT_QUESTION, said_in
from tests.telephony.conftest import recorded

TELEPHONE_SOUND = wav.Form(wav.MU_LAW, channels=1, rate=8000, bits=8)
FILES = sorted(shipped.FOLDER.glob("*/*.wav"))
DEMONSTRATIONS = sorted((shipped.FOLDER.parent.parent / "demo" / "recordings").glob("*/*.wav"))
SILENCE = b"\xff\x7f"  # in µ-law, ITU-T G.711
SOFT = {*SILENCE, *range(0x70, 0x80), *range(0xF0, 0x100)}
"""Samples below 1.5 % of full scale or so: background."""


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_sentence_and_word_is_there_and_no_other(language):
    assert {file.stem for file in FILES if file.parent.name == language} == set(said_in(language))
    assert {file.stem for file in DEMONSTRATIONS if file.parent.name == language} == set(ANNOUNCEMENTS)


def test_all_are_telephone_sound_and_small():
    assert {wav.read(file.read_bytes()).form for file in [*FILES, *DEMONSTRATIONS]} == {TELEPHONE_SOUND}
    assert sum(file.stat().st_size for file in FILES) < 5 * 2**20


def spoken_part(file) -> tuple[float, float, float]:
    """Seconds of silence before, of speech, and of silence after."""
    sound = wav.read(file.read_bytes()).sound
    loud = [place for place, sample in enumerate(sound) if sample not in SOFT]
    return loud[0] / 8000, (loud[-1] - loud[0]) / 8000, (len(sound) - loud[-1]) / 8000


@pytest.mark.parametrize("language", ["sv", "en"])
def test_words_begin_at_once_and_sentences_after_a_short_pause(language):
    words = said_in(language)
    for file in FILES:
        if file.parent.name == language:
            before, spoken, after = spoken_part(file)
            is_sentence = words[file.stem][0].isupper()
            assert (0.2 if is_sentence else 0) <= before < (0.4 if is_sentence else 0.15), file
            assert after < 0.4, file
            assert spoken > 0.08, file


def test_longer_words_take_longer():
    longest = {file.stem: spoken_part(file)[1] for file in FILES if file.parent.name == "sv"}
    assert longest["number_2"] < longest["number_44"] < longest["emergency"] < longest["key_identity"]


@pytest.mark.django_db
def test_it_is_taken_in_where_nothing_is_recorded_and_takes_no_recordings_place(care_provider, provider_administrator):
    own = recorded(care_provider, "booked", "Vi ringer dig")
    taken_in = shipped.load(care_provider, "sv", provider_administrator)
    current = Recording.objects.current(care_provider.pk)
    assert set(current.values_list("sentence", flat=True)) == set(said_in("sv"))
    assert current.get(sentence="booked") == own
    assert len(taken_in) == len(said_in("sv")) - 1
    assert {each.recorded_by for each in taken_in} == {provider_administrator}
    assert shipped.load(care_provider, "sv", provider_administrator) == []


@pytest.mark.django_db
def test_its_consent_question_is_a_wording_of_its_own(care_provider):
    shipped.load(care_provider, "en")
    question = Recording.objects.get(sentence=CONSENT_QUESTION)
    assert question.consent_text == ConsentText.objects.get(recorded=True)
    assert question.consent_text.text.startswith("May we send text messages to the number you call from?")


@pytest.mark.django_db
def test_it_is_known_from_a_recording_of_ones_own(care_provider):
    [*_, last] = shipped.load(care_provider, "sv")
    assert shipped.is_of_it(last)
    assert not shipped.is_of_it(recorded(care_provider, "booked", "Vi ringer dig"))


@pytest.mark.django_db
def test_what_is_put_together_of_it_is_one_file(care_provider):
    shipped.load(care_provider, "sv")
    said = [Recording.objects.get(sentence=key) for key in ("tomorrow", "about", "number_10", "number_30")]
    [group] = voices.together(said)
    assert group == said
