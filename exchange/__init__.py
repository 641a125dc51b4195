"""Hyperliquid, both sides of the wire: the client and feed that listen, and the server that plays it."""
