-- The service queues of a tenant, also those that its configuration does not name any more. A condition that hosts do not
-- repeat keeps the index from them (013).
CREATE INDEX actor_snapshots_of_queues ON actor_snapshots (tenant, actor) WHERE machine = 'service-queue';
