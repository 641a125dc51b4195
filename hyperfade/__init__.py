"""The front door: commands, settings, composition. Nothing imports it."""
