"""The demonstration's logins. Imports no models, so that the check at start can know them before there are any."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "teleq-demo-2026"  # noqa: S105  known to everyone: demo/checks.py refuses it outside the demonstration
TOTP_KEY = "TELEQDEMOTELEQDEMO234567TELEQDEM"  # for an authenticator app: the second factor of whoever has one


@dataclass(frozen=True)
class Login:
    username: str
    first_name: str
    last_name: str
    role: str
    queues: tuple[str, ...] = ()
    administrator: bool = False
    operator: bool = False
    second_factor: bool = False

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


SPINDELN = ("rådgivning", "tidbokning")
LOGINS = [
    Login("anna", "Anna", "Lind", "Sjuksköterska, VC Spindeln", SPINDELN),
    Login("karim", "Karim", "Noor", "Sjuksköterska, VC Spindeln; andra faktor", SPINDELN, second_factor=True),
    Login("maria", "Maria", "Ek", "Administratör, VC Spindeln", SPINDELN, administrator=True),
    Login("sara", "Sara", "Wiik", "Sjuksköterska, VC Myran", ("myran",)),
    Login("jonas", "Jonas", "Rask", "Administratör, VC Myran", ("myran",), administrator=True),
    Login("drift", "Disa", "Drake", "Driftansvarig", operator=True),
]
