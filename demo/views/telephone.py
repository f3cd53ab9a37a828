"""The telephone in the browser: who calls whom, what is heard, and the keys.

It works without JavaScript: each key is a press of a button, and the page comes back. js/telephone.js plays what is
said, counts the seconds for a key, and posts the same forms in place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from demo import telephone
from demo.forms import RingForm
from demo.models import SimulatedCall
from demo.network import NotTold

ACTS: dict[str, Callable[[SimulatedCall], None]] = {
    "wait": telephone.wait,
    "answer": telephone.answer,
    "busy": telephone.person_is_busy,
    "nobody": telephone.nobody_answers,
    "person_hangs_up": telephone.person_hangs_up,
    "hang_up": telephone.hang_up,
}
KEYPAD = "123456789*0#"
SOUND = {"media-src": [SELF]}


@require_GET
@csp_update(SOUND)
def show(request: HttpRequest, call_id: int | None = None) -> HttpResponse:
    call = get_object_or_404(SimulatedCall, pk=call_id) if call_id else None
    form = RingForm.again(call) if call else RingForm()
    return render(request, "demo/telephone.html", {"call": call, "form": form, "keypad": KEYPAD})


@require_POST
def ring(request: HttpRequest) -> HttpResponse:
    form = RingForm(request.POST)
    if form.is_valid():
        try:
            return redirect("demo:telephone_call", telephone.ring(form.caller(), form.cleaned_data["to_number"]).pk)
        except NotTold:
            messages.error(request, _("teleQ svarar inte. Ring igen."))
    return render(request, "demo/telephone.html", {"form": form}, status=422)


@require_POST
def act(request: HttpRequest, call_id: int) -> HttpResponse:
    """A key, several keys, or one of `ACTS`."""
    call = get_object_or_404(SimulatedCall, pk=call_id)
    keys = request.POST.get("keys", "").strip()
    do = ACTS.get(request.POST.get("act", ""), partial(telephone.press, keys=keys))
    try:
        do(call)
    except telephone.NoKeys:
        messages.error(request, _("Tryck 0–9, * eller #."))
    except NotTold:
        messages.error(request, _("teleQ svarar inte. Försök igen."))
    return redirect("demo:telephone_call", call.pk)
