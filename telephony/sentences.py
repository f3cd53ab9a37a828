"""What the telephone menu can say: each sentence's key, and its words in Swedish and English for who records it.

The words are the standard: a care provider may record others. Times, days and digits are put together from words
(`telephony.spoken`), which are recorded one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CONSENT_QUESTION = "consent_question"


@dataclass(frozen=True)
class Sentence:
    """A sentence or a word, and what it is for."""

    swedish: str
    """Empty: said in English only."""
    english: str

    def words(self, language: str) -> str:
        """In this language; for those that aren't written here, in Swedish. Empty: it isn't said in the language."""
        return self.english if language == "en" else self.swedish


SENTENCES = {
    # The beginning
    "emergency": Sentence(
        "Vid livshotande tillstånd, lägg på och ring 112.", "If this is life-threatening, hang up and call 112."
    ),
    "closed": Sentence("Telefonen är stängd just nu.", "Our telephone is closed at the moment."),
    "closed_day": Sentence("Telefonen är stängd i dag.", "Our telephone is closed today."),
    "we_open": Sentence("Vi öppnar", "We open"),
    "call_1177": Sentence("För råd om vård, ring 1177, dygnet runt.", "For advice on care, call 1177, day and night."),
    "not_in_use": Sentence(
        "Numret är inte i bruk. För råd om vård, ring 1177.",
        "This number is not in use. For advice on care, call 1177.",
    ),
    "for_this_language": Sentence("För svenska, tryck", "For English, press"),
    # The menu
    "for_a_person": Sentence("Tryck 0 för att prata med någon.", "Press 0 to talk to somebody."),
    # A time that is booked already
    "you_will_be_called": Sentence("Du blir uppringd", "You will be called"),
    "and": Sentence("och", "and"),
    "which_time": Sentence("Vilken tid gäller det?", "Which of them is it about?"),
    "press": Sentence("tryck", "press"),
    "has_time_choices": Sentence(
        "Tryck 1 för en annan tid, 2 för att avboka, 3 för att boka även för någon annan, eller 9 för att avsluta.",
        "Press 1 for another time, 2 to cancel, 3 to book for somebody else as well, or 9 to end.",
    ),
    "has_time_fixed": Sentence(
        "Tryck 3 för att boka även för någon annan, eller 9 för att avsluta.",
        "Press 3 to book for somebody else as well, or 9 to end.",
    ),
    "cancel_choices": Sentence(
        "Tryck 1 för att avboka, eller 2 för att behålla tiden.", "Press 1 to cancel, or 2 to keep the time."
    ),
    "cancelled": Sentence("Tiden är avbokad.", "The time is cancelled."),
    "moved": Sentence("Tiden är ändrad.", "The time is changed."),
    "in_work": Sentence(
        "Tiden går inte att ändra här just nu, för vi håller redan på med ditt ärende.",
        "The time can't be changed here, as we are already working on your case.",
    ),
    # The number to call back
    "number_withheld": Sentence(
        "Numret du ringer från går inte att ringa upp.", "We can't call the number you call from."
    ),
    "key_number": Sentence(
        "Slå det telefonnummer som vi ska ringa, med riktnummer. Avsluta med fyrkant.",
        "Key in the telephone number that we are to call, with its area code. End with the hash key.",
    ),
    "you_keyed": Sentence("Du har slagit", "You have keyed in"),
    "check_choices": Sentence(
        "Tryck 1 om det är rätt, eller 2 för att slå om.", "Press 1 if it is right, or 2 to key again."
    ),
    "number_invalid": Sentence("Det är inget giltigt telefonnummer.", "That is not a valid telephone number."),
    # Personnummer
    "key_identity": Sentence(
        "Slå personnumret för den som ärendet gäller, tio eller tolv siffror, och sedan fyrkant."
        " Har du inget personnummer, tryck bara fyrkant.",
        "Key in the personal identity number of the person it is about, ten or twelve digits, and then the hash key."
        " If there is none, press just the hash key.",
    ),
    "identity_ends_with": Sentence("Personnumret slutar på", "The personal identity number ends with"),
    "identity_invalid": Sentence("Det är inget giltigt personnummer.", "That is not a valid personal identity number."),
    # A time
    "today_is_full": Sentence("Alla tider i dag är bokade.", "All of today's times are taken."),
    "we_will_call": Sentence("Vi ringer dig", "We will call you"),
    "on_your_number": Sentence("på det nummer du ringer från.", "on the number you call from."),
    "on_keyed_number": Sentence("på det nummer du har slagit.", "on the number you keyed in."),
    "number_may_be_withheld": Sentence(
        "Numret kan vara dolt när vi ringer.", "Our number may be withheld when we call."
    ),
    "offer_choices": Sentence(
        "Tryck 1 om det är bra, 2 för ett annat nummer, 3 för en annan tid, eller 9 för att avsluta.",
        "Press 1 if that is fine, 2 for another number, 3 for another time, or 9 to end.",
    ),
    "taken_meanwhile": Sentence("Tiden hann bli bokad av någon annan.", "Somebody else has just taken that time."),
    "for": Sentence("För tiden", "For the time"),
    "more_times": Sentence("Tryck 4 för fler tider.", "Press 4 for more times."),
    "end_choice": Sentence("Tryck 9 för att avsluta.", "Press 9 to end."),
    "no_more_times": Sentence("Det finns inga fler tider.", "There are no more times."),
    "full": Sentence(
        "Det finns inga lediga tider just nu. Ring igen i morgon. För råd om vård, ring 1177, dygnet runt.",
        "There are no free times at the moment. Please call again tomorrow. For advice on care, call 1177.",
    ),
    "booked": Sentence("Tack. Tiden är bokad. Vi ringer dig", "Thank you. It is booked. We will call you"),
    "booked_already": Sentence("Samtalet har redan bokat en tid.", "This call has booked a time already."),
    # SMS
    CONSENT_QUESTION: Sentence(
        "Får vi skicka SMS till det nummer du ringer från? Tryck 1 för ja, 2 för nej. Svaret sparas i 14 månader.",
        "May we send text messages to the number you call from? Press 1 for yes, 2 for no. We keep your answer for 14"
        " months.",
    ),
    "consent_yes": Sentence("Tack. Då skickar vi SMS till dig.", "Thank you. We will send you text messages."),
    "consent_no": Sentence("Då skickar vi inga SMS till dig.", "We will not send you text messages."),
    "take_back_choice": Sentence(
        "Du får SMS från oss. Tryck 4 om du inte vill det längre.",
        "You get text messages from us. Press 4 if you don't want them any more.",
    ),
    "taken_back": Sentence("Du får inga fler SMS från oss.", "You will get no more text messages from us."),
    # The end
    "no_key": Sentence("Vi hörde ingen knapptryckning.", "We did not hear you press a key."),
    "wrong_key": Sentence("Jag förstod inte det.", "I did not get that."),
    "connecting": Sentence("Samtalet kopplas.", "You are being put through."),
    "nobody_answers": Sentence("Ingen kan svara just nu.", "Nobody can answer at the moment."),
    "nothing_booked": Sentence("Ingenting är bokat.", "Nothing is booked."),
    "call_again": Sentence(
        "Ring igen när du vill. För råd om vård, ring 1177, dygnet runt.",
        "Call again when you like. For advice on care, call 1177, day and night.",
    ),
    "goodbye": Sentence("Tack och hej då.", "Thank you and goodbye."),
}

WEEKDAYS = (
    ("måndag", "on Monday"),
    ("tisdag", "on Tuesday"),
    ("onsdag", "on Wednesday"),
    ("torsdag", "on Thursday"),
    ("fredag", "on Friday"),
    ("lördag", "on Saturday"),
    ("söndag", "on Sunday"),
)
MONTHS = (
    *(
        ("januari", "of January"),
        ("februari", "of February"),
        ("mars", "of March"),
        ("april", "of April"),
        ("maj", "of May"),
    ),
    *(("juni", "of June"), ("juli", "of July"), ("augusti", "of August"), ("september", "of September")),
    *(("oktober", "of October"), ("november", "of November"), ("december", "of December")),
)
ORDINALS = (
    *(("första", "first"), ("andra", "second"), ("tredje", "third"), ("fjärde", "fourth"), ("femte", "fifth")),
    *(("sjätte", "sixth"), ("sjunde", "seventh"), ("åttonde", "eighth"), ("nionde", "ninth"), ("tionde", "tenth")),
    *(("elfte", "eleventh"), ("tolfte", "twelfth"), ("trettonde", "thirteenth"), ("fjortonde", "fourteenth")),
    *(("femtonde", "fifteenth"), ("sextonde", "sixteenth"), ("sjuttonde", "seventeenth"), ("artonde", "eighteenth")),
    *(("nittonde", "nineteenth"), ("tjugonde", "twentieth"), ("tjugoförsta", "twenty-first")),
    *(("tjugoandra", "twenty-second"), ("tjugotredje", "twenty-third"), ("tjugofjärde", "twenty-fourth")),
    *(("tjugofemte", "twenty-fifth"), ("tjugosjätte", "twenty-sixth"), ("tjugosjunde", "twenty-seventh")),
    *(("tjugoåttonde", "twenty-eighth"), ("tjugonionde", "twenty-ninth"), ("trettionde", "thirtieth")),
    ("trettioförsta", "thirty-first"),
)
ENGLISH_CLOCK = {
    "noon": "noon",
    "o_clock": "o'clock",
    "in_the_morning": "in the morning",
    "in_the_afternoon": "in the afternoon",
    "in_the_evening": "in the evening",
}
"""What an English time has and others haven't: it is said by twelve hours."""
_ONES = (
    *(("noll", "zero"), ("ett", "one"), ("två", "two"), ("tre", "three"), ("fyra", "four"), ("fem", "five")),
    *(("sex", "six"), ("sju", "seven"), ("åtta", "eight"), ("nio", "nine"), ("tio", "ten"), ("elva", "eleven")),
    *(("tolv", "twelve"), ("tretton", "thirteen"), ("fjorton", "fourteen"), ("femton", "fifteen")),
    *(("sexton", "sixteen"), ("sjutton", "seventeen"), ("arton", "eighteen"), ("nitton", "nineteen")),
)
_TENS = (("tjugo", "twenty"), ("trettio", "thirty"), ("fyrtio", "forty"), ("femtio", "fifty"))


def _number(number: int) -> Sentence:
    if number < 20:
        return Sentence(*_ONES[number])
    (swedish, english), ones = _TENS[number // 10 - 2], number % 10
    if not ones:
        return Sentence(swedish, english)
    return Sentence(f"{swedish}{_ONES[ones][0]}", f"{english}-{_ONES[ones][1]}")


def _words() -> Iterator[tuple[str, Sentence]]:
    yield "tomorrow", Sentence("i morgon", "tomorrow")
    yield "at", Sentence("klockan", "at")
    yield "about", Sentence("omkring klockan", "at about")
    yield "the", Sentence("den", "the")
    for number in range(60):
        yield f"number_{number}", _number(number)
    for number in range(1, 10):
        yield f"minute_{number}", Sentence(f"noll {_ONES[number][0]}", f"oh {_ONES[number][1]}")
    for place, names in enumerate(WEEKDAYS):
        yield f"weekday_{place}", Sentence(*names)
    for place, names in enumerate(ORDINALS, start=1):
        yield f"day_{place}", Sentence(*names)
    for place, names in enumerate(MONTHS, start=1):
        yield f"month_{place}", Sentence(*names)
    for key, english in ENGLISH_CLOCK.items():
        yield key, Sentence("", english)


WORDS = dict(_words())
"""What times, days and digits are put together from."""
STANDARD = SENTENCES | WORDS


def said_in(language: str) -> dict[str, str]:
    """The standard sentences of a language: each key, and its words. For those that aren't written here, in Swedish."""
    return {key: words for key, sentence in STANDARD.items() if (words := sentence.words(language))}
