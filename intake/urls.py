from django.urls import path

from intake import api

urlpatterns = [path("api/v1/", api.urls)]
