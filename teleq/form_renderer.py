"""How forms' fields are rendered: by Django's renderer, which looks for a template each time, and a page has dozens."""

from __future__ import annotations

from typing import Any

from django.forms.renderers import TemplatesSetting


class FormRenderer(TemplatesSetting):
    def __init__(self) -> None:
        self._found: dict[str, Any] = {}

    def get_template(self, template_name: str) -> Any:
        if template_name not in self._found:
            self._found[template_name] = super().get_template(template_name)
        return self._found[template_name]
