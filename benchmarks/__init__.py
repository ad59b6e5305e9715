"""Benchmarks, one module each; ``python -m benchmarks`` runs them all and draws the results.

Figures are written to ``results/`` as JSON, one document for each module and ``all.json``, and drawn to
``benchmarks.png``.
"""
