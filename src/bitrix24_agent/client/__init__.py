"""Sends calls to a portal: credentials, pacing, repeating, many calls at once, files."""
