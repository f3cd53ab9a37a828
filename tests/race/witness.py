"""A witness that the race puts into its own database, beside the product: plain SQL that judges nothing.

At the commit of whatever judged a message it writes down the answer and the switch as they are by then. Who held the
locks finds what they judged by; who did not finds what was committed under their hands. Clocks alone tell far less: an
answer may be written before a claim and committed after it.
"""

from django.db import connection

ON = """
    CREATE SCHEMA race;
    CREATE INDEX race_answers ON consent_consentevent (care_provider_id, phone_number, pgh_id);

    CREATE TABLE race.judgement (
        id bigserial PRIMARY KEY, message_id bigint, queue_id bigint, phone_number text, at_once boolean, state text,
        refusal text, accepted_at timestamptz, begun_at timestamptz, judged_at timestamptz, send_before timestamptz,
        noted_event bigint, noted_answer text, latest_event bigint, consent_required boolean
    );
    CREATE FUNCTION race.judged() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO race.judgement SELECT nextval('race.judgement_id_seq'), NEW.id, NEW.queue_id, NEW.to_number,
            TG_OP = 'INSERT', NEW.state, NEW.refusal, NEW.created_at, now(), NEW.state_at, NEW.send_before,
            NEW.consent_event_id, NEW.consent_answer,
            (SELECT max(pgh_id) FROM consent_consentevent e JOIN teleq_queue q USING (care_provider_id)
             WHERE q.id = NEW.queue_id AND e.phone_number = NEW.to_number),
            (SELECT consent_required FROM teleq_outgoingsms WHERE queue_id = NEW.queue_id);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER race_claimed AFTER UPDATE ON sms_message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (OLD.state = 'queued' AND NEW.state IN ('sending', 'refused', 'expired')) EXECUTE FUNCTION race.judged();
    CREATE CONSTRAINT TRIGGER race_refused AFTER INSERT ON sms_message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.state = 'refused') EXECUTE FUNCTION race.judged();

    CREATE TABLE race.switch (id bigserial PRIMARY KEY, queue_id bigint, consent_required boolean, at timestamptz);
    CREATE FUNCTION race.switched() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO race.switch (queue_id, consent_required, at)
        VALUES (NEW.queue_id, NEW.consent_required, clock_timestamp());
        RETURN NULL;
    END $$;
    CREATE TRIGGER race_switched AFTER INSERT OR UPDATE ON teleq_outgoingsms FOR EACH ROW
        EXECUTE FUNCTION race.switched();

    CREATE TABLE race.seen (what text, id bigint, at timestamptz);
    GRANT USAGE ON SCHEMA race TO teleq_product;
    GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA race TO teleq_product;
"""

OFF = "DROP SCHEMA race CASCADE; DROP INDEX race_answers"

SEE_ANSWER = """
    INSERT INTO race.seen SELECT 'answer', max(pgh_id), clock_timestamp() FROM consent_consentevent
    WHERE care_provider_id = %s AND phone_number = %s
"""
SEE_SWITCH = "INSERT INTO race.seen SELECT 'switch', max(id), clock_timestamp() FROM race.switch WHERE queue_id = %s"
"""Whoever has written an answer or a switch notes afterwards that it is there for all to see from now on."""


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
