"""The environment that settings are read from: a variable, or a file that NAME_FILE names, as Docker's secrets are."""

from __future__ import annotations

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping


class _Environment(FileAwareMapping):  # type: ignore[misc]  # without types
    """Without the line end that an editor leaves after a secret. What is missing or said twice stops the start."""

    def __getitem__(self, name: str) -> str:
        path = self.env.get(f"{name}_FILE")
        if path and self.env.get(name):
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: which of them counts?")
        try:
            value: str = super().__getitem__(name)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ImproperlyConfigured(f"{name}_FILE is {path!r}, which can't be read: {why}.") from None
        return value.rstrip("\r\n") if path else value


class Environment(environ.FileAwareEnv):  # type: ignore[misc]  # without types
    """django-environ's, for any variable: `env.str("SECRET_KEY")` reads SECRET_KEY or what SECRET_KEY_FILE names.

    Raises ImproperlyConfigured, which never holds a value.
    """

    ENVIRON = _Environment()
