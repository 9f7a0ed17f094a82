"""Curves for people who sign: intervals on each, readable in grey, the same bytes on every run."""
