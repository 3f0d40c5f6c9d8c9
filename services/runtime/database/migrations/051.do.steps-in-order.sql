-- In the order in which steps are recorded: many are of one moment, and a few of them are taken at a time.
DROP INDEX delivery_steps_to_record;
CREATE INDEX delivery_steps_to_record ON delivery_steps (record_due_at, delivery, number) WHERE record_due_at IS NOT NULL;
