"""Everything that outlives a call, in one SQL store."""
