"""What everything that can be chosen by its kind must hold to, whoever wrote it.

Each check takes one class of a registry. What is registered later is checked by being registered.
"""
