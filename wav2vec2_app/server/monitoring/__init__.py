"""Sinks for events: metrics and logs. The publishers of events do not know them."""
