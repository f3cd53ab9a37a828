from django.urls import path

from cases import views

app_name = "cases"
urlpatterns = [
    path("", views.show_work_list, name="work_list"),
    path("cases/search/", views.search, name="search"),
    path("cases/other-queues/", views.other_queues, name="other_queues"),
    path("cases/new/", views.new_case, name="new_case"),
    path("cases/new/draft/", views.new_case_draft, name="new_case_draft"),
    path("inbound/", views.show_inbound, name="inbound"),
    path("inbound/<int:inbound_id>/read/", views.mark_read, name="mark_read"),
    path("cases/<int:case_id>/", views.show_case, name="case"),
    path("cases/<int:case_id>/history/", views.poll_history, name="poll_history"),
    path("cases/<int:case_id>/details/", views.save_details, name="save_details"),
    path("cases/<int:case_id>/number/", views.save_number, name="save_number"),
    path("cases/<int:case_id>/consent/", views.save_consent, name="save_consent"),
    path("cases/<int:case_id>/sms/", views.sms, name="sms"),
    path("cases/<int:case_id>/protection/", views.save_protection, name="save_protection"),
    path("cases/<int:case_id>/notes/", views.add_note, name="add_note"),
    path("cases/<int:case_id>/draft/", views.draft, name="draft"),
    path("cases/<int:case_id>/act/", views.act, name="act"),
    path("cases/<int:case_id>/done/", views.done, name="done"),
]
