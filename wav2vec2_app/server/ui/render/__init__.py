"""HTML of the page's parts: pure functions from results to markup. Everything that is not ours is escaped."""
