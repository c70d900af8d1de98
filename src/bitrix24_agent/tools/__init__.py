"""What a model may call and what it reads, in no framework's terms."""
