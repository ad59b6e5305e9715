"""The worker program: the process that decodes, computes, draws and runs the model."""
