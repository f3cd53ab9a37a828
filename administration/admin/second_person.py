"""Admin > Väntar på en andra person: what one has asked for, and what one may confirm that another has asked for."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access import second_person
from access.models import SecondPersonRequest
from administration.admin.scoped import person
from administration.admin.users import show_link
from administration.rights import MAKE_LINK, told

CONFIRMED = gettext_lazy("{act} för {about} är utfört.")
WITHDRAWN = gettext_lazy("Begäran är återtagen.")
NOT_OPEN = gettext_lazy("Begäran väntar inte längre: den är bekräftad, återtagen eller för gammal. Ingenting gjordes.")


def second_person_view(request: HttpRequest) -> HttpResponse:
    user = person(request)
    if request.method == "POST":
        confirmed = _settle(request)
        if confirmed and confirmed.act == MAKE_LINK:
            return show_link(request, confirmed.about)
        return redirect("admin:second_person")
    waiting = [
        (asked, told(asked), second_person.may_confirm(user, asked)) for asked in second_person.waiting_for(user)
    ]
    context = {**admin.site.each_context(request), "title": _("Väntar på en andra person"), "waiting": waiting}
    return render(request, "admin/second_person.html", context)


def _settle(request: HttpRequest) -> SecondPersonRequest | None:
    """Carries out or takes back what was chosen. Returns what was carried out."""
    confirmed, withdrawn = request.POST.get("confirm", ""), request.POST.get("withdraw", "")
    number = confirmed or withdrawn
    try:
        if not (number.isascii() and number.isdigit() and len(number) < 18):
            raise second_person.NotOpen
        if confirmed:
            asked = second_person.confirm(int(number), person(request))
            if asked.act != MAKE_LINK:  # the page itself shows the link
                messages.success(request, CONFIRMED.format(act=asked.get_act_display(), about=asked.about))
            return asked
        second_person.withdraw(int(number), person(request))
        messages.success(request, WITHDRAWN)
    except PermissionDenied:  # another's
        raise Http404 from None
    except second_person.NotOpen:
        messages.error(request, NOT_OPEN)
    return None
