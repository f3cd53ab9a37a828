"""What a nurse may write in a message: an SMS is read on the way and on locked telephones."""

import re

from personnummer import personnummer

from sms.numbers import can_receive_sms

_CANDIDATES = re.compile(r"(?<!\d)(?:\d{6}|\d{8})[-+\u2013 ]?\d{4}(?!\d)", re.ASCII)


def holds_personal_identity_number(text: str) -> bool:
    """Whether a personnummer or samordningsnummer stands in the text, however it is written.

    Ten digits in a row may be a mobile number, too; one that can be dialled isn't taken for a personnummer.
    """
    return any(_is_one(found) for found in _CANDIDATES.findall(text))


def _is_one(found: str) -> bool:
    digits = found.replace("\u2013", "-").replace(" ", "-")
    if not personnummer.valid(digits):
        return False
    return not (digits.isdigit() and digits.startswith("07") and can_receive_sms(f"+46{digits[1:]}"))
