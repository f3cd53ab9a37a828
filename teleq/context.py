"""What every page's frame needs."""

from django.conf import settings
from django.http import HttpRequest

from teleq.models import Queue, Role


def navigation(request: HttpRequest) -> dict[str, object]:
    user = request.user
    return {
        "demo": settings.TELEQ_DEMO,
        "may_administer": user.is_authenticated
        and (user.is_superuser or Queue.objects.for_user(user, Role.ADMINISTRATOR).exists()),
    }
