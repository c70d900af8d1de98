"""Compile a checkout of the vendor's documentation into the files of ``references/``."""
