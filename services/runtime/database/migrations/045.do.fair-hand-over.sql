-- What is due of each instance, so that one's heap holds up nobody else (services/sender/due-turns.ts).
CREATE INDEX message_requests_due_by_instance ON message_requests (instance, due_at, id) WHERE status = 'scheduled';
CREATE INDEX deliveries_put_off_by_instance ON deliveries (instance, next_attempt_at, id) WHERE status = 'scheduled';
