"""Every address. Apps are named and not imported: the floor knows none of them."""

from django.conf import settings
from django.urls import include, path

handler400 = "teleq.middleware.readable.bad_request"
urlpatterns = [
    path("", include("administration.health.urls")),
    path("", include("access.urls")),
    path("", include("cases.urls")),
    path("", include("sms.urls")),
    path("", include("intake.urls")),
    path("", include("telephony.urls")),
    path("admin/", include("administration.urls")),
    path("hjalp/", include("teleq.handbook.urls")),
]
if settings.TELEQ_DEMO:
    urlpatterns.append(path("", include("demo.urls")))
