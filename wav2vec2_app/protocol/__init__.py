"""What crosses the pipe between the server and a worker."""
