"""What is unwise in a text message though nothing stops it: told to whoever writes it in Admin, and counted in the
checklist of a queue. What may not be sent at all is in `rules`.

Each is a function of a text as it would be sent: what is unwise, in the language of the screen, or None.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sms.content import segments
from teleq.models import is_number

_CARE = re.compile(
    # Of long words any part, as they are joined with others; of short ones the beginning or the whole.
    r"(?:psykiatr|psykolog|missbruk|alkohol|gynekolog|barnmorsk|preventivmedel|fertilitet|könssjukd|venereolog"
    r"|klamydia|gonorré|syfilis|hepatit|onkolog|cancer|tumör|cellgift|cytostatik|strålbehandl|palliativ|hospis|dialys"
    r"|demens|minnesmottagning|ätstörning|anorexi|bulimi|självmord|suicid|depression|ångest|autism|habilitering"
    r"|urolog|prostata|cellprov|mammografi|koloskopi|graviditet|mödravård|ungdomsmottagning|sexualm|sexuell hälsa"
    r"|epileps|diabet|reumat|astma|allergi(?:mott|enhet)|hjärt(?:svikt|mott)|lungmott|njurmott|ögonmott|smärtmott|obesitas"
    r"|inkontinens|stroke|tuberkulos|hudmottagning|infektionsmottagning|smittspår|kvinnoklinik|ortoped|provsvar|diagnos)"
    r"|\b(?:bup|adhd|hiv|kol|sti|ivf|mvc|bvc|lss|abort\w*|gynmott\w*|beroende(?:mott|vård|enhet|centrum|klinik)\w*"
    r"|drogmott\w*|vuxenpsyk\w*|neuropsyk\w*)\b",
    re.IGNORECASE,
)
"""Words for kinds of care. Some common ones: to know them all takes somebody who reads the text."""
_LINK = re.compile(
    r"https?://\S+|\bwww\.\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:se|com|nu|net|org|eu|io|info|ly)\b", re.IGNORECASE
)
_WORD = re.compile(r"\w+")
_STOP = re.compile(r"\bstopp?\b", re.IGNORECASE)
_NUMBER_TO_CALL = re.compile(r"(?:\+|\b0)\d[\d -]{5,}\d|\b1177\b")

CAN_NOT_BE_REPLIED_TO = gettext_lazy("Patienten kan inte svara STOPP på SMS från ett namn.")
ANOTHER_WAY = gettext_lazy("Skriv i texterna hur man tackar nej, till exempel: Vill du inte ha SMS? Ring {number}.")


def reveals_care(text: str) -> str | None:
    """Even that somebody is a patient is secret (25 kap. 1 § offentlighets- och sekretesslagen), and an SMS is read on
    a locked telephone, by whoever sees it."""
    found = _CARE.search(text)
    if not found:
        return None
    word = next(each[0] for each in _WORD.finditer(text) if each.end() > found.start())
    return _(
        "”%(word)s” kan avslöja vilken vård det gäller för den som ser telefonen. Skriv så att SMS:et kan läsas av vem"
        " som helst."
    ) % {"word": word}


def holds_a_link(text: str) -> str | None:
    """Patients are told not to follow links in text messages: those who lure people send such."""
    found = _LINK.search(text)
    if not found:
        return None
    return _(
        "Texten innehåller en länk (%(link)s). SMS med länkar liknar bedrägeriförsök: be hellre patienten att ringa."
    ) % {"link": found[0]}


def can_not_be_declined(text: str, sender: str, number: str) -> str | None:
    """An SMS from a name can't be replied to: how else one says no has to stand in it. `number` is what to write there
    for the queue's telephone number."""
    if is_number(sender):
        return None
    if _STOP.search(text):
        return _(
            "Texten ber patienten att svara STOPP, men ett SMS från ett namn går inte att svara på. Skriv i stället ett"
            " nummer att ringa."
        )
    if _NUMBER_TO_CALL.search(text):
        return None
    return f"{CAN_NOT_BE_REPLIED_TO} {ANOTHER_WAY.format(number=number)}"


def costs_more(text: str) -> str | None:
    """A single character outside GSM-7 makes the whole text UCS-2."""
    other = next((letter for letter in text if letter not in segments.GSM | segments.GSM_EXTENSION), None)
    if other is None:
        return None
    return _(
        "”%(letter)s” finns inte i SMS-alfabetet (GSM-7). Med det tecknet ryms 70 tecken i ett SMS (UCS-2), i stället"
        " för 160."
    ) % {"letter": other}


READ_AT_MOST = 1000
"""Characters: no text that can be sent is longer, and what is posted to be previewed may be."""


def of_text(text: str, sender: str, number: str) -> list[str]:
    """All of it, for a text from this sender. Of no text there is nothing to say."""
    if not text:
        return []
    text = text[:READ_AT_MOST]
    told = (reveals_care(text), holds_a_link(text), can_not_be_declined(text, sender, number), costs_more(text))
    return [each for each in told if each]
