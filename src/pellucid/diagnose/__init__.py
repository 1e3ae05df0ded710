"""What is wrong with a network, an input or a training: one file per check, each gives findings."""
