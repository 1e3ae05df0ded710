"""The graph of one forward: what read what, in which call of which module, and what each call did and cost."""
