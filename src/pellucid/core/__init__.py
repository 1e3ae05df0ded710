"""Words that everything shares: sites, errors, provenance. Nothing here imports torch."""
