from django.contrib import admin


class TeleqAdminSite(admin.AdminSite):
    pass
