"""How inputs that excite a unit are climbed to, and shown beside real ones."""
