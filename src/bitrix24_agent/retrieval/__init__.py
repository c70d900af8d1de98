"""From what a person says to the methods that do it."""
