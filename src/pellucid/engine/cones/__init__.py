"""What of a forward a changed part of the input can reach, and computing only that."""
