"""Acceptance tests for LLM inference engines whose reports double as sign-off documents."""

__version__ = "0.1.0"
