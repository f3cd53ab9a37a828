from django.urls import path

from cases.views import acts, case, details, finding, holding, journal, lists, new_case, rebooking, sms

app_name = "cases"
urlpatterns = [
    path("", lists.show_work_list, name="work_list"),
    path("cases/list/", lists.live_list, name="live_list"),
    path("cases/search/", finding.search, name="search"),
    path("cases/found/<slug:search_id>/", finding.show_found, name="found"),
    path("cases/other-queues/", lists.other_queues, name="other_queues"),
    path("cases/new/", new_case.new_case, name="new_case"),
    path("cases/new/draft/", new_case.new_case_draft, name="new_case_draft"),
    path("cases/next/", holding.take_next, name="take_next"),
    path("cases/release-mine/", holding.release_mine, name="release_mine"),
    path("inbound/", lists.show_inbound, name="inbound"),
    path("inbound/<int:inbound_id>/read/", lists.mark_read, name="mark_read"),
    path("cases/<int:case_id>/", case.show_case, name="case"),
    path("cases/<int:case_id>/live/", case.live, name="live"),
    path("cases/<int:case_id>/details/", details.save_details, name="save_details"),
    path("cases/<int:case_id>/free-times/", rebooking.free_times, name="free_times"),
    path("cases/<int:case_id>/rebook/", rebooking.rebook, name="rebook"),
    path("cases/<int:case_id>/queue/", rebooking.move_to_queue, name="move_to_queue"),
    path("cases/<int:case_id>/number/", details.save_number, name="save_number"),
    path("cases/<int:case_id>/consent/", details.save_consent, name="save_consent"),
    path("cases/<int:case_id>/sms/", sms.sms, name="sms"),
    path("cases/<int:case_id>/protection/", details.save_protection, name="save_protection"),
    path("cases/<int:case_id>/notes/", details.add_note, name="add_note"),
    path("cases/<int:case_id>/journal/", journal.show_journal_text, name="journal"),
    path("cases/<int:case_id>/draft/", new_case.draft, name="draft"),
    path("cases/<int:case_id>/act/", acts.act, name="act"),
    path("cases/<int:case_id>/done/", acts.done, name="done"),
    path("cases/<int:case_id>/take-over/", holding.take_over, name="take_over"),
    path("cases/<int:case_id>/leave/", holding.leave, name="leave"),
]
