"""How jobs are wired into flows: no science, no scheduler, no database."""
