-- The name of a deleted instance can be given again.
ALTER TABLE instances DROP CONSTRAINT instances_tenant_name_key;
-- No name is empty: the condition keeps the planner from walking this index for the look-up by token, which has
-- the other one in it.
CREATE UNIQUE INDEX instances_by_name ON instances (tenant, name) WHERE deleted_at IS NULL AND name <> '';
