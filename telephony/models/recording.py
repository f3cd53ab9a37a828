"""What is said in a call: recordings, sentence by sentence."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy

from consent.models import ConsentText
from teleq.models import CareProvider

LANGUAGE = RegexValidator(r"^[a-z]{2,3}$", gettext_lazy("Skriv språkets kod, till exempel sv, en, ar eller so."))


def is_language(text: str) -> bool:
    try:
        LANGUAGE(text)
    except ValidationError:
        return False
    return text.isalpha()


class Language:
    """The languages that the standard sentences are written in. Others are there once they have recordings."""

    SWEDISH = "sv"
    ENGLISH = "en"


class RecordingQuerySet(models.QuerySet["Recording"]):
    def current(self, care_provider_id: int) -> RecordingQuerySet:
        """Those that are played now."""
        return self.filter(care_provider=care_provider_id, replaced_at=None)


class Recording(models.Model):
    """One sentence, or a word of which sentences are put together, in a care provider's voice and one language.

    A row's audio never changes: a new recording of a sentence is a new row, which takes the place of the one before.
    """

    WAV, MP3 = "audio/wav", "audio/mpeg"

    care_provider = models.ForeignKey(
        CareProvider,
        on_delete=models.PROTECT,
        related_name="recordings",
        verbose_name=gettext_lazy("vårdgivare"),
        db_index=False,
    )
    language = models.CharField(gettext_lazy("språk"), max_length=3, validators=[LANGUAGE])
    sentence = models.CharField(gettext_lazy("mening"), max_length=40)
    """Its key: one of `telephony.sentences`, or `announcement:<id>`."""
    words = models.TextField(gettext_lazy("ord"), max_length=1000)
    """What is said, for who reads: the telephone in the browser, the case, whoever records it again."""
    audio = models.BinaryField(editable=False)
    content_type = models.CharField(max_length=20, choices=[(WAV, "WAV"), (MP3, "MP3")], editable=False)
    form = models.CharField(max_length=40, editable=False)
    """How the sound is written (`telephony.wav.Form` as text), or "audio/mpeg": only what is alike is put together."""
    digest = models.CharField(max_length=64, editable=False)
    """Of the audio, SHA-256. In hexadecimal."""
    recorded_at = models.DateTimeField(gettext_lazy("inläst"), db_default=Now(), editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("inläst av"),
        editable=False,
    )
    replaced_at = models.DateTimeField(null=True, editable=False)
    """When a newer recording of the sentence took its place. What is being said just then is still fetched."""
    consent_text = models.ForeignKey(
        ConsentText, on_delete=models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    """Of the consent question: this wording as a version of its own, which each answer refers to."""

    objects = RecordingQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("inspelning")
        verbose_name_plural = gettext_lazy("inspelningar")
        constraints = [
            models.UniqueConstraint(
                fields=["care_provider", "language", "sentence"],
                condition=Q(replaced_at=None),
                name="one_recording_of_a_sentence",
            ),
        ]

    def __str__(self) -> str:
        words = self.words if len(self.words) <= 60 else f"{self.words[:59]}…"
        return f"{words} ({self.language})"
