-- Why an SMS left, or didn't: what teleQ wrote down of a number's messages and answers. docs/operate/incidents.md says when.
--   psql -x -v number=+46701740605 -f why.sql
-- It reads a patient's data past the access log: ask whom the care provider has appointed, and write down that you did.

\echo Messages, the latest first. consent_event_id is the answer that decided, below.
SELECT m.id, m.kind, q.unit || ' ' || q.name AS queue, m.created_at, m.claimed_at, m.state, m.state_at, m.refusal,
       m.consent_required, m.consent_event_id, m.consent_answer, m.consent_channel, m.consent_answered_at,
       a.username AS written_by, m.provider, m.provider_message_id, m.provider_status
FROM sms_message AS m
JOIN teleq_queue AS q ON q.id = m.queue_id
LEFT JOIN teleq_user AS a ON a.id = m.author_id
WHERE m.to_number = :'number'
ORDER BY m.id DESC LIMIT 20;

\echo Answers, the latest first: when each was stored, by whom and through what.
SELECT e.pgh_id AS event, e.pgh_created_at AS stored_at, e.pgh_label, p.name AS care_provider, e.answer, e.channel,
       u.username AS answered_by, e.case_id, e.answered_at, e.valid_until
FROM consent_consentevent AS e
JOIN teleq_careprovider AS p ON p.id = e.care_provider_id
LEFT JOIN teleq_user AS u ON u.id = e.answered_by_id
WHERE e.phone_number = :'number'
ORDER BY e.pgh_id DESC LIMIT 20;

\echo STOPP that is stored and not carried out yet. It counts already.
SELECT care_provider_id, answered_at FROM consent_withdrawal WHERE phone_number = :'number';

\echo What the patient has sent.
SELECT i.id, i.received_at, i.withdrawal AS stopp, q.unit || ' ' || q.name AS queue
FROM sms_inboundsms AS i LEFT JOIN teleq_queue AS q ON q.id = i.queue_id
WHERE i.from_number = :'number'
ORDER BY i.id DESC LIMIT 20;

\echo Who changed the settings for SMS of these queues, such as the box Aktivera samtycke till SMS.
SELECT l.action_time, u.username, l.object_repr, l.change_message
FROM django_admin_log AS l
JOIN django_content_type AS t ON t.id = l.content_type_id AND t.app_label = 'teleq' AND t.model = 'outgoingsms'
JOIN teleq_user AS u ON u.id = l.user_id
WHERE l.object_id IN (SELECT queue_id::text FROM sms_message WHERE to_number = :'number')
ORDER BY l.id DESC LIMIT 20;
