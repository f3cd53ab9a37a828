"""The states of a text message, the sets of states that have a name, and the moves between states.

A message begins as `queued`, or as `refused` if it was judged at once. docs/architecture.md draws its way.
"""

from django.db import models
from django.utils.translation import gettext_lazy


class State(models.TextChoices):
    QUEUED = "queued", gettext_lazy("Väntar")
    SENDING = "sending", gettext_lazy("Skickas")
    SENT = "sent", gettext_lazy("Skickat")
    DELIVERED = "delivered", gettext_lazy("Levererat")
    FAILED = "failed", gettext_lazy("Misslyckades")
    REFUSED = "refused", gettext_lazy("Stoppat")
    CANCELLED = "cancelled", gettext_lazy("Inställt")
    EXPIRED = "expired", gettext_lazy("För sent")
    UNKNOWN = "unknown", gettext_lazy("Okänt om det kom fram")


MOVES: dict[State, set[State]] = {
    State.QUEUED: {State.SENDING, State.REFUSED, State.EXPIRED, State.CANCELLED},
    State.SENDING: {State.QUEUED, State.SENT, State.FAILED, State.UNKNOWN, State.DELIVERED},
    State.SENT: {State.DELIVERED, State.FAILED, State.UNKNOWN},
    State.UNKNOWN: {State.SENT, State.DELIVERED, State.FAILED},
    State.DELIVERED: set(),
    State.FAILED: set(),
    State.REFUSED: set(),
    State.CANCELLED: set(),
    State.EXPIRED: set(),
}
"""For each state, the states that a message may move to from it. `sms.guard` makes PostgreSQL refuse any other move."""

MOVES_OF_A_COPY: dict[State, set[State]] = {State.QUEUED: {State.UNKNOWN}}
"""Moves that a message may make as well, while its database is held as a restored copy: what waits there may have left
since the copy was made (`sms.restored`)."""

FINAL = {state for state, next_states in MOVES.items() if not next_states}
"""A message never leaves these states."""
PENDING = {State.QUEUED, State.SENDING}
"""teleQ still has something to do: to hand the message over, or to record the provider's response."""
HANDED_OVER = {State.SENDING, State.SENT, State.DELIVERED, State.FAILED, State.UNKNOWN}
"""The message was claimed, and its provider has it or may have it."""
AWAITING_REPORT = HANDED_OVER - FINAL
"""A delivery report can still change the state."""
TIME_LIMITED = {State.SENDING, State.SENT}
"""A sweep turns messages that stay in one of these for too long into `unknown`."""
UNSETTLED = PENDING | TIME_LIMITED
"""teleQ looks for these by itself: to hand them over, or to give them up. Each has a row in `sms.models.Unsettled`."""
