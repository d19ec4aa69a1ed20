"""Pseudonyms at the door, redaction of free text, quotations only from groups large enough."""
