"""Addresses for machines. `teleq/middleware/probes.py` answers them before all that is for people."""

from django.urls import path

from administration.health import views

app_name = "health"
urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("status", views.status, name="status"),
    path("metrics", views.metrics_view, name="metrics"),
]
