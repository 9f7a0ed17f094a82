"""What is under test: models, engines, GPUs and the host they run on."""
