"""Chaos: a campaign on FireWorks that loses its processes, its database, its scratch, its network.

`make chaos` runs a large one, tests/launcher/test_chaos.py a small one.
"""
