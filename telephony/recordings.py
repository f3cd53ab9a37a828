"""Recordings: taken in, and which of them a number lacks before it can be switched on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import get_language_info, gettext_lazy
from django.utils.translation import gettext as _

from consent.models import ConsentText
from telephony import wav
from telephony.models import Announcement, Choice, PatientsNumber, Recording
from telephony.sentences import CONSENT_QUESTION, said_in
from teleq.models import CareProvider, User

LARGEST = 2 * 1024 * 1024
"""Bytes: two minutes of 8 kHz and 16 bits."""
KEPT_REPLACED = timedelta(days=7)
"""A recording that another has taken the place of stays this long, and as long as a file names it (SpokenFile)."""


class NotSound(ValueError):
    """The file can't be played. The text says why, in the user's language."""


@dataclass(frozen=True)
class Given:
    """A file, and what it says."""

    sentence: str
    words: str
    audio: bytes


class RecordedMeanwhile(Exception):
    """The sentence has another recording than the page was shown with. Nothing was stored."""


def record(  # noqa: PLR0913  each is a column of the recording
    care_provider: CareProvider,
    language: str,
    sentence: str,
    *,
    words: str,
    audio: bytes,
    by: User | None,
    seen: int | None = None,
) -> Recording:
    """Take in a recording of a sentence, in place of the one before. Raises NotSound and RecordedMeanwhile.

    Of the consent question its words become a version of their own, which answers refer to. `seen` is the id of the
    recording that the page showed, 0 where there was none.
    """
    given = Given(sentence, words, audio)
    with transaction.atomic():
        _one_at_a_time(care_provider)
        before = Recording.objects.current(care_provider.pk).filter(language=language, sentence=sentence)
        if seen is not None and seen != (before.values_list("pk", flat=True).first() or 0):
            raise RecordedMeanwhile
        before.update(replaced_at=Now())
        [recording] = _taken_in(care_provider, language, [given], by)
    return recording


@transaction.atomic
def fill_in(care_provider: CareProvider, language: str, given: Iterable[Given], *, by: User | None) -> list[Recording]:
    """Take in those of the recordings whose sentences have none, and return them."""
    _one_at_a_time(care_provider)
    current = Recording.objects.current(care_provider.pk).filter(language=language)
    there = set(current.values_list("sentence", flat=True))
    return _taken_in(care_provider, language, [each for each in given if each.sentence not in there], by)


def _one_at_a_time(care_provider: CareProvider) -> None:
    """Two who record the same sentence come one after the other."""
    CareProvider.objects.select_for_update(no_key=True).get(pk=care_provider.pk)


def _taken_in(care_provider: CareProvider, language: str, given: list[Given], by: User | None) -> list[Recording]:
    return Recording.objects.bulk_create(_recording(care_provider, language, each, by) for each in given)


def _recording(care_provider: CareProvider, language: str, given: Given, by: User | None) -> Recording:
    content_type, form = kind(given.audio)
    text = None
    if given.sentence == CONSENT_QUESTION:
        text = ConsentText.objects.create(care_provider=care_provider, text=given.words, recorded=True)
    return Recording(
        care_provider=care_provider,
        language=language,
        sentence=given.sentence,
        words=given.words,
        audio=given.audio,
        content_type=content_type,
        form=form,
        digest=hashlib.sha256(given.audio).hexdigest(),
        recorded_by=by,
        consent_text=text,
    )


def kind(audio: bytes) -> tuple[str, str]:
    """The file's type and form. Told by its first bytes, and not by what the browser calls it. Raises NotSound."""
    if len(audio) > LARGEST:
        raise NotSound(_("Filen är för stor: den får vara högst 2 MB."))
    if _is_mp3(audio):
        return Recording.MP3, Recording.MP3
    if audio[:4] != b"RIFF":
        raise NotSound(_("Välj en ljudfil i WAV eller MP3."))
    try:
        return Recording.WAV, str(wav.read(audio).form)
    except wav.NotWav as problem:
        raise NotSound(str(problem)) from None


def _is_mp3(audio: bytes) -> bool:
    """Whether it begins with an ID3 tag, or with the header of a frame of MPEG audio, layer III (ISO/IEC 11172-3)."""
    if len(audio) < 4:
        return False
    if audio[:3] == b"ID3":
        return True
    sync, version, layer = audio[0] == 0xFF and audio[1] >= 0xE0, audio[1] >> 3 & 3, audio[1] >> 1 & 3
    bitrate, rate = audio[2] >> 4, audio[2] >> 2 & 3
    return sync and version != 1 and layer == 1 and bitrate not in (0, 15) and rate != 3


def to_say(care_provider: CareProvider, language: str) -> dict[str, str]:
    """Everything that may be said in a language: each sentence, and the words for whoever reads it in. The care
    provider's own come first."""
    own = {each.sentence: each.in_language(language) for each in care_provider.announcements.all()}
    return own | said_in(language)


def needed(number: PatientsNumber) -> Iterator[tuple[str, str]]:
    """What can be said in a call to the number: each language and sentence. Standard sentences in any case."""
    own = {each.sentence for each in _announcements(number)}
    for language in number.languages:
        for sentence in [*said_in(language), *sorted(own)]:
            if sentence != CONSENT_QUESTION or number.asks_consent:
                yield language, sentence


def missing(number: PatientsNumber) -> list[tuple[str, str]]:
    """Of what is needed, what has no recording: the number can't be switched on."""
    current = Recording.objects.current(number.care_provider_id).filter(language__in=number.languages)
    there = set(current.values_list("language", "sentence"))
    return [each for each in needed(number) if each not in there]


SAID_OF_MISSING = 5
"""Of many missing recordings as many are named, and the others counted."""


def missing_in_words(number: PatientsNumber) -> list[str]:
    """What has no recording, for the page where the number is switched on: a line for each language, none if all are
    there. "svenska: ”Tack och hej då.”, ”tio” och 12 till"."""
    by_language: dict[str, list[str]] = {}
    for language, sentence in missing(number):
        by_language.setdefault(language, []).append(sentence)
    return [
        f"{language_name(language)}: {_listed(to_say(number.care_provider, language), sentences)}"
        for language, sentences in by_language.items()
    ]


def _listed(words: Mapping[str, str], sentences: list[str]) -> str:
    named = ", ".join(f"”{words[sentence]}”" for sentence in sentences[:SAID_OF_MISSING])
    more = len(sentences) - SAID_OF_MISSING
    return _("%(named)s och %(count)d till") % {"named": named, "count": more} if more > 0 else named


OTHER_LANGUAGES = {
    "am": gettext_lazy("amhariska"),
    "ku": gettext_lazy("kurdiska"),
    "prs": gettext_lazy("dari"),
    "so": gettext_lazy("somaliska"),
    "ti": gettext_lazy("tigrinska"),
}
"""Of which Django knows no names."""


def language_name(language: str) -> str:
    """In the user's language; its code where no name is known."""
    try:
        return str(get_language_info(language)["name_translated"]).lower()
    except KeyError:
        return str(OTHER_LANGUAGES.get(language, language))


def _announcements(number: PatientsNumber) -> Iterator[Announcement]:
    yield number.greeting
    if number.closed_announcement:
        yield number.closed_announcement
    if number.announcement:
        yield number.announcement
    for choice in choices_of(number):
        yield choice.words
        if choice.announcement:
            yield choice.announcement


def choices_of(number: PatientsNumber) -> Iterator[Choice]:
    """Every choice that a call to the number can come to, each menu once: menus may lead back to one another."""
    by_menu = Choice.objects.by_menu(number.care_provider_id)
    coming, seen = [number.menu_id], set[int | None]()
    while coming:
        menu = coming.pop(0)
        if menu is None or menu in seen:
            continue
        seen.add(menu)
        for choice in by_menu.get(menu, ()):
            yield choice
            coming.append(choice.menu_id)
