"""What Hyperfade knows: pure rules and values; opens no socket, file, clock or random source."""
