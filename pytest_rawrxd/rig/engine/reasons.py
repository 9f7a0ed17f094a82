"""How a request ends, in the words that stand in the evidence."""

NO_CELLS, ABORTED = 1, 2
#: llama_decode's return codes, as the reason that a request ends with.
FAILURES = {
    NO_CELLS: "error: no KV cells left",
    ABORTED: "error: aborted",
    -1: "error: the engine calls the batch invalid",
    -2: "error: the engine could not allocate",
    -3: "error: the engine's computation failed",
}
LENGTH = "length"
NOT_ADMITTED = "not admitted"
TIMEOUT = "error: timeout"
UNSAMPLED = "error: the engine sampled no token"
