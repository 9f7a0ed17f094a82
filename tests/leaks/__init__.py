"""Canary secrets: what is planted, the session that runs over them, and the search for them afterwards."""
