"""What happened: instants, token streams, load and the state of the host, as they were."""
