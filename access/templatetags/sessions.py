"""What every page says of the session's end."""

from typing import Any

from django import template

from access.sessions import told

register = template.Library()


@register.inclusion_tag("access/_session.html", takes_context=True)
def session_end(context: dict[str, Any]) -> dict[str, Any]:
    return {**told(context["request"]), "csrf_token": context.get("csrf_token")}
