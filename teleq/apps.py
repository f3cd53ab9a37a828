from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class TeleqConfig(AppConfig):
    name = "teleq"
    verbose_name = "Vårdenheter"

    def ready(self) -> None:
        from teleq import checks  # noqa: F401  registers the system checks


class TeleqAdminConfig(AdminConfig):
    default_site = "teleq.admin_site.TeleqAdminSite"
