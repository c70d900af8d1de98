"""The client against its peers: a stub portal, one process for each run, a table of ratios."""
