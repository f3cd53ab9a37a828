from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy


class AdministrationConfig(AppConfig):
    name = "administration"
    verbose_name = gettext_lazy("Administration")

    def ready(self) -> None:
        from administration import history  # noqa: PLC0415  imports models
        from administration.database import checks  # noqa: F401, PLC0415  registers the system check
        from administration.database.grants import lay_down, require_owner  # noqa: PLC0415  imports models
        from administration.health import checks as health_checks  # noqa: F401, PLC0415  as above
        from administration.health import signs, stand_in  # noqa: PLC0415
        from administration.rights import add_acts  # noqa: PLC0415

        add_acts()
        history.connect()
        signs.connect()
        stand_in.connect()
        pre_migrate.connect(require_owner, sender=self)
        post_migrate.connect(lay_down, sender=self)  # once, when all apps' tables are there


class TeleqAdminConfig(AdminConfig):
    default_site = "administration.site.TeleqAdminSite"
