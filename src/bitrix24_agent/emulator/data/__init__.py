"""What a portal of the emulator holds: field descriptions, status lists, a company's records."""
