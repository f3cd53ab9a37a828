"""What a patient needs of whoever calls: an interpreter, and somebody in particular to talk to."""

from __future__ import annotations

from django.utils.translation import gettext as _

LANGUAGES = (
    *("albanska", "amhariska", "arabiska", "assyriska", "bosniska", "bulgariska", "dari", "engelska", "estniska"),
    *("farsi", "finska", "franska", "grekiska", "kantonesiska", "kroatiska", "kurdiska (kurmanji)"),
    *("kurdiska (sorani)", "lettiska", "litauiska", "makedonska", "mandarin", "meänkieli", "mongoliska"),
    *("nederländska", "pashto", "polska", "portugisiska", "romani", "rumänska", "ryska", "samiska", "serbiska"),
    *("somaliska", "spanska", "swahili", "syriska", "taktilt teckenspråk", "teckenspråk", "thailändska"),
    *("tigrinska", "tjeckiska", "turkiska", "tyska", "ukrainska", "ungerska", "urdu", "uzbekiska", "vietnamesiska"),
)
"""Those that are proposed where the language is written; any other may be written too. In Swedish whatever the screen
speaks, as the case is read by colleagues and copied to the patient's record."""


def in_words(interpreter_language: str, speak_with: str) -> list[str]:
    """What there is of the two: "Tolk: arabiska", "Önskar tala med: läkare"."""
    told = []
    if interpreter_language:
        told.append(_("Tolk: %(language)s") % {"language": interpreter_language})
    if speak_with:
        told.append(_("Önskar tala med: %(whom)s") % {"whom": speak_with})
    return told
