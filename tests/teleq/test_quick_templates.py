"""What teleQ's templates and forms render quicker than Django reads as Django's own."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.template import Context, Engine, engines
from django.urls import NoReverseMatch, reverse
from django.utils.translation import override

from teleq.addresses import address
from teleq.form_renderer import FormRenderer

DJANGOS = Engine(libraries={"i18n": "django.templatetags.i18n", "static": "django.templatetags.static"})
NASTY = "\"><script>alert(1)</script> & ' 070-174 06 05"


def ours(text: str, **context: Any) -> str:
    return engines["django"].from_string(text).render(context)


def djangos(text: str, **context: Any) -> str:
    return DJANGOS.from_string(text).render(Context(context))


@pytest.mark.parametrize(
    "text",
    [
        "{% url 'cases:work_list' %}",
        "{% url 'cases:case' id %}",
        "{% url 'cases:act' 7 %} {% url 'cases:act' 8 %}",
        "{% url 'cases:act' id as there %}{{ there }}?queue=1",
        "{% url 'cases:nothing' id as there %}[{{ there }}]",
        "{% url 'cases:case' 0 %}",
        "{% url 'handbook:page' 'roller' %}",
        "{% url 'admin:index' %}",
        "{% load static %}{% static 'css/teleq.css' %} {% static 'icon.svg' as icon %}{{ icon }}",
        "{% load i18n %}{% translate 'Arbetslista' %}{% translate 'Logga ut' as words %}{{ words }}",
        "{% load i18n %}{% translate '100 % <b>säkert</b>' %}{% translate word %}{% translate 'Sök' noop %}",
        "{% load i18n %}{% translate '.' context 'mellan timme, minut och sekund' %}{% translate 'Kö'|upper %}",
    ],
)
@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_tag_writes_what_djangos_writes(text, language):
    with override(language):
        assert ours(text, id=4711, word="Tid") == djangos(text, id=4711, word="Tid")


def test_an_address_is_the_one_of_its_own_ids():
    for case in (1, 22, 9_000_000_000):
        assert address("cases:act", case) == reverse("cases:act", args=[case])


@pytest.mark.parametrize(
    "text", ["{% url 'cases:nothing' 1 %}", "{% url 'cases:case' 1 2 %}", "{% url 'cases:case' -1 %}"]
)
def test_an_address_that_there_is_not_is_an_error(text):
    with pytest.raises(NoReverseMatch):
        ours(text)


class Form(forms.Form):
    name = forms.CharField(max_length=20, help_text="Hela namnet", show_hidden_initial=True)
    secret = forms.CharField(widget=forms.HiddenInput({"autocomplete": "off", "autofocus": True, "disabled": False}))


@pytest.mark.parametrize("value", ["Agda", NASTY, "", None, 0])
@pytest.mark.parametrize("bound", [True, False])
def test_an_input_has_what_djangos_has(value, bound):
    """But for the direction of what is written in a line of text."""
    values = {"name": value, "secret": value, "initial-name": value}
    shown = [
        str(field)
        for renderer in (FormRenderer(), DjangoTemplates())
        for field in Form(**({"data": values} if bound else {"initial": values}), renderer=renderer)
    ]
    name, secret, djangos_name, djangos_secret = (" ".join(each.split()) for each in shown)
    assert name.replace(' dir="auto"', "", 1) == djangos_name
    assert 'type="text" dir="auto"' in name
    assert secret == djangos_secret
    assert "<script" not in name + secret
