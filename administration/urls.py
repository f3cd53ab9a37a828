"""The addresses under the tab Admin: the pages beside the models, and Django's own for the models."""

from typing import cast

from django.contrib import admin
from django.urls import path

from administration.admin.held_cases import held_cases_view
from administration.admin.log_extract import log_extract_view
from administration.admin.log_reviews import log_review_view, log_reviews_view
from administration.admin.lost_callbacks import lost_callbacks_view
from administration.admin.operations import operations_view, runbook_view
from administration.admin.patient_data import patient_data_view
from administration.admin.recordings import (
    recording_audio_view,
    recording_view,
    recordings_language_view,
    recordings_view,
)
from administration.admin.reserve import reserve_view
from administration.admin.rights import end_view, rights_view
from administration.admin.second_person import second_person_view
from administration.admin.sms_stop import sms_stop_view
from administration.admin.statistics import statistics_view
from administration.admin.stopped_sms import stopped_sms_view
from administration.admin.unplaced_sms import unplaced_sms_view
from administration.site import TeleqAdminSite

site = cast(TeleqAdminSite, admin.site)
page = site.administrators_view
of_care_provider = site.admin_view
"""For pages of a care provider's reviewer of logs and its administrator, who ask for the role themselves."""

app_name = "admin"  # Django looks its own pages up by this name
urlpatterns = [
    path("held-cases/", page(held_cases_view), name="held_cases"),
    path("log-extract/", of_care_provider(log_extract_view), name="log_extract"),
    path("log-reviews/", of_care_provider(log_reviews_view), name="log_reviews"),
    path("log-reviews/<int:review_id>/", of_care_provider(log_review_view), name="log_review"),
    path("lost-callbacks/", page(lost_callbacks_view), name="lost_callbacks"),
    path("operations/", page(operations_view), name="operations"),
    path("operations/runbook/", page(runbook_view), name="runbook"),
    path("patient-data/", page(patient_data_view), name="patient_data"),
    path("recordings/", page(recordings_view), name="recordings"),
    path("recordings/audio/<int:recording_id>/", page(recording_audio_view), name="recording_audio"),
    path("recordings/<int:provider_id>/<str:language>/", page(recordings_language_view), name="recordings_language"),
    path("recordings/<int:provider_id>/<str:language>/<str:sentence>/", page(recording_view), name="recording"),
    path("reserve/", page(reserve_view), name="reserve"),
    path("rights/", page(rights_view), name="rights"),
    path("rights/<str:kind>/<int:given_id>/end/", page(end_view), name="end_right"),
    path("second-person/", page(second_person_view), name="second_person"),
    path("sms-stop/", page(sms_stop_view), name="sms_stop"),
    path("statistics/", page(statistics_view), name="statistics"),
    path("stopped-sms/", page(stopped_sms_view), name="stopped_sms"),
    path("unplaced-sms/", page(unplaced_sms_view), name="unplaced_sms"),
    # Without Django's way from a row to its page on the site: no row has one, and some models have no table to look in.
    *(each for each in site.get_urls() if getattr(each, "name", "") != "view_on_site"),
]
