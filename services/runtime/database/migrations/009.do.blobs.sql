-- Bodies that are too large for a record, sealed; records carry their ids.
CREATE TABLE blobs (
  tenant text NOT NULL REFERENCES tenants,
  id text NOT NULL,
  actor text NOT NULL,
  body bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id)
);
SELECT prosa_protect('blobs');
GRANT SELECT, INSERT ON blobs TO prosa_ingest;
GRANT SELECT ON blobs TO prosa_worker, prosa_api;
