from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class TeleqConfig(AppConfig):
    name = "teleq"
    verbose_name = "Vårdenheter"

    def ready(self) -> None:
        from teleq import demo  # noqa: F401, PLC0415  registers the check that shuts the demonstration logins out


class TeleqAdminConfig(AdminConfig):
    default_site = "teleq.admin_site.TeleqAdminSite"
