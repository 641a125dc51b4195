"""The loops: they await ports, call what decides, await ports again."""
