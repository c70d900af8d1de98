"""The tables of the state store; other modules add theirs to the same ``metadata``.

JSON is kept as canonical text, so that equal values are equal rows in both databases. Times are
Unix seconds.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text

metadata = MetaData()

plans = Table(
    "plans",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("risk", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    Column("diff", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("before_hash", Text),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Double),
    Column("reason", Text, nullable=False),
    Column("actor", Text),
    Column("conversation", Text),
    Column("key", Text),
    Index("plans_digest", "digest"),
    Index("plans_created", "created_at"),
)
"""Frozen calls and what people said about them."""

refusals = Table(
    "refusals",
    metadata,
    Column("conversation", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("plan_id", Text, nullable=False),
    Column("refused_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Double, nullable=False),
)
"""Calls a person said no to, by conversation."""

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("answer", Text),
    Column("claimed_at", Double, nullable=False),
    Column("settled_at", Double),
    Index("idempotency_claimed", "claimed_at"),
)
"""Which request a key stands for, and what came of it."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ref", BigInteger),
    Column("method", Text),
    Column("risk", Text),
    Column("verdict", Text),
    Column("outcome", Text),
    Column("actor", Text),
    Column("conversation", Text),
    Column("plan_id", Text),
    Column("data", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("audit_at", "at"),
    Index("audit_ref", "ref"),
    Index("audit_method", "method"),
)
"""The hash chain of what was asked, decided and done; triggers refuse changes."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
"""The last link of the chain, so that rows cut off its end are missed."""

journal = Table(
    "journal",
    metadata,
    Column("audit_id", BigInteger, primary_key=True, autoincrement=False),
    Column("call", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("plan_id", Text),
    Column("created_at", Double, nullable=False),
)
"""For each write that can be undone, the call that undoes it."""

handles = Table(
    "handles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("handles_expires", "expires_at"),
)
"""The rest of large answers, for the conversation that got them."""
