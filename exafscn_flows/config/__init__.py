"""The campaign file: its models and its reader."""
