"""What can be shown: an append-only ledger, raw arrays beside it, and the identity they belong to."""
