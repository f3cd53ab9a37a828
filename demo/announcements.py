"""The demonstration's own sentences in the telephone menu, in Swedish and English, by the names of their files in
demo/recordings/, which bin/voices makes of them."""

from __future__ import annotations

ANNOUNCEMENTS = {
    "welcome": ("Välkommen till Vårdcentralen Spindeln.", "Welcome to Spindeln health centre."),
    "advice": ("För rådgivning, tryck 1.", "For advice, press 1."),
    "booking": ("För tidbokning, tryck 2.", "To book an appointment, press 2."),
    "hours": ("För öppettider, tryck 3.", "For opening hours, press 3."),
    "person": ("För att prata med någon, tryck 0.", "To talk to somebody, press 0."),
    "opening_hours": (
        "Vårdcentralen är öppen måndag till fredag, från klockan åtta till klockan sexton."
        " På tisdagar kan du vaccinera dig utan att boka tid. Tack och hej då.",
        "The health centre is open from Monday to Friday, from eight to four. On Tuesdays you can be vaccinated without"
        " an appointment. Thank you and goodbye.",
    ),
}
