from django.urls import path

from teleq.handbook import views

app_name = "handbook"
urlpatterns = [
    path("", views.index, name="index"),
    path("till/<str:view>/", views.help_with, name="help_with"),
    path("<slug:page>/", views.page, name="page"),
]
