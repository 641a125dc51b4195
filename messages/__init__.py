"""How a fact reads: core values in, text for one platform out; pure, no input or output."""
