from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from cases import api

handler400 = "teleq.middleware.readable.bad_request"
urlpatterns = [
    path("", include("cases.urls")),
    path("", include("sms.urls")),
    path("api/v1/", api.urls),
    path("login/", auth_views.LoginView.as_view(template_name="teleq/login.html"), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
