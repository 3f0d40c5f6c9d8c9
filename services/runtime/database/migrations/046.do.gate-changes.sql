-- Changes of `sending_gates` that are still to be recorded as audit events (services/sender/gate-changes.ts):
-- written with the change, deleted once they are on the log.
CREATE TABLE sending_gate_changes (
  tenant text NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  instance text NOT NULL,
  change text NOT NULL CHECK (change IN ('opened', 'closed', 'cold')),
  -- Stable code of why; null when it closed.
  reason text,
  at timestamptz NOT NULL DEFAULT now()
);
SELECT prosa_protect('sending_gate_changes');
CREATE INDEX sending_gate_changes_by_time ON sending_gate_changes (at);
-- UPDATE is for the lock alone.
GRANT SELECT, INSERT, UPDATE (at), DELETE ON sending_gate_changes TO prosa_worker;
