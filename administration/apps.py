from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AdministrationConfig(AppConfig):
    name = "administration"
    verbose_name = "Administration"

    def ready(self) -> None:
        from administration.rights import add_acts  # noqa: PLC0415  imports models

        add_acts()


class TeleqAdminConfig(AdminConfig):
    default_site = "administration.site.TeleqAdminSite"
