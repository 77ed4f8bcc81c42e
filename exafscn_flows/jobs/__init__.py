"""Jobs: read ids from the store, call the science, write documents, return small summaries."""
