"""What is said, as sound: recordings put together into files, each at an address of its own.

Providers fetch a file by its address, and keep it by its address. WAV files of the same form that come after one
another are one file; an MP3 stands alone, as it can't be put together without decoding it.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable, Iterator
from itertools import groupby

from telephony import wav
from telephony.conversation import Reply
from telephony.models import Call, Recording, SpokenFile

logger = logging.getLogger(__name__)


def files(call: Call, reply: Reply) -> list[SpokenFile]:
    """The files that say it, in order, each with its address. Three statements at the most, however long it is."""
    groups = list(_together(_recordings(call.care_provider_id, reply.said)))
    if not groups:
        return []
    if reply.private:
        made = [_file(secrets.token_urlsafe(32), group, call) for group in groups]
        return SpokenFile.objects.bulk_create(made)
    shared = {_address(group): group for group in groups}
    SpokenFile.objects.bulk_create(
        [_file(address, group, None) for address, group in shared.items()], ignore_conflicts=True
    )
    there = {file.address: file for file in SpokenFile.objects.filter(address__in=shared)}
    return [there[_address(group)] for group in groups]


def _file(address: str, recordings: list[Recording], call: Call | None) -> SpokenFile:
    return SpokenFile(address=address, recordings=[each.pk for each in recordings], call_id=call.pk if call else None)


def _address(recordings: Iterable[Recording]) -> str:
    return hashlib.sha256(" ".join(each.digest for each in recordings).encode()).hexdigest()


def _recordings(care_provider_id: int, said: list[str]) -> list[Recording]:
    """In the order in which they are said. What has no recording is left out, and logged: a number that lacks one can't
    be switched on."""
    wanted = [(language, sentence) for language, _, sentence in (each.partition(":") for each in said)]
    current = Recording.objects.current(care_provider_id).defer("audio", "words")
    current = current.filter(
        language__in={language for language, _ in wanted}, sentence__in={sentence for _, sentence in wanted}
    )
    there = {(each.language, each.sentence): each for each in current}
    for key in wanted:
        if key not in there:
            logger.error("There is no recording of %s", ":".join(key))
    return [there[key] for key in wanted if key in there]


def _together(recordings: Iterable[Recording]) -> Iterator[list[Recording]]:
    """Those that can be one file."""
    for form, group in groupby(recordings, key=lambda each: each.form):
        if form == Recording.MP3:
            yield from ([each] for each in group)
        else:
            yield list(group)


def sound(file: SpokenFile) -> tuple[bytes, str]:
    """The file itself, and its type. Raises Recording.DoesNotExist where a recording is gone."""
    rows = Recording.objects.in_bulk(file.recordings)
    if missing := set(file.recordings) - set(rows):
        raise Recording.DoesNotExist(f"recording {min(missing)}")
    recordings = [rows[pk] for pk in file.recordings]
    if recordings[0].content_type == Recording.MP3:
        return bytes(recordings[0].audio), Recording.MP3
    return wav.join([wav.read(bytes(each.audio)) for each in recordings]), Recording.WAV


def recordings_of(file: SpokenFile) -> list[Recording]:
    """What it is put together from, in order, without the sound. A recording that is gone is left out."""
    rows = Recording.objects.defer("audio").in_bulk(file.recordings)
    return [rows[pk] for pk in file.recordings if pk in rows]


def words(file: SpokenFile) -> str:
    """What the file says, for who reads it: the telephone in the browser."""
    return " ".join(each.words for each in recordings_of(file))
