"""What is said, as sound: recordings put together into files, each at an address of its own.

Providers fetch a file by its address, and keep it by its address. WAV files of the same form that come after one
another are one file; an MP3 stands alone, as it can't be put together without decoding it.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby

from django.db.models.functions import Now
from django.utils import timezone

from telephony import wav
from telephony.conversation import Reply
from telephony.models import Call, Recording, SpokenFile

logger = logging.getLogger(__name__)


KEPT_UNUSED = timedelta(days=90)
"""Shared files that nothing has been said by for this long are forgotten. Said again, they are made again."""
KEPT_AFTER_THE_CALL = timedelta(days=1)
"""Private ones go when the call ends. This is for those whose call has no end on record."""
_MARKED_AS_USED = timedelta(days=30)
"""A file in use is marked no more often, so that what is said costs no writing."""


def files(call: Call, reply: Reply) -> list[SpokenFile]:
    """The files that say it, in order, each with its address. Two statements for what has been said before, and four
    for what has not, however long it is."""
    groups = list(together(_recordings(call.care_provider_id, reply.said)))
    if not groups:
        return []
    if reply.private:
        made = [_file(secrets.token_urlsafe(32), group, call) for group in groups]
        return SpokenFile.objects.bulk_create(made)
    shared = {_address(group): group for group in groups}
    there = _there(shared)
    if new := [_file(address, group, None) for address, group in shared.items() if address not in there]:
        SpokenFile.objects.bulk_create(new, ignore_conflicts=True)  # another call may have made them just now
        there = _there(shared)
    _mark_as_used(there.values())
    return [there[_address(group)] for group in groups]


def _there(addresses: Iterable[str]) -> dict[str, SpokenFile]:
    return {file.address: file for file in SpokenFile.objects.filter(address__in=list(addresses))}


def _mark_as_used(used: Iterable[SpokenFile]) -> None:
    long_ago = timezone.now() - _MARKED_AS_USED
    if old := [file.pk for file in used if file.made_at < long_ago]:
        SpokenFile.objects.filter(pk__in=old).update(made_at=Now())


def _file(address: str, recordings: list[Recording], call: Call | None) -> SpokenFile:
    return SpokenFile(address=address, recordings=[each.pk for each in recordings], call_id=call.pk if call else None)


def _address(recordings: Iterable[Recording]) -> str:
    return hashlib.sha256(" ".join(each.digest for each in recordings).encode()).hexdigest()


def recorded(care_provider_id: int, said: list[str]) -> dict[str, Recording]:
    """The recordings of these sentences, by language and key, in the order in which they are first said, without the
    sound. What has none is left out."""
    keys = [(language, sentence) for language, _, sentence in (each.partition(":") for each in said)]
    current = Recording.objects.current(care_provider_id).defer("audio")
    current = current.filter(
        language__in={language for language, _ in keys}, sentence__in={sentence for _, sentence in keys}
    )
    there = {f"{each.language}:{each.sentence}": each for each in current}
    return {each: there[each] for each in said if each in there}


def _recordings(care_provider_id: int, said: list[str]) -> list[Recording]:
    """In the order in which they are said. What is missing is logged: a number that lacks it can't be switched on."""
    there = recorded(care_provider_id, said)
    for each in said:
        if each not in there:
            logger.error("There is no recording of %s", each)
    return [there[each] for each in said if each in there]


def together(recordings: Iterable[Recording]) -> Iterator[list[Recording]]:
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
