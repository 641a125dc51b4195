"""Payload bytes to core values: pure, one module per subject, ``PayloadError`` for all that is wrong."""
