-- What people say to marketing alone, where WhatsApp asks them (the Cloud API's `user_preferences`, and 131050), in the chain
-- of their consents.
ALTER TABLE consents DROP CONSTRAINT consents_status_check;
ALTER TABLE consents ADD CONSTRAINT consents_status_check
  CHECK (status IN ('requested', 'given', 'refused', 'withdrawn', 'marketing-stopped', 'marketing-resumed'));
