"""The web process: page, API, orchestrator and the bridge to the workers."""
