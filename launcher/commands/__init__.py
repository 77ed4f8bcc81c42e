"""Commands: what each takes. Their work is in other modules, which are imported when it begins."""
