"""Which of the database's constraints an error is about."""

from django.db import Error


def violates(error: Error, constraint: str) -> bool:
    """Whether PostgreSQL refused something because of this constraint.

    It is told by the constraint's name. The error's message is left alone, as it quotes the row's values.
    """
    diagnostics = getattr(error.__cause__, "diag", None)
    return diagnostics is not None and bool(constraint) and diagnostics.constraint_name == constraint
