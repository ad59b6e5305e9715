"""The tests."""

import os

# Threads of OpenMP wait without keeping a core busy: several processes of tests share the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
