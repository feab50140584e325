-- An event is journaled once: what comes twice from another system is found by its id.
CREATE UNIQUE INDEX journal_event ON journal (organization_id, event_id);
