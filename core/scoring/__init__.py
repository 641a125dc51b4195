"""What opportunities made, whether that was luck, and the control beside it."""
