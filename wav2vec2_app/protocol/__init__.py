"""What crosses the pipes between the server process and a worker: the frame, and the typed messages."""
