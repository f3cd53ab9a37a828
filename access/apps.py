from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = gettext_lazy("Åtkomst")

    def ready(self) -> None:
        from access import checks, sessions  # noqa: F401, PLC0415  registers the system checks, and when sessions begin
