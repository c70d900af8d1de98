"""The Markdown under ``references/`` and its look-up."""
