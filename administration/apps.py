from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AdministrationConfig(AppConfig):
    name = "administration"
    verbose_name = "Administration"


class TeleqAdminConfig(AdminConfig):
    default_site = "administration.site.TeleqAdminSite"
