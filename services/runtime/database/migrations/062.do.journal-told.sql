-- What actors told each other, for verifying who told it: looked for by its id, whoever was told. Few of all records.
CREATE INDEX journal_told ON journal (event_id) WHERE type IN ('actor.told', 'conversation.merged');
