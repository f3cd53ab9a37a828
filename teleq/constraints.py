"""Which of the database's constraints an error is about."""

from django.db import Error


def violates(error: Error, constraint: str) -> bool:
    """Whether PostgreSQL refused something for this constraint. Its message is not asked: that quotes values."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return diagnostics is not None and bool(constraint) and diagnostics.constraint_name == constraint
