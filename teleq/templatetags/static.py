"""Django's library of the same name, with a `{% static %}` that asks for a file's address once: a page has fifteen."""

from __future__ import annotations

from functools import cache

from django import template
from django.template.base import Parser, Token
from django.templatetags import static

register = template.Library()
register.tags |= static.register.tags


class StaticNode(static.StaticNode):
    @classmethod
    def handle_simple(cls, path: str) -> str:
        return _address(path)


@cache
def _address(path: str) -> str:
    return static.StaticNode.handle_simple(path)


@register.tag("static")
def do_static(parser: Parser, token: Token) -> static.StaticNode:
    return StaticNode.handle_token(parser, token)
