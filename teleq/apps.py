from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class TeleqConfig(AppConfig):
    name = "teleq"
    verbose_name = "Vårdenheter"


class TeleqAdminConfig(AdminConfig):
    default_site = "teleq.admin_site.TeleqAdminSite"
