"""The field for a text that patients are sent: with what may be filled in, and a preview that follows what is typed.

One for all texts: bokningsbekräftelse, påminnelse and standardtexter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from administration.texts import Reading


class SmsTextarea(AdminTextareaWidget):
    """Shows what was typed, also where that can't be saved, and below it how the SMS would be read."""

    template_name = "admin/sms_text.html"
    read: Callable[[str], Reading]
    """These three are set by the form."""
    address: str
    """Where the preview of what is being typed is asked for."""
    offered: Mapping[str, str] = {}
    """The placeholders, and what each becomes."""
    with_fields: Iterable[str] = ()
    """The ids of other fields by which the preview changes too."""

    def get_context(self, name: str, value: str | None, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        attrs = context["widget"]["attrs"]
        below = [f"{attrs['id']}_placeholders"] if self.offered else []
        described_by = [attrs.get("aria-describedby"), *below, f"{attrs['id']}_advice"]
        attrs["aria-describedby"] = " ".join(filter(None, described_by))
        watched = [f"input from:#{field} delay:150ms" for field in (attrs["id"], *self.with_fields)]
        return {
            **context,
            "reading": self.read(value or ""),
            "address": self.address,
            "offered": self.offered,
            "watched": ", ".join(watched),
        }


def preview(request: HttpRequest, reading: Reading) -> HttpResponse:
    """What the text being typed would become, and what would stop it from being saved."""
    return render(request, "admin/sms_text_preview.html", {"reading": reading, "problems": reading.problems})


def tell(request: HttpRequest, readings: Iterable[Reading]) -> None:
    """What is unwise in texts that have been saved: each thing once."""
    for each in dict.fromkeys(told for reading in readings for told in reading.advice):
        messages.warning(request, each)
