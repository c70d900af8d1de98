"""What was asked, decided and done, without secrets; and what the portal returns, made harmless."""
