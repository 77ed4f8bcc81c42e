"""The report of a campaign: collected results in, one HTML page out."""
