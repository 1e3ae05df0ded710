"""How correlations with the input are estimated, and shown."""
