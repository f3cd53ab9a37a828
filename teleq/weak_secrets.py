"""What makes a secret from the environment too weak to start with."""

from __future__ import annotations

from collections.abc import Iterator

EXAMPLES = ("django-insecure", "changeme", "change-me", "secret", "password", "example", "insecure", "teleq")
"""What the secrets of documentation and templates have in them."""


def weaknesses(secret: str, shortest: int) -> Iterator[str]:
    """Why a secret can be guessed, in words that go on after its name."""
    if len(secret) < shortest:
        yield f"is {len(secret)} characters long; it must be {shortest} at least"
    elif len(set(secret)) < min(shortest // 3, 10):
        yield f"has only {len(set(secret))} different characters"
    elif any(word in secret.casefold() for word in EXAMPLES):
        yield "looks like an example from a documentation"
