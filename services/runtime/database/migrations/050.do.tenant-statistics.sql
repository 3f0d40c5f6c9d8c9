-- What the planner believes of a tenant's rows while a table is empty: that all rows are one tenant's.
--
-- Statements are planned once, on empty tables, and the isolation policy adds a condition on the tenant to each. Without
-- statistics Postgres takes that condition for a narrow one, and a look-up by a key goes by whichever index begins with the
-- tenant and reads all rows of it (013, 027). ANALYZE replaces what stands here once there are rows. Before Postgres 18
-- statistics cannot be given; there the first minutes of a new table are slower.
CREATE FUNCTION prosa_assume_one_tenant(assumed regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('server_version_num')::int < 180000 THEN RETURN; END IF;
  PERFORM pg_restore_attribute_stats('schemaname', n.nspname::text, 'relname', c.relname::text, 'attname', 'tenant'::text,
    'inherited', false, 'null_frac', 0::real, 'avg_width', 8, 'n_distinct', 1::real)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = assumed AND c.reltuples < 0;
END $$;

CREATE OR REPLACE FUNCTION prosa_protect(protected regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', protected);
  EXECUTE format('CREATE POLICY tenant_declared ON %s USING (tenant = ANY (app_tenants())) WITH CHECK (tenant = ANY (app_tenants()))', protected);
  PERFORM prosa_assume_one_tenant(protected);
END $$;

SELECT prosa_assume_one_tenant(p.polrelid) FROM pg_policy p WHERE p.polname = 'tenant_declared';
