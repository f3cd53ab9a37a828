"""Tags and filters that every template has without loading them (settings.TEMPLATES): as Django's own, and quicker."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context, defaulttags
from django.template.base import Parser, Token
from django.urls import NoReverseMatch
from django.utils.html import conditional_escape

from teleq.addresses import address
from teleq.form_renderer import attributes, input_element

register = template.Library()
register.filter(attributes)
register.filter(input_element)


class URLNode(defaulttags.URLNode):
    def render(self, context: Context) -> str:
        ids = [each.resolve(context) for each in self.args]
        if self.kwargs or not all(type(each) is int and each >= 0 for each in ids):
            return super().render(context)
        try:
            made = address(self.view_name.resolve(context), *ids, current_app=_current_app(context))
        except NoReverseMatch:
            return super().render(context)  # says so, or leaves the variable empty
        if self.asvar:
            context[self.asvar] = made
            return ""
        return conditional_escape(made) if context.autoescape else made


def _current_app(context: Any) -> str | None:
    """Which of the apps with the same name the page is of, as Django's tag tells it."""
    request: Any = getattr(context, "request", None)
    app: str | None = getattr(getattr(request, "resolver_match", None), "namespace", None)
    return getattr(request, "current_app", app)


@register.tag
def url(parser: Parser, token: Token) -> URLNode:
    """Django's `{% url %}`, by `teleq.addresses` where all that it is given are ids."""
    node = defaulttags.url(parser, token)
    return URLNode(node.view_name, node.args, node.kwargs, node.asvar)
