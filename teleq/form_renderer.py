"""How forms are rendered: by Django's templates and ours, but for inputs, of which a page has dozens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.forms.renderers import TemplatesSetting
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe


class FormRenderer(TemplatesSetting):
    """An input is nothing but its attributes: to render a template for it takes ten times as long as to write them. And
    Django's renderer looks for a template each time that it is rendered."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        if template_name in ("django/forms/widgets/text.html", "django/forms/widgets/hidden.html"):
            return input_element(context["widget"])
        return super().render(template_name, context, request)

    def get_template(self, template_name: str) -> Any:
        if template_name not in self._found:
            self._found[template_name] = super().get_template(template_name)
        return self._found[template_name]


def input_element(widget: Mapping[str, Any]) -> SafeString:
    """As django/forms/widgets/input.html; and names and words are written from right to left where they are."""
    own = {"type": widget["type"], **({"dir": "auto"} if widget["type"] == "text" else {}), "name": widget["name"]}
    value = {} if widget["value"] is None else {"value": widget["value"]}
    return mark_safe(f"<input{attributes(own | value)}{attributes(widget['attrs'])}>")  # noqa: S308  escaped there


def attributes(attrs: Mapping[str, Any]) -> SafeString:
    """As django/forms/widgets/attrs.html."""
    written = (
        f" {name}" if value is True else f' {name}="{conditional_escape(value)}"'
        for name, value in attrs.items()
        if value is not False
    )
    return mark_safe("".join(written))  # noqa: S308  each value is escaped, and the names stand in our forms
