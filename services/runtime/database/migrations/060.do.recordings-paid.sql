-- What the API has written down by a model counts in the tenant's day like everything else.
GRANT SELECT, INSERT, UPDATE, DELETE ON model_spending TO prosa_api;
