-- Timers that actors wait for; rebuildable from the timers topic.
CREATE TABLE timers (
  tenant text NOT NULL,
  actor text NOT NULL,
  timer_id text NOT NULL,
  generation text NOT NULL,
  due_at timestamptz NOT NULL,
  PRIMARY KEY (actor, timer_id)
);
SELECT prosa_protect('timers');
CREATE INDEX timers_by_due ON timers (due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON timers TO prosa_worker;
