-- The index of the list of conversations, for the list alone. The isolation policy puts the tenant into
-- every statement, so that the hosts' deletes too could take an index that begins with it; planned
-- while the table is empty, both indexes look alike, and the plan then read all snapshots of the tenant
-- at every slice. Its condition holds for every row; only who repeats it is offered the index.
DROP INDEX actor_snapshots_by_tenant;
CREATE INDEX actor_snapshots_listed ON actor_snapshots (tenant, updated_at) WHERE next_offset >= 0;
