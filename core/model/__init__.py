"""The values that travel between rooms: frozen, validated where they are made."""
