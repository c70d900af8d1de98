"""What a call is, what it can do at worst and whether it may go: pure functions of values."""
