"""The addresses under the tab Admin: the pages beside the models, and Django's own for the models."""

from django.contrib.admin import site
from django.urls import path

from administration.admin.patient_data import patient_data_view
from administration.admin.second_person import second_person_view
from administration.admin.statistics import statistics_view
from administration.admin.unplaced_sms import unplaced_sms_view

app_name = "admin"  # Django looks its own pages up by this name
urlpatterns = [
    path("patient-data/", site.admin_view(patient_data_view), name="patient_data"),
    path("second-person/", site.admin_view(second_person_view), name="second_person"),
    path("statistics/", site.admin_view(statistics_view), name="statistics"),
    path("unplaced-sms/", site.admin_view(unplaced_sms_view), name="unplaced_sms"),
    *site.get_urls(),
]
