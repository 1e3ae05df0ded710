"""How concepts are found, judged and shown."""
