"""Engines: ways to run a forward pass, behind one interface."""
