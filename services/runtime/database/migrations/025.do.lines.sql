-- Who serves a line. Truth. A line without a row is served by the instance that each message names.
CREATE TABLE line_routes (
  tenant text NOT NULL,
  line text PRIMARY KEY,
  instance text NOT NULL,
  -- A share of the chats goes to another one, while the flag is on if there is one.
  split_instance text,
  split_percent int CHECK (split_percent BETWEEN 0 AND 100),
  split_flag text,
  -- Allowed to stand in for an instance that is down, in this order.
  fallbacks text[] NOT NULL DEFAULT '{}',
  -- Time inside the instance's actor at which it was asked for, epoch milliseconds: an older change changes nothing.
  changed_at bigint NOT NULL
);
SELECT prosa_protect('line_routes');
GRANT SELECT, INSERT, UPDATE ON line_routes TO prosa_worker;
GRANT SELECT ON line_routes TO prosa_api;

-- Whether an instance can send, as its actor said last. No row: nothing is known against it.
CREATE TABLE instance_availability (
  tenant text NOT NULL,
  instance text PRIMARY KEY,
  availability text NOT NULL CHECK (availability IN ('available', 'restricted', 'down')),
  changed_at bigint NOT NULL
);
SELECT prosa_protect('instance_availability');
GRANT SELECT, INSERT, UPDATE ON instance_availability TO prosa_worker;
GRANT SELECT ON instance_availability TO prosa_api;

-- The effects of an instance put it on the line that it is to serve, and end it.
GRANT UPDATE (line, deleted_at) ON instances TO prosa_worker;
