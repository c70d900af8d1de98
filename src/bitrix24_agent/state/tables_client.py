"""What clients share through the state store: the portal's bucket, methods at rest, tokens."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, Table, Text

from bitrix24_agent.state.tables import metadata

buckets = Table(
    "buckets",
    metadata,
    Column("key", Text, primary_key=True),
    Column("level", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("sure", Double, nullable=False),
    Column("trying_by", Text),
    Column("trying_until", Double),
)
"""One row a portal: the counter we believe in, when it was true, until when somebody's answers
confirm it, and which process is trying it out while nobody's do."""

rests = Table(
    "rests",
    metadata,
    Column("credential", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("until", Double, nullable=False),
)
"""Methods of a credential that used up their operating time, until Unix seconds."""

tokens = Table(
    "tokens",
    metadata,
    Column("key", Text, primary_key=True),
    Column("seed", Text, nullable=False),
    Column("access_token", Text, nullable=False),
    Column("refresh_token", Text, nullable=False),
    Column("expires_at", Double),
    Column("generation", Integer, nullable=False),
    Column("lock_owner", Text),
    Column("lock_until", Double),
    Column("failed_code", Text),
    Column("failed_text", Text),
)
"""One row a portal and application: the grant, who refreshes it, why that failed for good."""
