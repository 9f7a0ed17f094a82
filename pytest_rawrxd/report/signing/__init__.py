"""Signing: who stands for a result, by which key, and whether it still is the result that was signed."""
