"""Names of the files that the plugin in the watched session writes."""

STARTED = "started.jsonl"
ANSWERS = "answers.jsonl"
